/* kin_semaphore when those who hold units die. */
#include "support.h"
#include <errno.h>
#include <kin/semaphore.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNDO KIN_SEMAPHORE_UNDO
#define COUNT_OF(...) (sizeof((const struct kin_semaphore_op[]){__VA_ARGS__}) / sizeof(struct kin_semaphore_op))
#define OPS(...) (const struct kin_semaphore_op[]){__VA_ARGS__}, COUNT_OF(__VA_ARGS__)
#define LONG_ENOUGH kin_after(TEST_HANG *INT64_C(1000000000) / 2)

static kin_segment *home;
static kin_semaphore *set;

static void open_set(const struct kin_semaphore_options *options)
{
    check_is(kin_semaphore_open(NULL, "s", options, &home, &set), 0);
}

static unsigned value_of(unsigned number)
{
    struct kin_semaphore_value value;
    check_is(kin_semaphore_get(home, set, number, &value), 0);
    return value.value;
}

static int take_and_die(void *context)
{
    (void)context;
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), 0);
    raise(SIGKILL);
    return 0;
}

static int count_death(void *context, const struct kin_death *death)
{
    unsigned *count = context;
    *count += strcmp(death->held, "1 units, put back") == 0 && death->kind == KIN_KIND_SEMAPHORE &&
              strcmp(death->name, "s") == 0;
    return 0;
}

static void a_dead_holders_unit_comes_back_once(void **state)
{
    (void)state;
    unsigned count = 0;
    open_set(KIN_SEMAPHORE(.value = 1));
    for (unsigned i = 0; i < 5; i++) {
        check_is(test_end(test_child(take_and_die, NULL)), -SIGKILL);
        check_is(kin_semaphore_acquire(home, set, LONG_ENOUGH), 0);
        check_is(kin_semaphore_acquire(home, set, KIN_NOW), -ETIMEDOUT);
        check_is(kin_semaphore_release(home, set), 0);
    }
    check_is(value_of(0), 1);
    check_is(kin_domain_each_death(NULL, 0, count_death, &count), 0);
    check_is(count, 5);
    kin_segment_close(home);
}

static int take_and_wait(void *context)
{
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), 0);
    __atomic_store_n((int *)context, 1, __ATOMIC_RELEASE);
    for (;;)
        pause();
}

static int acquire(void *context)
{
    (void)context;
    return -kin_semaphore_acquire(home, set, KIN_FOREVER);
}

static void a_waiter_wakes_when_the_holder_dies(void **state)
{
    (void)state;
    int *ready = test_shared(sizeof *ready);
    open_set(KIN_SEMAPHORE(.value = 1));
    for (unsigned i = 0; i < 5; i++) {
        *ready = 0;
        pid_t holder = test_child(take_and_wait, ready);
        test_until(__atomic_load_n(ready, __ATOMIC_ACQUIRE));
        pid_t waiter = test_child(acquire, NULL);
        test_asleep(waiter);
        test_kill(holder);
        check_is(test_end(waiter), 0); /* and ends holding it: its exit gives it back */
    }
    check_is(kin_semaphore_acquire(home, set, LONG_ENOUGH), 0);
    kin_segment_close(home);
}

static int change_and_die(void *context)
{
    (void)context;
    check_is(kin_semaphore_operate(home, set, OPS({0, -3, UNDO}, {1, 4, UNDO}, {2, -1, 0}, {0, 1, UNDO}), KIN_NOW), 0);
    raise(SIGKILL);
    return 0;
}

static void a_set_is_put_right_in_both_ways(void **state)
{
    (void)state;
    open_set(KIN_SEMAPHORE(.count = 3, .value = 5));
    check_is(test_end(test_child(change_and_die, NULL)), -SIGKILL);
    test_until(value_of(0) == 5);
    check_is(value_of(1), 5);
    check_is(value_of(2), 4); /* without undo */
    /* What cannot be given back in full stops at the bounds. */
    check_is(test_end(test_child(change_and_die, NULL)), -SIGKILL);
    test_until(value_of(0) == 5);
    check_is(kin_semaphore_set_all(home, set, (const uint16_t[]){5, 0, 5}), 0);
    check_is(test_end(test_child(change_and_die, NULL)), -SIGKILL);
    /* before anybody has looked */
    check_is(kin_semaphore_operate(home, set, OPS({1, -3, 0}), KIN_NOW), 0);
    test_until(value_of(0) == 5);
    check_is(value_of(1), 0);
    kin_segment_close(home);
}

