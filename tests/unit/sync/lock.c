/* kin_lock while everybody lives. */
#include "accounts.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

static void it_is_not_recursive_and_only_its_owner_releases_it(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    kin_lock *lock = &account_of(segment)->lock;
    check_refused(kin_lock_release(segment, lock), -EPERM, "does not hold");
    check_is(kin_lock_acquire(segment, lock, KIN_NOW), 0);
    check_refused(kin_lock_acquire(segment, lock, KIN_NOW), -EDEADLK, "holds the lock");
    check_is(kin_lock_acquire(segment, lock, KIN_FOREVER), -EDEADLK);
    check_is(kin_lock_release(segment, lock), 0);
    check_is(kin_lock_release(segment, lock), -EPERM);
    check_is(kin_lock_acquire(segment, lock, KIN_FOREVER), 0);
    check_is(kin_lock_release(segment, lock), 0);
    kin_segment_close(segment);
}

static void *others_are_refused(void *context)
{
    kin_segment *segment = context;
    kin_lock *lock = &account_of(segment)->lock;
    check_refused(kin_lock_acquire(segment, lock, KIN_NOW), -ETIMEDOUT, "held by another thread");
    check_is(kin_lock_release(segment, lock), -EPERM);
    int64_t begun = now(CLOCK_MONOTONIC);
    check_is(kin_lock_acquire(segment, lock, kin_after(SECOND / 50)), -ETIMEDOUT);
    check(now(CLOCK_MONOTONIC) >= begun + SECOND / 50);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t end = now(CLOCK_REALTIME) + SECOND / 50;
    wall = (struct timespec){end / SECOND, end % SECOND};
    check_is(kin_lock_acquire(segment, lock, kin_at(&wall)), -ETIMEDOUT);
    check(now(CLOCK_REALTIME) >= end);
    check_is(kin_lock_acquire(segment, lock, kin_at(&wall)), -ETIMEDOUT);
    return NULL;
}

static int others_are_refused_in_a_child(void *context)
{
    others_are_refused(context);
    return 0;
}

static void the_owner_is_a_thread(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    pthread_t thread;
    check_is(kin_lock_acquire(segment, &account_of(segment)->lock, KIN_NOW), 0);
    check_is(pthread_create(&thread, NULL, others_are_refused, segment), 0);
    pthread_join(thread, NULL);
    check_is(test_end(test_child(others_are_refused_in_a_child, segment)), 0);
    check_is(kin_lock_release(segment, &account_of(segment)->lock), 0);
    kin_segment_close(segment);
}

static void sixteen_at_once(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    kin_lock *locks = account_of(segment)->others;
    for (unsigned i = 0; i < 16; i++)
        check_is(kin_lock_acquire(segment, &locks[i], KIN_NOW), 0);
    check_refused(kin_lock_acquire(segment, &locks[16], KIN_NOW), -ENOLCK, "16");
    check_is(kin_lock_acquire(segment, &locks[3], KIN_NOW), -EDEADLK);
    check_is(kin_lock_release(segment, &locks[5]), 0);
    check_is(kin_lock_acquire(segment, &locks[16], KIN_NOW), 0);
    check_is(kin_lock_release(segment, &locks[16]), 0);
    for (unsigned i = 0; i < 16; i++)
        check_is(kin_lock_release(segment, &locks[i]), i == 5 ? -EPERM : 0);
    kin_segment_close(segment);
}

static void what_is_no_lock(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    struct account *account = account_of(segment);
    kin_lock outside = {0};
    kin_lock *crooked = (kin_lock *)(void *)((char *)account->others + 4);
    kin_lock *last = (kin_lock *)(void *)((char *)account + kin_segment_bytes(segment) - 8);
    check_refused(kin_lock_init(segment, &outside), -EINVAL, "not inside");
    check_is(kin_lock_init(segment, crooked), -EINVAL);
    check_is(kin_lock_init(segment, last), -EINVAL);
    check_is(kin_lock_acquire(segment, &outside, KIN_NOW), -EINVAL);
    check_is(kin_lock_acquire(segment, crooked, KIN_NOW), -EINVAL);
    check_is(kin_lock_release(segment, &outside), -EINVAL);
    memset(&account->lock, 0, sizeof account->lock);
    check_refused(kin_lock_acquire(segment, &account->lock, KIN_NOW), -EBADMSG, "kin_lock_init");
    check_is(kin_lock_release(segment, &account->lock), -EBADMSG);
    check_is(kin_lock_init(segment, &account->lock), 0);
    check_is(kin_lock_acquire(segment, &account->lock, KIN_NOW), 0);
    check_is(kin_lock_release(segment, &account->lock), 0);
    kin_segment_close(segment);
}

