#include "things.h"
#include <string.h>

kin_segment *segment;
struct things *things;

static int set_up(void *context, kin_segment *made)
{
    struct things *new = kin_segment_data(made);
    (void)context;
    check_is(kin_rwlock_init(made, &new->rwlock), 0);
    check_is(kin_lock_init(made, &new->lock), 0);
    check_is(kin_condition_init(made, &new->condition), 0);
    check_is(kin_barrier_init(made, &new->barrier, PARTIES), 0);
    check_is(kin_latch_init(made, &new->latch, COUNT), 0);
    check_is(kin_once_init(made, &new->once), 0);
    return 0;
}

void things_open(void)
{
    check_is(kin_segment_open(NULL, "things", KIN_SEGMENT(.bytes = sizeof *things, .setup = set_up), &segment), 0);
    things = kin_segment_data(segment);
}

struct search {
    const char *held;
    unsigned count;
};

static int visit(void *context, const struct kin_death *death)
{
    struct search *search = context;
    search->count += strstr(death->held, search->held) != NULL;
    return 0;
}

unsigned deaths_of(const char *held)
{
    struct search search = {held, 0};
    check_is(kin_domain_each_death(NULL, 0, visit, &search), 0);
    return search.count;
}