static int take_and_exit(void *context)
{
    (void)context;
    return -kin_semaphore_acquire(home, set, KIN_NOW);
}

static void *take_in_a_thread(void *context)
{
    (void)context;
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), 0);
    return NULL;
}

static int release_and_acquire(void *context)
{
    (void)context; /* none of the parent's units is ours: this is a new one */
    check_is(kin_semaphore_release(home, set), 0);
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), 0);
    return 0;
}

static void undo_is_the_processs(void **state)
{
    (void)state;
    pthread_t thread;
    open_set(KIN_SEMAPHORE(.value = 1));
    check_is(test_end(test_child(take_and_exit, NULL)), 0);
    test_until(value_of(0) == 1);
    check_is(pthread_create(&thread, NULL, take_in_a_thread, NULL), 0);
    pthread_join(thread, NULL);
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), -ETIMEDOUT); /* the thread ended, the process did not */
    check_is(test_end(test_child(release_and_acquire, NULL)), 0);
    test_until(value_of(0) == 1);
    check_is(kin_semaphore_release(home, set), 0);
    check_is(value_of(0), 2);
    kin_segment_close(home);
}

static int take_and_exec(void *context)
{
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), 0);
    int *fds = context;
    dup2(fds[1], 1);
    dup2(fds[2], 0);
    execlp("sh", "sh", "-c", "echo; read line", (char *)NULL);
    return 1;
}

static void an_exec_keeps_it(void **state)
{
    (void)state;
    int fds[4];
    char byte;
    open_set(KIN_SEMAPHORE(.value = 1));
    check(pipe(fds) == 0 && pipe(fds + 2) == 0);
    pid_t child = test_child(take_and_exec, fds);
    check_is(read(fds[0], &byte, 1), 1); /* it runs another program now */
    check_is(kin_semaphore_acquire(home, set, kin_after(300000000)), -ETIMEDOUT);
    check_is(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) >= 0, 1);
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), -ETIMEDOUT);
    check_is(write(fds[3], "\n", 1), 1);
    check_is(test_end(child), 0);
    check_is(kin_semaphore_acquire(home, set, LONG_ENOUGH), 0);
    kin_segment_close(home);
    for (unsigned i = 0; i < 4; i++)
        close(fds[i]);
}

static void room_for_holders_is_limited_and_comes_back(void **state)
{
    (void)state;
    int *ready = test_shared(3 * sizeof *ready);
    pid_t holders[2];
    open_set(KIN_SEMAPHORE(.value = 9, .holders = 2));
    for (unsigned i = 0; i < 2; i++) {
        holders[i] = test_child(take_and_wait, &ready[i]);
        test_until(__atomic_load_n(&ready[i], __ATOMIC_ACQUIRE));
    }
    check_refused(kin_semaphore_acquire(home, set, KIN_NOW), -ENOSPC, "undo for 2 holders");
    check_is(kin_semaphore_operate(home, set, OPS({0, -1, 0}), KIN_NOW), 0); /* without undo it needs no room */
    test_kill(holders[0]);
    int result;
    test_until((result = kin_semaphore_acquire(home, set, KIN_NOW)) != -ENOSPC);
    check_is(result, 0);
    check_is(value_of(0), 6);
    test_kill(holders[1]);
    kin_segment_close(home);
}

static int take_release_and_close(void *context)
{
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), 0);
    check_is(kin_semaphore_release(home, set), 0);
    if (context)
        check_is(kin_semaphore_acquire(home, set, KIN_NOW), 0);
    kin_segment_close(home);
    exit(0); /* orderly, not as test_child ends */
}

static void who_holds_nothing_leaves_in_an_orderly_way(void **state)
{
    (void)state;
    struct kin_facilities facilities;
    open_set(KIN_SEMAPHORE(.value = 1));
    check_is(value_of(0), 1);
    check_is(test_end(test_child(take_release_and_close, NULL)), 0);
    check_is(kin_domain_facilities(NULL, &facilities), 0);
    check_is(facilities.lives + facilities.lives_dead, 1);
    check_is(facilities.processes, 1);
    check_is(test_end(test_child(take_release_and_close, set)), 0);
    check_is(kin_semaphore_acquire(home, set, LONG_ENOUGH), 0);
    kin_segment_close(home);
}

