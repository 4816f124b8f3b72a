/* kin_barrier, kin_latch, kin_once: everybody comes, or is dead. */
#include "things.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define BARRIER segment, &things->barrier
#define LATCH segment, &things->latch
#define ROUNDS 200

static int go_round(void *context)
{
    (void)context;
    for (unsigned i = 0; i < ROUNDS; i++) {
        int result = kin_barrier_wait(BARRIER, SOON);
        check(result == 0 || result == KIN_SERIAL);
        if (result == KIN_SERIAL)
            ADD(things->count);
    }
    check_is(kin_barrier_leave(BARRIER), 0);
    return 0;
}

static void rounds_end_together_and_one_is_told(void **state)
{
    pid_t children[PARTIES];
    (void)state;
    things_open();
    for (unsigned i = 0; i < PARTIES; i++)
        children[i] = test_child(go_round, NULL);
    for (unsigned i = 0; i < PARTIES; i++)
        check_is(test_end(children[i]), 0);
    check_is(things->count, ROUNDS);
    kin_segment_close(segment);
}

static int arrive_once(void *context)
{
    (void)context;
    int result = kin_barrier_wait(BARRIER, SOON);
    check(result >= 0);
    check_is(kin_barrier_leave(BARRIER), 0);
    return result;
}

static int join_and_stay(void *context)
{
    (void)context;
    check_is(kin_barrier_join(BARRIER), 0);
    ADD(things->ready);
    pause();
    return 0;
}

static int try_to_join(void *context)
{
    (void)context;
    return -kin_barrier_join(BARRIER);
}

/* `victim` is killed while one waits; the third comes later. */
static void two_without(pid_t victim)
{
    pid_t first = test_child(arrive_once, NULL);
    test_asleep(first);
    test_kill(victim);
    int mine = kin_barrier_wait(BARRIER, SOON), its = test_end(first);
    check_is(mine & KIN_RECOVERED, KIN_RECOVERED);
    check_is(its & KIN_RECOVERED, KIN_RECOVERED);
    check_is((mine & KIN_SERIAL) + (its & KIN_SERIAL), KIN_SERIAL);
    check_is(kin_barrier_leave(BARRIER), 0);
    check_is(deaths_of("seat"), 1);
}

static void a_party_that_dies_before_it_arrives(void **state)
{
    (void)state;
    things_open();
    pid_t victim = test_child(join_and_stay, NULL);
    test_until(GET(things->ready));
    two_without(victim);
    kin_segment_close(segment);
}

static void a_party_that_dies_after_it_arrived(void **state)
{
    (void)state;
    things_open();
    pid_t victim = test_child(arrive_once, NULL);
    test_asleep(victim);
    two_without(victim);
    kin_segment_close(segment);
}

/* All others are asleep, and nobody comes: the death itself must end the round. */
static void the_last_one_missing_dies(void **state)
{
    (void)state;
    things_open();
    pid_t victim = test_child(join_and_stay, NULL);
    test_until(GET(things->ready));
    pid_t first = test_child(arrive_once, NULL), second = test_child(arrive_once, NULL);
    test_asleep(first);
    test_asleep(second);
    test_kill(victim);
    int one = test_end(first), other = test_end(second);
    check_is(one | other, KIN_SERIAL | KIN_RECOVERED);
    check_is(one & other, KIN_RECOVERED);
    kin_segment_close(segment);
}

static void seats_are_left_late_and_taken_again(void **state)
{
    (void)state;
    things_open();
    check_refused(kin_barrier_leave(BARRIER), -EPERM, "no seat");
    check_refused(kin_barrier_wait(BARRIER, KIN_NOW), -ETIMEDOUT, "not all have arrived");
    check_refused(kin_barrier_join(BARRIER), -EALREADY, "has a seat");
    check_is(kin_barrier_wait(BARRIER, kin_after(SECOND / 50)), -ETIMEDOUT);
    pid_t others[2] = {test_child(join_and_stay, NULL), test_child(join_and_stay, NULL)};
    test_until(GET(things->ready) == 2);
    check_is(test_end(test_child(try_to_join, NULL)), EBUSY);
    test_kill(others[0]);
    pid_t instead = test_child(join_and_stay, NULL); /* the dead one's */
    test_until(GET(things->ready) == 3);
    test_kill(instead);
    test_kill(others[1]);
    check_is(kin_barrier_wait(BARRIER, KIN_NOW), KIN_SERIAL | KIN_RECOVERED); /* alone */
    check_is(kin_barrier_wait(BARRIER, KIN_NOW), KIN_SERIAL);
    check_is(kin_barrier_leave(BARRIER), 0);
    check_is(kin_barrier_wait(BARRIER, KIN_NOW), -ETIMEDOUT); /* all over: for three */
    check_is(kin_barrier_leave(BARRIER), 0);
    check_refused(kin_barrier_init(segment, &things->barrier, 65), -EINVAL, "65 parties");
    kin_segment_close(segment);
}

static int wait_for_zero(void *context)
{
    (void)context;
    int result = kin_latch_wait(LATCH, SOON);
    check(result >= 0);
    return result;
}

static int promise_and_stay(void *context)
{
    (void)context;
    check_is(kin_latch_promise(LATCH), 0);
    ADD(things->ready);
    pause();
    return 0;
}

