/* The read side of the rwlock, alone and by two; and a signal that nobody waits for. */
#include "common/clock.h"
#include "common/measure.h"
#include "common/require.h"
#include "ours/ours.h"
#include <stdlib.h>

struct named_rwlock {
    kin_domain *domain;
    kin_segment *home;
    kin_rwlock *rwlock;
};

static void *create(void)
{
    struct named_rwlock *named = malloc(sizeof *named);
    require(named);
    named->domain = domain_fresh();
    must(kin_rwlock_open(named->domain, "rwlock", NULL, &named->home, &named->rwlock));
    return named;
}

static void acquire(void *self)
{
    const struct named_rwlock *named = self;
    must(kin_rwlock_acquire_read(named->home, named->rwlock, KIN_FOREVER));
}

static void release(void *self)
{
    const struct named_rwlock *named = self;
    must(kin_rwlock_release(named->home, named->rwlock));
}

static void destroy(void *self)
{
    struct named_rwlock *named = self;
    kin_segment_close(named->home);
    kin_domain_close(named->domain);
    free(named);
}

const struct locker read_locker = {.create = create, .acquire = acquire, .release = release, .destroy = destroy};

static double readers(unsigned long number, double nanoseconds)
{
    (void)number;
    return locker_shared(&read_locker, nanoseconds);
}

const struct contest_special rwlock_specials[] = {{"readers", readers}, {0}};

struct bell {
    kin_segment *segment;
    kin_condition *condition;
};

static int set_up(void *context, kin_segment *segment)
{
    (void)context;
    return kin_condition_init(segment, kin_segment_data(segment));
}

static double signals(void *context, uint64_t count)
{
    const struct bell *bell = context;
    uint64_t begun = clock_now();
    for (uint64_t i = 0; i < count; i++)
        must(kin_condition_signal(bell->segment, bell->condition));
    return (double)(clock_now() - begun);
}

static double signal_nobody(unsigned long number, double nanoseconds)
{
    struct bell bell;
    (void)number;
    must(kin_segment_open(domain_fresh(), "bell", KIN_SEGMENT(.bytes = sizeof(kin_condition), .setup = set_up),
                          &bell.segment));
    bell.condition = kin_segment_data(bell.segment);
    double result = measure_alone(signals, &bell, nanoseconds);
    kin_segment_close(bell.segment);
    return result;
}

const struct contest_special condition_specials[] = {{"signal", signal_nobody}, {0}};
