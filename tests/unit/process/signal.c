/* Signals: what a child blocks and ignores, how it is signalled, and the lifeline. */
#include "program.h"
#include "process/child.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void do_nothing(int signal)
{
    (void)signal;
}

static void nothing_is_blocked_or_ignored(void **state)
{
    (void)state;
    sigset_t all, before, after;
    sigfillset(&all);
    check_is(pthread_sigmask(SIG_SETMASK, &all, &before), 0);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGRTMAX, SIG_IGN);
    signal(SIGUSR2, do_nothing);
    check_text(output_of(PROBE("blocked"), NULL), "");
    check_text(output_of(PROBE("ignored"), NULL), "");
    check_is(pthread_sigmask(SIG_SETMASK, &before, &after), 0);
    check_is(sigismember(&after, SIGTERM), 1);
    check(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
    check(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
    check(signal(SIGRTMAX, SIG_DFL) == SIG_IGN);
    check(signal(SIGUSR2, SIG_DFL) == do_nothing);
}

static void mask_and_ignored_are_kept_when_asked_for(void **state)
{
    (void)state;
    sigset_t two, before;
    char wanted[16];
    sigemptyset(&two);
    sigaddset(&two, SIGTERM);
    sigaddset(&two, SIGUSR2);
    check_is(pthread_sigmask(SIG_SETMASK, &two, &before), 0);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, do_nothing);
    snprintf(wanted, sizeof wanted, "%d %d ", SIGUSR2, SIGTERM);
    check_text(output_of(PROBE("blocked"), KIN_SPAWN(.flags = KIN_SPAWN_KEEP_MASK)), wanted);
    snprintf(wanted, sizeof wanted, "%d ", SIGHUP);
    check_text(output_of(PROBE("ignored"), KIN_SPAWN(.flags = KIN_SPAWN_KEEP_IGNORED)), wanted);
    check_is(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    signal(SIGHUP, SIG_DFL);
    signal(SIGUSR1, SIG_DFL);
}

static void a_signal_reaches_the_child(void **state)
{
    (void)state;
    struct kin_exit how;
    kin_process *process = child_that_hangs();
    check_is(kin_process_signal(process, 0), 0);
    check_refused(kin_process_signal(process, 1000), -EINVAL, "signal 1000");
    check_is(kin_process_signal(process, SIGUSR1), 0);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    check_is(how.kind, KIN_KILLED);
    check_is(how.status, SIGUSR1);
    kin_process_close(process);
}

/* A zombie takes signals, for the kernel; for us it has ended. */
static void an_ended_child_gets_no_signal(void **state)
{
    (void)state;
    siginfo_t info;
    kin_process *process = child_that_exits(0);
    check_is(waitid(P_PID, (id_t)kin_process_pid(process), &info, WEXITED | WNOWAIT), 0);
    check_refused(kin_process_signal(process, SIGTERM), -ESRCH, "has ended");
    check_is(kin_process_wait(process, 0, KIN_FOREVER, NULL), 0);
    check_refused(kin_process_signal(process, 0), -ESRCH, "has ended");
    kin_process_close(process);
}

struct bond {
    unsigned flags;
    int signal;
    kin_process *process;
};

static void *start_and_end(void *context)
{
    struct bond *bond = context;
    check_is(kin_process_spawn(SLEEP, KIN_SPAWN(.flags = bond->flags, .lifeline_signal = bond->signal), &bond->process),
             0);
    return NULL;
}

static int end_of_thread_with(unsigned flags, int signal)
{
    struct bond bond = {.flags = flags, .signal = signal};
    struct kin_exit how;
    pthread_t thread;
    check_is(pthread_create(&thread, NULL, start_and_end, &bond), 0);
    check_is(pthread_join(thread, NULL), 0);
    check_is(kin_process_wait(bond.process, 0, KIN_FOREVER, &how), 0);
    kin_process_close(bond.process);
    check_is(how.kind, KIN_KILLED);
    return how.status;
}

static void the_lifeline_ends_with_the_thread(void **state)
{
    (void)state;
    check_is(end_of_thread_with(KIN_SPAWN_LIFELINE, 0), SIGKILL);
    check_is(end_of_thread_with(KIN_SPAWN_LIFELINE, SIGTERM), SIGTERM);
}

static int die_with_a_child(void *context)
{
    const int *writer = context;
    kin_process *process;
    struct kin_fd_map map[] = {{3, *writer}};
    check_is(kin_process_spawn(SLEEP, KIN_SPAWN(.flags = KIN_SPAWN_LIFELINE, .fds = map, .fd_count = 1), &process), 0);
    raise(SIGKILL);
    return 0;
}

/* The grandchild holds the writing end of the pipe: the end of the pipe is its own. */
static void the_lifeline_ends_with_a_killed_process(void **state)
{
    (void)state;
    int ends[2];
    char byte;
    check_is(pipe2(ends, O_CLOEXEC), 0);
    pid_t parent = test_child(die_with_a_child, &ends[1]);
    close(ends[1]);
    check_is(test_end(parent), -SIGKILL);
    check_is(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

/* The parent that the child was told of has gone before the lifeline was tied. */
static int prepare_as_an_orphan(void *context)
{
    struct child child = {.wish = {.flags = KIN_SPAWN_LIFELINE}, .parent = getpid(), .report = -1};
    (void)context;
    check_is(child_prepare(&child), -ESRCH);
    check_is(child.failure.step, STEP_LIFELINE);
    return 0;
}

static void a_parent_that_ended_early_is_noticed(void **state)
{
    (void)state;
    check_is(test_end(test_child(prepare_as_an_orphan, NULL)), 0);
}

static void without_a_lifeline_it_outlives_its_parent(void **state)
{
    (void)state;
    struct bond bond = {.flags = 0};
    pthread_t thread;
    check_is(pthread_create(&thread, NULL, start_and_end, &bond), 0);
    check_is(pthread_join(thread, NULL), 0);
    check_is(kin_process_signal(bond.process, 0), 0);
    end_child(bond.process);
}

/* A signal that comes while all are blocked is not lost, and its handler runs in the parent alone. */
static volatile sig_atomic_t taken;

static void take(int signal)
{
    (void)signal;
    taken++;
}

static void *signal_parent(void *context)
{
    for (int i = 0; i < 200; i++)
        pthread_kill(*(pthread_t *)context, SIGUSR1);
    return NULL;
}

static void a_handler_runs_in_the_parent_alone(void **state)
{
    (void)state;
    pthread_t self = pthread_self(), thread;
    struct sigaction action = {.sa_handler = take, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    check_is(pthread_create(&thread, NULL, signal_parent, &self), 0);
    for (int i = 0; i < 20; i++) {
        kin_process *process = child_that_exits(3);
        struct kin_exit how;
        check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
        check_is(how.kind, KIN_EXITED);
        check_is(how.status, 3);
        kin_process_close(process);
    }
    check_is(pthread_join(thread, NULL), 0);
    check(taken > 0);
    signal(SIGUSR1, SIG_DFL);
}

static void how_it_ended_is_put_into_words(void **state)
{
    (void)state;
    char text[64];
    struct kin_exit exited = {.kind = KIN_EXITED, .status = 1}, killed = {.kind = KIN_KILLED, .status = SIGKILL},
                    dumped = {.kind = KIN_DUMPED, .status = SIGSEGV},
                    stopped = {.kind = KIN_STOPPED, .status = SIGSTOP},
                    continued = {.kind = KIN_CONTINUED, .status = SIGCONT},
                    queued = {.kind = KIN_KILLED, .status = SIGRTMIN + 3}, none = {.status = 0};
    check_text(kin_exit_text(&exited, text, sizeof text), "exited with 1");
    check_text(kin_exit_text(&killed, text, sizeof text), "killed by SIGKILL");
    check_text(kin_exit_text(&dumped, text, sizeof text), "killed by SIGSEGV (core dumped)");
    check_text(kin_exit_text(&stopped, text, sizeof text), "stopped by SIGSTOP");
    check_text(kin_exit_text(&continued, text, sizeof text), "continued");
    check_text(kin_exit_text(&queued, text, sizeof text), "killed by SIGRTMIN+3");
    check_text(kin_exit_text(&none, text, sizeof text), "in an unknown state");
    check_text(kin_exit_text(&exited, text, 5), "exit");
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(nothing_is_blocked_or_ignored),        TEST(mask_and_ignored_are_kept_when_asked_for),
        TEST(a_signal_reaches_the_child),           TEST(an_ended_child_gets_no_signal),
        TEST(the_lifeline_ends_with_the_thread),    TEST(the_lifeline_ends_with_a_killed_process),
        TEST(a_parent_that_ended_early_is_noticed), TEST(without_a_lifeline_it_outlives_its_parent),
        TEST(a_handler_runs_in_the_parent_alone),   TEST(how_it_ended_is_put_into_words),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