static int acquire_by_name(void *context)
{
    kin_segment *home;
    kin_lock *lock;
    (void)context;
    check_is(kin_lock_open(NULL, "named", KIN_LOCK(.flags = KIN_MUST_EXIST), &home, &lock), 0);
    int result = kin_lock_acquire(home, lock, KIN_NOW);
    if (result >= 0)
        kin_lock_release(home, lock);
    kin_segment_close(home);
    return -result;
}

static void a_lock_by_name(void **state)
{
    (void)state;
    kin_segment *home, *again;
    kin_lock *lock, *same;
    check_is(kin_lock_open(NULL, "named", KIN_LOCK(.flags = KIN_MUST_EXIST), &home, &lock), -ENOENT);
    check_is(kin_lock_open(NULL, "named", NULL, &home, &lock), 0);
    check_is(kin_lock_open(NULL, "named", KIN_LOCK(.flags = KIN_MUST_CREATE), &again, &same), -EEXIST);
    check_is(kin_segment_open(NULL, "named", NULL, &again), -EINVAL); /* a lock, no segment */
    check_is(kin_lock_acquire(home, lock, KIN_FOREVER), 0);
    check_is(test_end(test_child(acquire_by_name, NULL)), ETIMEDOUT);
    check_is(kin_lock_open(NULL, "named", NULL, &again, &same), 0);
    check_is(kin_lock_acquire(again, same, KIN_NOW), -EDEADLK); /* the same lock through another handle */
    check_is(kin_lock_release(again, same), 0);
    check_is(test_end(test_child(acquire_by_name, NULL)), 0);
    kin_segment_close(again);
    kin_segment_close(home);
}

static int acquire_until_removed(void *context)
{
    check_refused(kin_lock_acquire(context, &account_of(context)->lock, SOON), -EIDRM, "was removed");
    return 0;
}

static void removing_tells_those_who_wait(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    check_is(kin_lock_acquire(segment, &account_of(segment)->lock, KIN_NOW), 0);
    pid_t child = test_child(acquire_until_removed, segment);
    test_asleep(child);
    check_refused(kin_remove(NULL, "accounts", 0), -EBUSY, "in use");
    check_is(kin_remove(NULL, "accounts", KIN_EVEN_HELD), 0);
    check_is(test_end(child), 0);
    check_is(kin_lock_release(segment, &account_of(segment)->lock), 0);
    kin_segment_close(segment);
}

static int acquire_and_release(void *context)
{
    int result = kin_lock_acquire(context, &account_of(context)->lock, SOON);
    if (result < 0)
        return -result;
    return kin_lock_release(context, &account_of(context)->lock) < 0 ? 255 : result;
}

static void waiters_get_it_one_after_the_other(void **state)
{
    (void)state;
    enum { MANY = 12 };
    kin_segment *segment = accounts_open();
    pid_t children[MANY];
    check_is(kin_lock_acquire(segment, &account_of(segment)->lock, KIN_NOW), 0);
    for (unsigned i = 0; i < MANY; i++)
        children[i] = test_child(acquire_and_release, segment);
    for (unsigned i = 0; i < MANY; i++)
        test_asleep(children[i]);
    check_is(kin_lock_release(segment, &account_of(segment)->lock), 0);
    for (unsigned i = 0; i < MANY; i++)
        check_is(test_end(children[i]), 0);
    kin_segment_close(segment);
}

static int child_of_fork(void *context)
{
    kin_lock *lock = &account_of(context)->lock;
    check_is(kin_lock_release(context, lock), -EPERM);
    check_is(kin_lock_acquire(context, lock, KIN_NOW), -ETIMEDOUT);
    check_is(kin_lock_acquire(context, &account_of(context)->others[0], KIN_NOW), 0);
    check_is(kin_lock_release(context, &account_of(context)->others[0]), 0);
    return 0;
}

static void a_fork_does_not_inherit_it(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    check_is(kin_lock_acquire(segment, &account_of(segment)->lock, KIN_NOW), 0);
    check_is(test_end(test_child(child_of_fork, segment)), 0);
    check_is(kin_lock_acquire(segment, &account_of(segment)->lock, KIN_NOW), -EDEADLK);
    check_is(kin_lock_release(segment, &account_of(segment)->lock), 0);
    kin_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_not_recursive_and_only_its_owner_releases_it),
        TEST(the_owner_is_a_thread),
        TEST(sixteen_at_once),
        TEST(what_is_no_lock),
        TEST(a_lock_by_name),
        TEST(removing_tells_those_who_wait),
        TEST(waiters_get_it_one_after_the_other),
        TEST(a_fork_does_not_inherit_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
