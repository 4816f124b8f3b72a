/* How the end of a child, its stops and continuations are told. */
#include "program.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MILLISECONDS INT64_C(1000000)

static void the_end_is_told_again_and_again(void **state)
{
    (void)state;
    struct kin_exit first, again;
    kin_process *process = child_that_exits(9);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &first), 0);
    check_is(first.status, 9);
    check_is(kin_process_wait(process, 0, KIN_NOW, &again), 0);
    check_is(memcmp(&first, &again, sizeof first), 0);
    check_is(kin_process_wait(process, KIN_WAIT_STOPPED | KIN_WAIT_CONTINUED, KIN_FOREVER, &again), 0);
    check_is(again.status, 9);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, NULL), 0);
    kin_process_close(process);
}

static void a_child_that_runs_on_is_a_timeout(void **state)
{
    (void)state;
    struct kin_exit how = {.status = 1234};
    struct timespec now, soon;
    kin_process *process = child_that_hangs();
    check_refused(kin_process_wait(process, 0, KIN_NOW, &how), -ETIMEDOUT, "goes on");
    kin_time until = kin_after(20 * MILLISECONDS);
    check_is(kin_process_wait(process, 0, until, &how), -ETIMEDOUT);
    check(kin_after(1) > until);
    until = kin_after(20 * MILLISECONDS);
    check_is(kin_process_wait(process, KIN_WAIT_STOPPED, until, &how), -ETIMEDOUT);
    check(kin_after(1) > until);
    clock_gettime(CLOCK_REALTIME, &now);
    soon = (struct timespec){now.tv_sec + (now.tv_nsec >= 980000000), (now.tv_nsec + 20000000) % 1000000000};
    check_is(kin_process_wait(process, 0, kin_at(&soon), &how), -ETIMEDOUT);
    clock_gettime(CLOCK_REALTIME, &now);
    check(now.tv_sec > soon.tv_sec || (now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec));
    check_is(how.status, 1234);
    check_refused(kin_process_wait(process, 8, KIN_NOW, &how), -EINVAL, "0x8");
    end_child(process);
}

static void stops_and_continuations_are_told(void **state)
{
    (void)state;
    struct kin_exit how;
    kin_process *process = child_that_hangs();
    for (int i = 0; i < 3; i++) {
        check_is(kin_process_signal(process, SIGSTOP), 0);
        check_is(kin_process_wait(process, KIN_WAIT_STOPPED, KIN_FOREVER, &how), 0);
        check_is(how.kind, KIN_STOPPED);
        check_is(how.status, SIGSTOP);
        check_is(kin_process_wait(process, KIN_WAIT_STOPPED, KIN_NOW, &how), -ETIMEDOUT);
        check_is(kin_process_signal(process, SIGCONT), 0);
        check_is(kin_process_wait(process, KIN_WAIT_CONTINUED, KIN_FOREVER, &how), 0);
        check_is(how.kind, KIN_CONTINUED);
    }
    check_is(kin_process_signal(process, SIGKILL), 0);
    check_is(kin_process_wait(process, KIN_WAIT_STOPPED | KIN_WAIT_CONTINUED, KIN_FOREVER, &how), 0);
    check_is(how.kind, KIN_KILLED);
    kin_process_close(process);
}

static void a_stop_is_not_the_end(void **state)
{
    (void)state;
    siginfo_t info;
    struct kin_exit how;
    kin_process *process = child_that_hangs();
    struct pollfd end = {.fd = kin_process_fd(process), .events = POLLIN};
    check_is(kin_process_signal(process, SIGSTOP), 0);
    check_is(waitid(P_PID, (id_t)kin_process_pid(process), &info, WSTOPPED | WNOWAIT), 0);
    check_is(kin_process_wait(process, 0, KIN_NOW, &how), -ETIMEDOUT);
    check_is(poll(&end, 1, 0), 0);
    end_child(process);
}

static void the_descriptor_shows_the_end(void **state)
{
    (void)state;
    kin_process *process = child_that_hangs();
    struct pollfd end = {.fd = kin_process_fd(process), .events = POLLIN};
    check_is(poll(&end, 1, 0), 0);
    check_is(kin_process_signal(process, SIGTERM), 0);
    check_is(poll(&end, 1, TEST_HANG * 1000), 1);
    check_is(kin_process_wait(process, 0, KIN_NOW, NULL), 0);
    check_is(poll(&end, 1, 0), 1);
    kin_process_close(process);
}

static void a_core_dump_is_told(void **state)
{
    (void)state;
    struct kin_exit how;
    const struct kin_limit core = {RLIMIT_CORE, {0, 0}};
    kin_process *process;
    check_is(kin_process_spawn(SHELL("kill -SEGV $$"), KIN_SPAWN(.limits = &core, .limit_count = 1), &process), 0);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    check(how.kind == KIN_KILLED || how.kind == KIN_DUMPED); /* a core_pattern with a pipe heeds no limit */
    check_is(how.status, SIGSEGV);
    kin_process_close(process);
}

