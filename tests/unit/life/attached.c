/* Who is attached to a segment, and when. */
#include "support.h"
#include <kin/segment.h>
#include <unistd.h>

#define OPEN(...) KIN_SEGMENT(.bytes = 10000, __VA_ARGS__)

static kin_segment *open_segment(const char *name, const struct kin_segment_options *options)
{
    kin_segment *segment;
    check_is(kin_segment_open(NULL, name, options, &segment), 0);
    return segment;
}

static struct kin_segment_status status_of(kin_segment *segment)
{
    struct kin_segment_status status;
    check_is(kin_segment_status(segment, &status), 0);
    return status;
}

static int attach_and_wait(void *context)
{
    int *ready = context;
    open_segment("s", NULL);
    open_segment("s", NULL);
    __atomic_store_n(ready, 1, __ATOMIC_RELEASE);
    for (;;)
        pause();
    return 0;
}

struct seen {
    pid_t pid;
    uint64_t count;
    int alive, parties;
};

static int see(void *context, const struct kin_party *party)
{
    struct seen *seen = context;
    seen->parties += party->part == KIN_PART_ATTACHED;
    if (party->part == KIN_PART_ATTACHED && party->pid == seen->pid) {
        seen->count = party->count;
        seen->alive = party->alive;
    }
    return 0;
}

static void a_killed_attacher_is_not_counted(void **state)
{
    (void)state;
    int *ready = test_shared(sizeof *ready);
    kin_segment *segment = open_segment("s", OPEN());
    check_is(status_of(segment).attached, 1);
    pid_t child = test_child(attach_and_wait, ready);
    test_until(__atomic_load_n(ready, __ATOMIC_ACQUIRE));
    check_is(status_of(segment).attached, 3);
    check_is(status_of(segment).last, child);
    struct seen seen = {.pid = child};
    check_is(kin_object_each_party(NULL, "s", see, &seen), 0);
    check(seen.count == 2 && seen.alive == 1 && seen.parties == 2);
    test_kill(child);
    check_is(status_of(segment).attached, 1);
    check(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) >= 1);
    seen = (struct seen){.pid = child};
    check_is(kin_object_each_party(NULL, "s", see, &seen), 0);
    check(seen.count == 0 && seen.parties == 1);
    kin_segment_close(segment);
    segment = open_segment("s", NULL);
    check_is(status_of(segment).attached, 1);
    check(status_of(segment).detached_at >= status_of(segment).created);
    kin_segment_close(segment);
}

static void times_and_numbers(void **state)
{
    (void)state;
    kin_segment *segment = open_segment("s", OPEN(.bytes_max = 20000));
    struct kin_segment_status status = status_of(segment);
    check_is(status.creator, getpid());
    check_is(status.last, getpid());
    check(status.created && status.created == status.changed_at && status.attached_at >= status.created);
    check_is(status.detached_at, 0);
    check_is(kin_segment_grow(segment, 20000), 0);
    check(status_of(segment).changed_at > status.changed_at);
    check(status.bytes == 10000 && status.bytes_max == 20000);
    kin_segment_close(segment);
}

/* More entries than a page of the table has, and none is left when they are closed. */
static void many_attach(void **state)
{
    (void)state;
    static kin_segment *segments[700];
    for (unsigned i = 0; i < 700; i++)
        segments[i] = open_segment("s", OPEN());
    check_is(status_of(segments[0]).attached, 700);
    for (unsigned i = 1; i < 700; i++)
        kin_segment_close(segments[i]);
    check_is(status_of(segments[0]).attached, 1);
    kin_segment_close(segments[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_killed_attacher_is_not_counted),
        TEST(times_and_numbers),
        TEST(many_attach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
