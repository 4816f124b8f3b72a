/* What a victim, a peer and a check can do to the harness: sleep, nap, end, crash, hang, grow. */
#include "../../support/support.h"
#include <kin/crash.h>

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct kin_crash_result result;
static volatile int *volatile nowhere;

/* Shared with the victims. */
static struct shared {
    int value, asleep_seen, dumped;
    size_t count;
    char first[64], second[64];
    char seen[256]; /* by step */
} *shared;
static struct shared copy;
static int pipe_ends[2];

static int setup(void **state)
{
    int got = test_domain(state);
    shared = test_shared(sizeof *shared);
    return got;
}

#define SHARED_TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_domain_end)

static int run(const struct kin_crash *crash, enum kin_crash_mode mode)
{
    return kin_crash_run(crash, mode, &result);
}

static size_t whole(void *context, const struct kin_crash_region **list)
{
    static struct kin_crash_region region;
    (void)context;
    region = (struct kin_crash_region){shared, &copy, sizeof copy};
    *list = &region;
    return 1;
}

static int pass(void *context, const struct kin_crash_point *point)
{
    (void)context, (void)point;
    return 0;
}

static int set_value(void *context)
{
    *(volatile int *)&shared->value = *(int *)context;
    return 0;
}

static int clear_value(void *context)
{
    (void)context;
    shared->value = 0;
    return 0;
}

static int read_pipe(void *context)
{
    char byte;
    (void)context;
    return read(pipe_ends[0], &byte, 1) == 1 ? 0 : -1;
}

static int write_pipe(void *context)
{
    (void)context;
    return write(pipe_ends[1], "x", 1) == 1 ? 0 : -1;
}

static int empty_pipe(void *context)
{
    char bytes[16];
    (void)context;
    while (read(pipe_ends[0], bytes, sizeof bytes) > 0)
        continue;
    return fcntl(pipe_ends[0], F_SETFL, 0);
}

static int prepare_pipe(void *context)
{
    return fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK) < 0 ? -1 : empty_pipe(context);
}

static int note_sleeper(void *context, const struct kin_crash_point *point)
{
    (void)context;
    shared->asleep_seen += point->asleep;
    return 0;
}

#define SLEEPER .prepare = prepare_pipe, .victim = {.operate = read_pipe}, .check = note_sleeper, .regions = whole