/* Nobody waits for it or looks at it: the sweep has the name in the process record alone. */
static void the_sweep_gives_back(void **state)
{
    (void)state;
    struct kin_facilities facilities;
    open_set(KIN_SEMAPHORE(.value = 4));
    for (unsigned i = 0; i < 3; i++)
        check_is(test_end(test_child(take_and_die, NULL)), -SIGKILL);
    test_until(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) >= 0 &&
               kin_domain_facilities(NULL, &facilities) == 0 && facilities.lives_dead == 0 &&
               facilities.processes <= 1);
    check_is(kin_semaphore_operate(home, set, OPS({0, -4, UNDO | KIN_SEMAPHORE_NO_WAIT}), KIN_NOW), 0);
    kin_segment_close(home);
}

static int see_holder(void *context, const struct kin_party *party)
{
    if (party->part == KIN_PART_HOLDS)
        *(unsigned *)context += (unsigned)party->count * 100 + (party->alive == 1) * 10;
    else
        *(unsigned *)context += party->part == KIN_PART_WAITS;
    return 0;
}

static void listings_tell_holders_and_waiters(void **state)
{
    (void)state;
    unsigned seen = 0;
    open_set(KIN_SEMAPHORE(.count = 2, .value = 3));
    check_is(kin_semaphore_operate(home, set, OPS({0, -3, UNDO}, {1, -1, UNDO}), KIN_NOW), 0);
    pid_t waiter = test_child(acquire, NULL);
    test_asleep(waiter);
    check_is(kin_object_each_party(NULL, "s", see_holder, &seen), 0);
    check_is(seen, 411);
    test_kill(waiter);
    check_refused(kin_remove(NULL, "s", 0), -EBUSY, "holds something of it");
    kin_segment_close(home);
}

/* ---- two PID namespaces on one domain ---- */

static int hold_and_ask(void)
{
    int *ready = test_shared(sizeof *ready);
    pid_t holder = test_child(take_and_wait, ready);
    test_until(__atomic_load_n(ready, __ATOMIC_ACQUIRE));
    check_is(kin_semaphore_acquire(home, set, kin_after(600000000)), -ETIMEDOUT);
    test_kill(holder);
    check_is(kin_semaphore_acquire(home, set, LONG_ENOUGH), 0);
    return 0;
}

static int in_another_namespace(void *context)
{
    int status, *ready = context;
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        return 77;
    pid_t first = fork(); /* not test_child(): its parent is number 0 in there */
    if (first == 0) {
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("proc", "/proc", "proc", 0, "") < 0)
            _exit(77);
        if (hold_and_ask() != 0)
            _exit(1);
        __atomic_store_n(ready, 1, __ATOMIC_RELEASE); /* it holds the unit now */
        for (;;)
            pause();
    }
    check_is(waitpid(first, &status, 0), first);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static void across_namespaces(void **state)
{
    (void)state;
    int *ready = test_shared(sizeof *ready);
    struct kin_facilities facilities;
    check_is(kin_domain_facilities(NULL, &facilities), 0);
    if (facilities.fallback)
        test_skip("the fallback cannot prove a death in another PID namespace");
    open_set(KIN_SEMAPHORE(.value = 1));
    check_is(value_of(0), 1);
    pid_t keeper = test_child(in_another_namespace, ready);
    int status = 0, ended = 0;
    test_until(__atomic_load_n(ready, __ATOMIC_ACQUIRE) ||
               (ended = waitpid(keeper, &status, WNOHANG | WNOWAIT) == keeper));
    if (ended && !*ready) {
        int result = test_end(keeper);
        kin_segment_close(home);
        if (result == 77)
            test_skip("no permission to make a PID namespace here");
        check_is(result, 0);
    }
    /* The holder is pid 1 of another namespace: alive for us until it ends. */
    check_is(kin_semaphore_acquire(home, set, kin_after(600000000)), -ETIMEDOUT);
    char command[64];
    snprintf(command, sizeof command, "kill -9 $(cat /proc/%d/task/%d/children)", (int)keeper, (int)keeper);
    check_is(system(command), 0);
    check_is(test_end(keeper), 98);
    check_is(kin_semaphore_acquire(home, set, LONG_ENOUGH), 0);
    kin_segment_close(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dead_holders_unit_comes_back_once),
        TEST(a_waiter_wakes_when_the_holder_dies),
        TEST(a_set_is_put_right_in_both_ways),
        TEST(undo_is_the_processs),
        TEST(an_exec_keeps_it),
        TEST(room_for_holders_is_limited_and_comes_back),
        TEST(who_holds_nothing_leaves_in_an_orderly_way),
        TEST(the_sweep_gives_back),
        TEST(listings_tell_holders_and_waiters),
        TEST(across_namespaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
