/* kin_condition: no signal is lost, whoever dies with it. */
#include "things.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define LOCK() kin_lock_acquire(segment, &things->lock, SOON)
#define UNLOCK() kin_lock_release(segment, &things->lock)
#define WAIT(until) kin_condition_wait(segment, &things->condition, &things->lock, until)
#define SIGNAL() kin_condition_signal(segment, &things->condition)
#define BROADCAST() kin_condition_broadcast(segment, &things->condition)

/* Takes one of what there is. */
static int take_one(void *context)
{
    (void)context;
    check(LOCK() >= 0);
    ADD(things->ready);
    while (things->count == 0)
        check(WAIT(SOON) >= 0);
    things->count--;
    return UNLOCK();
}

static void give(unsigned count)
{
    check(LOCK() >= 0);
    things->count += count;
    check_is(UNLOCK(), 0);
}

static pid_t waiter(int (*run)(void *))
{
    uint32_t before = GET(things->ready);
    pid_t child = test_child(run, NULL);
    test_until(GET(things->ready) > before);
    test_asleep(child);
    return child;
}

static void each_signal_wakes_another(void **state)
{
    enum { MANY = 8 };
    pid_t children[MANY];
    (void)state;
    things_open();
    for (unsigned i = 0; i < MANY; i++)
        children[i] = waiter(take_one);
    for (unsigned i = 0; i < MANY; i++) {
        give(1);
        check_is(SIGNAL(), 0); /* without the lock, and before the last one has run */
    }
    for (unsigned i = 0; i < MANY; i++)
        check_is(test_end(children[i]), 0);
    check_is(things->count, 0);
    for (unsigned i = 0; i < MANY; i++)
        children[i] = waiter(take_one);
    give(MANY);
    check_is(BROADCAST(), 0);
    for (unsigned i = 0; i < MANY; i++)
        check_is(test_end(children[i]), 0);
    check_is(SIGNAL(), 0);
    kin_segment_close(segment);
}

static void a_waiter_killed_with_the_signal_has_not_eaten_it(void **state)
{
    (void)state;
    things_open();
    for (unsigned i = 0; i < 20; i++) {
        pid_t first = waiter(take_one), second = waiter(take_one);
        kill(first, SIGSTOP);
        give(1);
        check_is(SIGNAL(), 0); /* it finds the first, who sleeps longest */
        test_kill(first);
        check_is(test_end(second), 0);
    }
    kin_segment_close(segment);
}

static int lock_and_die(void *context)
{
    (void)context;
    check(LOCK() >= 0);
    raise(SIGKILL);
    return 0;
}

static int wait_for_the_news(void *context)
{
    (void)context;
    check_is(LOCK(), 0);
    ADD(things->ready);
    int result;
    while ((result = WAIT(SOON)) == 0)
        continue;
    check_is(UNLOCK(), 0);
    return result;
}

static void the_owners_death_ends_the_wait(void **state)
{
    (void)state;
    things_open();
    pid_t child = waiter(wait_for_the_news);
    check_is(test_end(test_child(lock_and_die, NULL)), -SIGKILL);
    check_is(test_end(child), KIN_RECOVERED);
    kin_segment_close(segment);
}

static int wait_for_removal(void *context)
{
    (void)context;
    check_is(LOCK(), 0);
    ADD(things->ready);
    int result;
    while ((result = WAIT(SOON)) == 0)
        continue;
    check_is(UNLOCK(), -EPERM);
    return -result;
}

static void deadlines_and_refusals(void **state)
{
    (void)state;
    things_open();
    check_refused(WAIT(KIN_NOW), -EPERM, "does not hold");
    check_is(LOCK(), 0);
    check_refused(WAIT(KIN_NOW), -ETIMEDOUT, "nobody signalled");
    check_is(WAIT(kin_after(SECOND / 50)), -ETIMEDOUT);
    check_is(UNLOCK(), 0); /* it is held again */
    pid_t child = waiter(wait_for_removal);
    check_is(kin_remove(NULL, "things", KIN_EVEN_HELD), 0);
    check_is(test_end(child), EIDRM);
    memset(&things->condition, 0, sizeof things->condition);
    check_refused(SIGNAL(), -EBADMSG, "kin_condition_init");
    kin_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_signal_wakes_another),
        TEST(a_waiter_killed_with_the_signal_has_not_eaten_it),
        TEST(the_owners_death_ends_the_wait),
        TEST(deadlines_and_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