static void a_latch_counts_down_once(void **state)
{
    (void)state;
    things_open();
    check_is(kin_latch_count(LATCH), COUNT);
    check_refused(kin_latch_wait(LATCH, KIN_NOW), -ETIMEDOUT, "4 are missing");
    check_is(kin_latch_promise(LATCH), 0);
    check_refused(kin_latch_promise(LATCH), -EALREADY, "has promised");
    check_is(kin_latch_count(LATCH), COUNT);
    pid_t child = test_child(wait_for_zero, NULL);
    test_asleep(child);
    for (unsigned i = 0; i < COUNT; i++)
        check_is(kin_latch_count_down(LATCH), 0);
    check_is(test_end(child), 0);
    check_refused(kin_latch_count_down(LATCH), -ERANGE, "nothing is left");
    check_refused(kin_latch_promise(LATCH), -ERANGE, "higher count");
    check_is(kin_latch_wait(LATCH, KIN_NOW), 0);
    kin_segment_close(segment);
}

static void a_dead_ones_promise_is_counted_down(void **state)
{
    (void)state;
    pid_t children[COUNT];
    things_open();
    pid_t waits = test_child(wait_for_zero, NULL);
    for (unsigned i = 0; i < COUNT; i++)
        children[i] = test_child(promise_and_stay, NULL);
    test_until(GET(things->ready) == COUNT);
    check_refused(kin_latch_count_down(LATCH), -ERANGE, "others have promised");
    test_asleep(waits);
    for (unsigned i = 0; i < COUNT; i++)
        test_kill(children[i]);
    check_is(test_end(waits), KIN_RECOVERED);
    check_is(kin_latch_wait(LATCH, KIN_NOW), KIN_RECOVERED);
    check_is(deaths_of("promise"), COUNT);
    kin_segment_close(segment);
}

static void the_sweep_counts_down_too(void **state)
{
    (void)state;
    things_open();
    pid_t child = test_child(promise_and_stay, NULL);
    test_until(GET(things->ready));
    test_kill(child);
    check(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) > 0);
    check_is(kin_latch_count(LATCH), COUNT - 1);
    kin_segment_close(segment);
}

static int prepare(void *context, int begun)
{
    int *die = context;
    things->count += begun ? 100 : 1;
    if (die)
        raise(SIGKILL);
    things->ready++;
    return 0;
}

static int begin_and_die(void *context)
{
    int die = 1;
    (void)context;
    return kin_once_run(segment, &things->once, prepare, &die, SOON);
}

static int run_once(void *context)
{
    (void)context;
    return -kin_once_run(segment, &things->once, prepare, NULL, SOON);
}

static int give_up(void *context, int begun)
{
    (void)context;
    check_is(begun, things->count != 0);
    check_refused(kin_once_run(segment, &things->once, give_up, NULL, KIN_FOREVER), -EDEADLK, "inside");
    things->count = 1;
    return -ECANCELED;
}

static void once_by_one_to_the_end(void **state)
{
    (void)state;
    pid_t children[6];
    things_open();
    for (unsigned i = 0; i < 6; i++)
        children[i] = test_child(i < 3 ? begin_and_die : run_once, NULL);
    for (unsigned i = 0; i < 6; i++)
        test_end(children[i]);
    check_is(things->ready, 1);
    check_is(kin_once_run(segment, &things->once, prepare, NULL, KIN_NOW), 0);
    check_is(things->ready, 1);
    kin_segment_close(segment);
}

static void once_after_a_death_or_a_failure(void **state)
{
    (void)state;
    things_open();
    check_is(kin_once_run(segment, &things->once, give_up, NULL, KIN_NOW), -ECANCELED);
    check_is(kin_once_run(segment, &things->once, give_up, NULL, KIN_NOW), -ECANCELED);
    check_is(test_end(test_child(begin_and_die, NULL)), -SIGKILL);
    check_is(things->count, 101);
    check(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) > 0);
    check_is(kin_once_run(segment, &things->once, prepare, NULL, KIN_NOW), 0);
    check_is(things->count, 201);
    check_is(things->ready, 1);
    kin_segment_close(segment);
}

static void by_name(void **state)
{
    (void)state;
    kin_segment *home;
    kin_barrier *barrier;
    kin_latch *latch;
    check_is(kin_barrier_open(NULL, "barrier", NULL, &home, &barrier), -EINVAL);
    check_is(kin_barrier_open(NULL, "barrier", KIN_BARRIER(.parties = 1), &home, &barrier), 0);
    check_is(kin_barrier_wait(home, barrier, KIN_NOW), KIN_SERIAL);
    check_is(kin_barrier_leave(home, barrier), 0);
    kin_segment_close(home);
    check_is(kin_latch_open(NULL, "latch", KIN_LATCH(.count = 1), &home, &latch), 0);
    check_is(kin_latch_count_down(home, latch), 0);
    check_is(kin_latch_wait(home, latch, KIN_NOW), 0);
    kin_segment_close(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rounds_end_together_and_one_is_told),
        TEST(a_party_that_dies_before_it_arrives),
        TEST(a_party_that_dies_after_it_arrived),
        TEST(the_last_one_missing_dies),
        TEST(seats_are_left_late_and_taken_again),
        TEST(a_latch_counts_down_once),
        TEST(a_dead_ones_promise_is_counted_down),
        TEST(the_sweep_counts_down_too),
        TEST(once_by_one_to_the_end),
        TEST(once_after_a_death_or_a_failure),
        TEST(by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
