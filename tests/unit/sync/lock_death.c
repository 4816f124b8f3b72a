/* kin_lock when its owner dies. */
#include "accounts.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static kin_lock *lock_of(kin_segment *segment)
{
    return &account_of(segment)->lock;
}

static int acquire_and_die(void *context)
{
    prctl(PR_SET_NAME, "doomed");
    int result = kin_lock_acquire(context, lock_of(context), SOON);
    check(result >= 0);
    raise(SIGKILL);
    return 0;
}

static void recovered_once(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    struct timespec before;
    struct kin_owner owner;
    clock_gettime(CLOCK_REALTIME, &before);
    pid_t child = test_child(acquire_and_die, segment);
    check_is(test_end(child), -SIGKILL);
    check_is(kin_lock_acquire(segment, lock_of(segment), KIN_NOW), KIN_RECOVERED);
    check_is(kin_lock_dead_owner(segment, lock_of(segment), &owner), 0);
    check_is(owner.pid, child);
    check_is(owner.tid, child);
    check(strcmp(owner.command, "doomed") == 0);
    check(owner.when >= (int64_t)before.tv_sec * SECOND + before.tv_nsec);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    check_is(kin_lock_acquire(segment, lock_of(segment), KIN_NOW), 0);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    kin_segment_close(segment);
}

static void who_dies_repairing_gives_it_on(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    struct kin_owner owner;
    pid_t last = 0;
    for (unsigned i = 0; i < 5; i++) {
        last = test_child(acquire_and_die, segment);
        check_is(test_end(last), -SIGKILL);
    }
    check_is(kin_lock_acquire(segment, lock_of(segment), KIN_NOW), KIN_RECOVERED);
    check_is(kin_lock_dead_owner(segment, lock_of(segment), &owner), 0);
    check_is(owner.pid, last);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    check_is(kin_lock_acquire(segment, lock_of(segment), KIN_NOW), 0);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    kin_segment_close(segment);
}

/* All sleep; the owner is killed, then each that got it. Each of them must get it, with KIN_RECOVERED. */
static int acquire_and_pause(void *context)
{
    check_is(kin_lock_acquire(context, lock_of(context), SOON), KIN_RECOVERED);
    account_of(context)->half_done = getpid();
    for (;;)
        pause();
}

static int acquire_first(void *context)
{
    check_is(kin_lock_acquire(context, lock_of(context), SOON), 0);
    account_of(context)->half_done = getpid();
    for (;;)
        pause();
}

static void each_waiter_gets_it_after_a_death(void **state)
{
    (void)state;
    enum { MANY = 12 };
    kin_segment *segment = accounts_open();
    volatile int64_t *holder = &account_of(segment)->half_done;
    pid_t first = test_child(acquire_first, segment);
    test_until(*holder == first);
    for (unsigned i = 0; i < MANY; i++)
        test_asleep(test_child(acquire_and_pause, segment));
    for (unsigned i = 0; i <= MANY; i++) {
        pid_t victim = (pid_t)*holder;
        *holder = 0;
        test_kill(victim);
        if (i < MANY)
            test_until(*holder != 0);
    }
    check_is(kin_lock_acquire(segment, lock_of(segment), KIN_NOW), KIN_RECOVERED);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    kin_segment_close(segment);
}

struct repair {
    kin_segment *segment;
    pid_t dead;
    unsigned calls;
    int result;
};

static int repair(void *context, kin_lock *lock, const struct kin_owner *dead)
{
    struct repair *repair = context;
    struct account *account = account_of(repair->segment);
    check(lock == &account->lock);
    check_is(dead->pid, repair->dead);
    check_is(kin_lock_acquire(repair->segment, lock, KIN_NOW), -EDEADLK); /* it is held */
    repair->calls++;
    if (repair->result == 0)
        account->half_done = 0;
    return repair->result;
}

static int half_do_and_die(void *context)
{
    check(kin_lock_acquire(context, lock_of(context), SOON) >= 0);
    account_of(context)->half_done = 1;
    raise(SIGKILL);
    return 0;
}

static void the_callback_repairs_before_others_see(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    struct repair context = {.segment = segment};
    kin_lock_on_recovery(segment, repair, &context);
    context.dead = test_child(half_do_and_die, segment);
    check_is(test_end(context.dead), -SIGKILL);
    check_is(account_of(segment)->half_done, 1);
    check_is(kin_lock_acquire(segment, lock_of(segment), KIN_FOREVER), KIN_RECOVERED);
    check(context.calls == 1 && account_of(segment)->half_done == 0);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    check_is(kin_lock_acquire(segment, lock_of(segment), KIN_FOREVER), 0);
    check_is(context.calls, 1);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    kin_segment_close(segment);
}

static int expect_recovery(void *context)
{
    struct kin_owner owner;
    check_is(kin_lock_acquire(context, lock_of(context), SOON), KIN_RECOVERED);
    check_is(kin_lock_dead_owner(context, lock_of(context), &owner), 0);
    check_is(kin_lock_release(context, lock_of(context)), 0);
    return owner.pid == account_of(context)->balance ? 0 : 1;
}

