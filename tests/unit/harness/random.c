/* Random kills: a crowd that shares nothing but a counter lives on; one that shares a plain spin lock does not. */
#include "../../support/support.h"
#include <kin/crash.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>

#define WORKERS 4

static struct shared {
    uint64_t total, own[WORKERS];
    uint32_t lock;
    int dumped;
} *shared;
static struct kin_crash_result result;

static int setup(void **state)
{
    int got = test_domain(state);
    shared = test_shared(sizeof *shared);
    return got;
}

static int count_without_lock(void *context, unsigned worker)
{
    (void)context;
    __atomic_fetch_add(&shared->total, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&shared->own[worker], 1, __ATOMIC_RELAXED);
    sched_yield();
    return 0;
}

/* Each kill can have come between the two additions, once. */
static int total_is_right(void *context, const struct kin_crash_point *point)
{
    uint64_t sum = 0;
    (void)context;
    for (unsigned i = 0; i < WORKERS; i++)
        sum += shared->own[i];
    if (shared->total - sum > point->step + WORKERS)
        return kin_crash_fail("total %lu, sum %lu", (unsigned long)shared->total, (unsigned long)sum);
    return shared->total > point->step ? 0 : kin_crash_fail("nobody worked");
}

/* The owner of this lock is nearly always inside it; nobody notices his death. */
static int count_under_lock(void *context, unsigned worker)
{
    while (__atomic_exchange_n(&shared->lock, 1, __ATOMIC_ACQUIRE))
        sched_yield();
    count_without_lock(context, worker);
    __atomic_store_n(&shared->lock, 0, __ATOMIC_RELEASE);
    return 0;
}

static int give_up(void *context, unsigned worker)
{
    count_without_lock(context, worker);
    return worker == 2 ? kin_crash_fail("worker 2 gave up") : 0;
}

static void note_dump(void *context)
{
    (void)context;
    shared->dumped++;
}

static void no_children_left(void)
{
    check_is(waitpid(-1, NULL, 0), -1);
    check_is(errno, ECHILD);
}

static void a_crowd_without_locks_lives_on(void **state)
{
    (void)state;
    check_is(kin_crash_run(KIN_CRASH(.work = count_without_lock, .check = total_is_right, .limit = 50),
                           KIN_CRASH_RANDOM, &result), 0);
    check_is(result.points, 50);
    check_is(result.checked, 50);
    no_children_left();
}

static void a_lock_that_dies_with_its_owner_is_caught(void **state)
{
    (void)state;
    check_is(kin_crash_run(KIN_CRASH(.work = count_under_lock, .check = total_is_right, .dump = note_dump,
                                     .limit = 10000, .hang_ms = 2000),
                           KIN_CRASH_RANDOM, &result), KIN_CRASH_FAULT);
    check(test_contains(result.sentence, "a worker hung"));
    check_is(result.checked, result.points - 1);
    check_is(result.failed.step, result.points);
    check_is(shared->dumped, 1);
    no_children_left();
}

static void a_worker_that_gives_up_is_told(void **state)
{
    (void)state;
    check_is(kin_crash_run(KIN_CRASH(.work = give_up, .check = total_is_right), KIN_CRASH_RANDOM, &result),
             KIN_CRASH_FAULT);
    check_is(strcmp(result.sentence, "worker 2 gave up"), 0);
    no_children_left();
}

static void a_crowd_of_one_is_refused(void **state)
{
    (void)state;
    check_is(kin_crash_run(KIN_CRASH(.work = give_up, .check = total_is_right, .workers = 1), KIN_CRASH_RANDOM,
                           &result), -EINVAL);
    check(test_contains(result.sentence, "1 workers: give 2 to 256"));
}

#define SHARED_TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_domain_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARED_TEST(a_crowd_without_locks_lives_on),
        SHARED_TEST(a_lock_that_dies_with_its_owner_is_caught),
        SHARED_TEST(a_worker_that_gives_up_is_told),
        SHARED_TEST(a_crowd_of_one_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