static void what_it_used_is_told(void **state)
{
    (void)state;
    struct kin_exit how;
    kin_process *process;
    check_is(kin_process_spawn(SHELL("i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done"), NULL, &process), 0);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    check(how.usage.user_time + how.usage.system_time > 0);
    check(how.usage.minor_faults > 0);
    kin_process_close(process);
}

struct waiter {
    kin_process *process;
    struct kin_exit how;
    pthread_t thread;
};

static void *wait_in_thread(void *context)
{
    struct waiter *waiter = context;
    check_is(kin_process_wait(waiter->process, 0, KIN_FOREVER, &waiter->how), 0);
    return NULL;
}

static int wait_in_many_threads(void *context)
{
    enum { THREADS = 8, ROUNDS = 50 };
    (void)context;
    refuse_call(SYS_ioctl, 1, 0xff00, ENOTTY); /* where it can be refused, PIDFD_GET_INFO gives no second chance */
    for (int round = 0; round < ROUNDS; round++) {
        struct waiter waiters[THREADS];
        kin_process *process = round % 2 ? child_that_exits(round) : child_that_hangs();
        for (int i = 0; i < THREADS; i++) {
            waiters[i] = (struct waiter){.process = process};
            check_is(pthread_create(&waiters[i].thread, NULL, wait_in_thread, &waiters[i]), 0);
        }
        if (round % 2 == 0)
            check_is(kin_process_signal(process, SIGKILL), 0);
        for (int i = 0; i < THREADS; i++) {
            check_is(pthread_join(waiters[i].thread, NULL), 0);
            check_is(waiters[i].how.kind, round % 2 ? KIN_EXITED : KIN_KILLED);
            check_is(waiters[i].how.status, round % 2 ? round : SIGKILL);
            check(waiters[i].how.usage.minor_faults > 0);
        }
        kin_process_close(process);
    }
    return 0;
}

static void all_threads_that_wait_get_the_end(void **state)
{
    (void)state;
    check_is(test_end(test_child(wait_in_many_threads, NULL)), 0);
}

static void do_nothing(int signal)
{
    (void)signal;
}

static void *interrupt(void *context)
{
    struct waiter *waiter = context;
    for (int i = 0; i < 100; i++)
        pthread_kill(waiter->thread, SIGUSR1);
    check_is(kin_process_signal(waiter->process, SIGKILL), 0);
    return NULL;
}

static void a_signal_does_not_end_the_wait(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = do_nothing};
    struct waiter waiter = {.process = child_that_hangs(), .thread = pthread_self()};
    struct kin_exit how;
    pthread_t thread;
    sigaction(SIGUSR1, &action, NULL);
    check_is(pthread_create(&thread, NULL, interrupt, &waiter), 0);
    check_is(kin_process_wait(waiter.process, 0, KIN_FOREVER, &how), 0);
    check_is(how.status, SIGKILL);
    check_is(pthread_join(thread, NULL), 0);
    signal(SIGUSR1, SIG_DFL);
    kin_process_close(waiter.process);
}

static void closing_reaps_what_has_ended(void **state)
{
    (void)state;
    siginfo_t info;
    kin_process *process = child_that_exits(0);
    pid_t pid = kin_process_pid(process);
    check_is(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    kin_process_close(process);
    check_is(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG), -1);
    check_is(errno, ECHILD);
    kin_process_close(NULL);
}

static void closing_leaves_what_runs(void **state)
{
    (void)state;
    int status;
    kin_process *process = child_that_hangs();
    pid_t pid = kin_process_pid(process);
    kin_process_close(process);
    check_is(kill(pid, 0), 0);
    check_is(kill(pid, SIGKILL), 0);
    check_is(waitpid(pid, &status, 0), pid);
}

static int wait_for_anothers(void *context)
{
    kin_process *process = context;
    check_refused(kin_process_wait(process, 0, KIN_FOREVER, NULL), -ECHILD, "no child of this process");
    check_is(kin_process_signal(process, 0), 0);
    kin_process_close(process);
    return 0;
}

static void a_fork_of_the_parent_cannot_wait(void **state)
{
    (void)state;
    kin_process *process = child_that_hangs();
    check_is(test_end(test_child(wait_for_anothers, process)), 0);
    check_is(kin_process_wait(process, 0, KIN_NOW, NULL), -ETIMEDOUT);
    end_child(process);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(the_end_is_told_again_and_again),
        TEST(a_child_that_runs_on_is_a_timeout),
        TEST(stops_and_continuations_are_told),
        TEST(a_stop_is_not_the_end),
        TEST(the_descriptor_shows_the_end),
        TEST(a_core_dump_is_told),
        TEST(what_it_used_is_told),
        TEST(all_threads_that_wait_get_the_end),
        TEST(a_signal_does_not_end_the_wait),
        TEST(closing_reaps_what_has_ended),
        TEST(closing_leaves_what_runs),
        TEST(a_fork_of_the_parent_cannot_wait),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