static void a_callback_that_fails_gives_it_on(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    struct repair context = {.segment = segment, .result = -EIO};
    kin_lock_on_recovery(segment, repair, &context);
    context.dead = test_child(half_do_and_die, segment);
    check_is(test_end(context.dead), -SIGKILL);
    account_of(segment)->balance = context.dead;
    for (unsigned i = 0; i < 3; i++)
        check_is(kin_lock_acquire(segment, lock_of(segment), KIN_FOREVER), -EIO);
    check_is(context.calls, 3);
    check_is(kin_lock_release(segment, lock_of(segment)), -EPERM);
    kin_lock_on_recovery(segment, NULL, NULL);
    check_is(test_end(test_child(expect_recovery, segment)), 0);
    check_is(kin_lock_acquire(segment, lock_of(segment), KIN_NOW), 0);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    kin_segment_close(segment);
}

/* A waiter sleeps while another's callback fails: it must be woken. */
static void a_callback_that_fails_wakes_the_next(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    struct repair context = {.segment = segment, .result = -EIO};
    pid_t first = test_child(acquire_first, segment);
    test_until(*(volatile int64_t *)&account_of(segment)->half_done == first);
    account_of(segment)->balance = first;
    pid_t waiter = test_child(expect_recovery, segment);
    test_asleep(waiter);
    kill(waiter, SIGSTOP);
    test_kill(first);
    context.dead = first;
    kin_lock_on_recovery(segment, repair, &context);
    check_is(kin_lock_acquire(segment, lock_of(segment), SOON), -EIO);
    kill(waiter, SIGCONT);
    check_is(test_end(waiter), 0);
    kin_segment_close(segment);
}

static void ignore(void *context, const struct kin_stale *stale)
{
    (void)context, (void)stale;
}

static int clean(void *context)
{
    (void)context;
    return kin_domain_clean(NULL, KIN_CLEAN_ACT, ignore, NULL) >= 1 ? 0 : 1;
}

/* The record of the dead is swept and used again by others; the lock must still tell who it was. */
static void a_swept_owner_is_still_told(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    pid_t child = test_child(acquire_and_die, segment);
    check_is(test_end(child), -SIGKILL);
    check_is(test_end(test_child(clean, NULL)), 0);
    for (unsigned i = 0; i < 20; i++)
        check_is(test_end(test_child(clean, NULL)) & ~1, 0);
    account_of(segment)->balance = child;
    check_is(test_end(test_child(expect_recovery, segment)), 0);
    check_is(kin_lock_acquire(segment, lock_of(segment), KIN_NOW), 0);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    kin_segment_close(segment);
}

static void *acquire_and_end(void *context)
{
    check_is(kin_lock_acquire(context, lock_of(context), KIN_NOW), 0);
    return (void *)(intptr_t)syscall(SYS_gettid);
}

static void *acquire_and_be_cancelled(void *context)
{
    intptr_t tid = (intptr_t)acquire_and_end(context);
    __atomic_store_n(&account_of(context)->half_done, tid, __ATOMIC_RELEASE);
    pause();
    return NULL;
}

static void a_thread_that_ends_with_it(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    struct kin_owner owner;
    pthread_t thread;
    void *tid;
    check_is(pthread_create(&thread, NULL, acquire_and_end, segment), 0);
    check_is(pthread_join(thread, &tid), 0);
    check_is(kin_lock_acquire(segment, lock_of(segment), SOON), KIN_RECOVERED);
    check_is(kin_lock_dead_owner(segment, lock_of(segment), &owner), 0);
    check(owner.pid == getpid() && owner.tid == (pid_t)(intptr_t)tid);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    account_of(segment)->half_done = 0;
    check_is(pthread_create(&thread, NULL, acquire_and_be_cancelled, segment), 0);
    test_until(__atomic_load_n(&account_of(segment)->half_done, __ATOMIC_ACQUIRE) != 0);
    check_is(pthread_cancel(thread), 0);
    check_is(pthread_join(thread, NULL), 0);
    check_is(kin_lock_acquire(segment, lock_of(segment), SOON), KIN_RECOVERED);
    check_is(kin_lock_dead_owner(segment, lock_of(segment), &owner), 0);
    check_is(owner.tid, account_of(segment)->half_done);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    kin_segment_close(segment);
}

static int exit_with_it(void *context)
{
    check_is(kin_lock_acquire(context, lock_of(context), KIN_NOW), 0);
    exit(0);
}

static void a_process_that_exits_with_it(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    check_is(test_end(test_child(exit_with_it, segment)), 0);
    check_is(kin_lock_acquire(segment, lock_of(segment), SOON), KIN_RECOVERED);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    kin_segment_close(segment);
}

static void a_stopped_owner_is_not_dead(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    pid_t owner = test_child(acquire_first, segment);
    test_until(*(volatile int64_t *)&account_of(segment)->half_done == owner);
    kill(owner, SIGSTOP);
    check_is(kin_lock_acquire(segment, lock_of(segment), kin_after(SECOND)), -ETIMEDOUT); /* four backstops */
    test_kill(owner);
    check_is(kin_lock_acquire(segment, lock_of(segment), SOON), KIN_RECOVERED);
    check_is(kin_lock_release(segment, lock_of(segment)), 0);
    kin_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(recovered_once),
        TEST(who_dies_repairing_gives_it_on),
        TEST(each_waiter_gets_it_after_a_death),
        TEST(the_callback_repairs_before_others_see),
        TEST(a_callback_that_fails_gives_it_on),
        TEST(a_callback_that_fails_wakes_the_next),
        TEST(a_swept_owner_is_still_told),
        TEST(a_thread_that_ends_with_it),
        TEST(a_process_that_exits_with_it),
        TEST(a_stopped_owner_is_not_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
