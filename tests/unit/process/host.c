/* A host program that ignores SIGCHLD, or reaps every child: the kernel is asked how it ended (PIDFD_GET_INFO, Linux
 * 6.15); where it does not know, -ECHILD says so. */
#include "program.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_SECCOMP 77

static bool kernel_keeps_the_status(void)
{
    struct utsname name;
    int major, minor;
    check_is(uname(&name), 0);
    check_is(sscanf(name.release, "%d.%d", &major, &minor), 2);
    return major > 6 || (major == 6 && minor >= 15);
}

static void is_told(kin_process *process, enum kin_exit_kind kind, int status)
{
    struct kin_exit how;
    if (!kernel_keeps_the_status()) {
        check_refused(kin_process_wait(process, 0, KIN_FOREVER, &how), -ECHILD, "SIGCHLD");
        return;
    }
    for (int again = 0; again < 2; again++) {
        check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
        check_is(how.kind, kind);
        check_is(how.status, status);
    }
}

static void a_host_may_ignore_its_children(void **state)
{
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 20; i++) {
        kin_process *exits = child_that_exits(i), *hangs = child_that_hangs();
        check_is(kin_process_wait(hangs, 0, KIN_NOW, NULL), -ETIMEDOUT);
        is_told(exits, KIN_EXITED, i);
        check_is(kin_process_signal(hangs, SIGTERM), 0);
        is_told(hangs, KIN_KILLED, SIGTERM);
        check_is(kin_process_signal(hangs, 0), -ESRCH);
        kin_process_close(exits);
        kin_process_close(hangs);
    }
    signal(SIGCHLD, SIG_DFL);
}

static int count_to_seven(void *context)
{
    (void)context;
    return 7;
}

static void a_forked_child_may_be_ignored_too(void **state)
{
    (void)state;
    kin_process *process;
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 20; i++) {
        check_is(kin_process_fork(count_to_seven, NULL, NULL, &process), 0);
        is_told(process, KIN_EXITED, 7);
        kin_process_close(process);
    }
    signal(SIGCHLD, SIG_DFL);
}

/* A start that fails while the host takes every child: the error is the same. */
static void a_failing_start_is_told_there_too(void **state)
{
    (void)state;
    kin_process *process = NULL;
    char *const missing[] = {"/no/such/program", NULL};
    signal(SIGCHLD, SIG_IGN);
    check_is(kin_process_spawn(missing, NULL, &process), -ENOENT);
    signal(SIGCHLD, SIG_DFL);
}

static void reap_everyone(int signal)
{
    int error = errno;
    (void)signal;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = error;
}

static void a_host_may_reap_everyone_in_a_handler(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = reap_everyone, .sa_flags = SA_RESTART};
    sigaction(SIGCHLD, &action, NULL);
    for (int i = 0; i < 20; i++) {
        kin_process *process = child_that_exits(i);
        struct kin_exit how;
        /* Either may be first; without the kernel's help only who is first knows. */
        int result = kin_process_wait(process, 0, KIN_FOREVER, &how);
        check(result == 0 || (result == -ECHILD && !kernel_keeps_the_status()));
        if (result == 0)
            check_is(how.status, i);
        kin_process_close(process);
    }
    signal(SIGCHLD, SIG_DFL);
}

static void a_host_may_reap_a_child_before(void **state)
{
    (void)state;
    int status;
    kin_process *process = child_that_exits(5);
    check_is(waitpid(-1, &status, 0), kin_process_pid(process));
    is_told(process, KIN_EXITED, 5);
    kin_process_close(process);
}

static void nobody_elses_children_are_reaped(void **state)
{
    (void)state;
    int status;
    pid_t other = fork();
    if (other == 0)
        _exit(3);
    kin_process *process = child_that_exits(4);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, NULL), 0);
    kin_process_close(process);
    check_is(waitpid(other, &status, 0), other);
    check_is(WEXITSTATUS(status), 3);
}

static int lose_a_status(void *context)
{
    (void)context;
    int status;
    kin_process *process = child_that_exits(5);
    if (!refuse_call(SYS_ioctl, 1, 0xff00, ENOTTY))
        return NO_SECCOMP;
    check_is(waitpid(-1, &status, 0), kin_process_pid(process));
    for (int again = 0; again < 2; again++)
        check_refused(kin_process_wait(process, 0, KIN_FOREVER, NULL), -ECHILD, "set SIGCHLD to SIG_DFL");
    kin_process_close(process);
    return 0;
}

static void without_the_kernels_help_it_is_said(void **state)
{
    (void)state;
    int result = test_end(test_child(lose_a_status, NULL));
    if (result == NO_SECCOMP)
        test_skip("no seccomp here to hide PIDFD_GET_INFO");
    check_is(result, 0);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(a_host_may_ignore_its_children),      TEST(a_forked_child_may_be_ignored_too),
        TEST(a_failing_start_is_told_there_too),   TEST(a_host_may_reap_everyone_in_a_handler),
        TEST(a_host_may_reap_a_child_before),      TEST(nobody_elses_children_are_reaped),
        TEST(without_the_kernels_help_it_is_said),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