static void a_sleeping_call_is_a_moment_of_its_own(void **state)
{
    (void)state;
    check_is(pipe(pipe_ends), 0);
    check_is(run(KIN_CRASH(SLEEPER, .wake = write_pipe), KIN_CRASH_SNAPSHOT), 0);
    uint64_t moments = result.points;
    check_is(run(KIN_CRASH(SLEEPER, .wake = write_pipe), KIN_CRASH_KILL), 0);
    check_is(result.points, moments);
    check_is(shared->asleep_seen, 1);
    check_is(run(KIN_CRASH(SLEEPER, .hang_ms = 300), KIN_CRASH_KILL), KIN_CRASH_FAULT);
    check(test_contains(result.sentence, "the victim hung: still in system call "));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

static int nap_then_read(void *context)
{
    for (int i = 0; i < 40; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    set_value(context);
    return read_pipe(context);
}

static int write_to_sleeper(void *context)
{
    return shared->value == *(int *)context ? write_pipe(context) : kin_crash_fail("the peer only naps");
}

static void a_peer_that_naps_is_not_asleep(void **state)
{
    (void)state;
    int value = 5;
    check_is(pipe(pipe_ends), 0);
    check_is(run(KIN_CRASH(.context = &value, .victim = {.operate = write_to_sleeper}, .check = pass,
                           .peer = {.operate = nap_then_read}, .limit = 1), KIN_CRASH_KILL), 0);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

static int exit_well(void *context)
{
    _exit(set_value(context));
}

static int exit_badly(void *context)
{
    _exit(set_value(context) + 3);
}

static int return_badly(void *context)
{
    return set_value(context) - 28;
}

static int crash_in_operate(void *context)
{
    (void)context;
    *nowhere = 1;
    return 0;
}

static int refuse_to_arrive(void *context)
{
    (void)context;
    return kin_crash_fail("the door is %s", "shut");
}

static int value_when_finished(void *context, const struct kin_crash_point *point)
{
    int value = point->copied ? copy.value : shared->value;
    return value == *(int *)context || (value == 0 && !point->finished) ? 0 : kin_crash_fail("the value is %d", value);
}

static void an_operation_may_end_its_process(void **state)
{
    (void)state;
    int value = 5;
    const struct kin_crash *well = KIN_CRASH(.context = &value, .prepare = clear_value, .regions = whole,
                                             .victim = {.operate = exit_well}, .check = value_when_finished);
    check_is(run(well, KIN_CRASH_SNAPSHOT), 0);
    uint64_t moments = result.points;
    check(moments > 5);
    check_is(run(well, KIN_CRASH_KILL), 0);
    check_is(result.points, moments);
    check_is(run(KIN_CRASH(.context = &value, .victim = {.operate = exit_badly}, .check = pass), KIN_CRASH_KILL),
             KIN_CRASH_FAULT);
    check_is(strcmp(result.sentence, "the victim exited with status 3"), 0);
}

static void an_operation_that_fails_is_told(void **state)
{
    (void)state;
    int value = 5;
    check_is(run(KIN_CRASH(.context = &value, .victim = {.operate = return_badly}, .check = pass), KIN_CRASH_KILL),
             KIN_CRASH_FAULT);
    check_is(strcmp(result.sentence, "operate returned -28"), 0);
    check_is(run(KIN_CRASH(.victim = {.operate = crash_in_operate}, .check = pass), KIN_CRASH_KILL), KIN_CRASH_FAULT);
    check(test_contains(result.sentence, "the victim was ended by a signal: Segmentation fault"));
    check_is(run(KIN_CRASH(.victim = {refuse_to_arrive, set_value}, .check = pass), KIN_CRASH_KILL), KIN_CRASH_FAULT);
    check_is(strcmp(result.sentence, "the door is shut"), 0);
}

static int hang_on_value(void *context, const struct kin_crash_point *point)
{
    (void)context;
    volatile int *value = point->copied ? &copy.value : &shared->value;
    while (*value != 0)
        continue;
    return 0;
}

static int crash_on_value(void *context, const struct kin_crash_point *point)
{
    (void)context;
    if (point->copied ? copy.value : shared->value)
        *nowhere = 1;
    return 0;
}

static void note_dump(void *context)
{
    (void)context;
    shared->dumped++;
}

static void a_check_that_hangs_is_caught_where_it_is(void **state)
{
    (void)state;
    int value = 5;
    const struct kin_crash *crash =
        KIN_CRASH(.context = &value, .prepare = clear_value, .regions = whole, .victim = {.operate = set_value},
                  .check = hang_on_value, .dump = note_dump, .hang_ms = 2000);
    check_is(run(crash, KIN_CRASH_SNAPSHOT), KIN_CRASH_FAULT);
    check(test_contains(result.sentence, "check hung"));
    check(test_contains(result.where, "set_value+0x"));
    uint64_t step = result.failed.step;
    check_is(run(crash, KIN_CRASH_KILL), KIN_CRASH_FAULT);
    check(test_contains(result.sentence, "check hung: still running after 2000 ms"));
    check_is(result.failed.step, step);
    check_is(shared->dumped, 2);
}

static void a_check_that_crashes_is_caught_where_it_is(void **state)
{
    (void)state;
    int value = 5;
    const struct kin_crash *crash = KIN_CRASH(.context = &value, .prepare = clear_value, .regions = whole,
                                              .victim = {.operate = set_value}, .check = crash_on_value);
    check_is(run(crash, KIN_CRASH_SNAPSHOT), KIN_CRASH_FAULT);
    check_is(strcmp(result.sentence, "check crashed: Segmentation fault"), 0);
    uint64_t step = result.failed.step;
    check_is(run(crash, KIN_CRASH_KILL), KIN_CRASH_FAULT);
    check_is(strcmp(result.sentence, "check was ended by a signal: Segmentation fault"), 0);
    check_is(result.failed.step, step);
}

static int grow(void *context)
{
    (void)context;
    *(volatile size_t *)&shared->count = 1;
    *(volatile char *)&shared->second[63] = 's';
    *(volatile char *)&shared->first[0] = 'f';
    return 0;
}

static size_t growing(void *context, const struct kin_crash_region **list)
{
    static struct kin_crash_region regions[2];
    (void)context;
    regions[0] = (struct kin_crash_region){shared->first, copy.first, sizeof copy.first};
    regions[1] = (struct kin_crash_region){shared->second, copy.second, sizeof copy.second};
    *list = regions;
    return 1 + shared->count;
}

/* A bit for each state that was seen: in the order of the stores, and none else. */
static int note_growth(void *context, const struct kin_crash_point *point)
{
    unsigned *seen = context;
    (void)point;
    *seen |= 1u << ((copy.first[0] == 'f') + 2 * (copy.second[63] == 's'));
    return 0;
}

static void regions_may_be_added(void **state)
{
    (void)state;
    unsigned seen = 0;
    check_is(run(KIN_CRASH(.context = &seen, .victim = {.operate = grow}, .check = note_growth, .regions = growing),
                 KIN_CRASH_SNAPSHOT), 0);
    check_is(seen, 1 << 0 | 1 << 2 | 1 << 3);
    check_is(result.checked, 5);
}

static int note_step(void *context, const struct kin_crash_point *point)
{
    (void)context;
    shared->seen[point->step % sizeof shared->seen]++;
    return 0;
}

static void a_sample_is_spread(void **state)
{
    (void)state;
    int value = 5;
    check_is(run(KIN_CRASH(.context = &value, .victim = {.operate = set_value}, .check = pass), KIN_CRASH_KILL), 0);
    uint64_t length = result.points - 1;
    check(length < sizeof shared->seen);
    check_is(run(KIN_CRASH(.context = &value, .victim = {.operate = set_value}, .check = note_step, .limit = 5),
                 KIN_CRASH_KILL), 0);
    check_is(result.points, 5);
    check(result.seed != 0);
    check_is(shared->seen[length], 1);
    for (uint64_t quarter = 0; quarter < 4; quarter++) {
        int found = 0;
        for (uint64_t step = quarter * length / 4; step < (quarter + 1) * length / 4; step++)
            found += shared->seen[step];
        check_is(found, 1);
    }
}

static int mark_value(void *context, const struct kin_crash_point *point)
{
    (void)context;
    check(point->copied && point->victim > 0);
    copy.asleep_seen = copy.value;
    return 0;
}

static int see_mark(void *context, const struct kin_crash_point *point)
{
    (void)context, (void)point;
    return copy.asleep_seen == copy.value ? 0 : kin_crash_fail("no mark in the copy");
}

static void a_death_is_marked_in_the_copy_alone(void **state)
{
    (void)state;
    int value = 5;
    check_is(run(KIN_CRASH(.context = &value, .victim = {.operate = set_value}, .check = see_mark, .regions = whole,
                           .mark_dead = mark_value), KIN_CRASH_SNAPSHOT), 0);
    check_is(shared->asleep_seen, 0);
    check_is(run(KIN_CRASH(.context = &value, .victim = {.operate = set_value}, .check = see_mark, .regions = whole,
                           .prepare = clear_value), KIN_CRASH_SNAPSHOT), KIN_CRASH_FAULT);
}

int main(void)
{
    const char *reason;
    if (!kin_crash_available(&reason)) {
        printf("1..0 # SKIP %s\n", reason);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        SHARED_TEST(a_sleeping_call_is_a_moment_of_its_own),
        SHARED_TEST(a_peer_that_naps_is_not_asleep),
        SHARED_TEST(an_operation_may_end_its_process),
        SHARED_TEST(an_operation_that_fails_is_told),
        SHARED_TEST(a_check_that_hangs_is_caught_where_it_is),
        SHARED_TEST(a_check_that_crashes_is_caught_where_it_is),
        SHARED_TEST(regions_may_be_added),
        SHARED_TEST(a_sample_is_spread),
        SHARED_TEST(a_death_is_marked_in_the_copy_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
