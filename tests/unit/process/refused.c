/* What happens where the kernel refuses a call: older kernels, sandboxes. seccomp stands in for them. */
#include "program.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define NO_SECCOMP 77

static void spawn_works(void)
{
    struct kin_exit how;
    kin_process *process = NULL;
    char *const missing[] = {"/no/such/program", NULL};
    check_text(output_of(SHELL("echo it works"), NULL), "it works");
    check_text(output_of(PROBE("descriptors"), NULL), "0 1 2");
    check_refused(kin_process_spawn(missing, NULL, &process), -ENOENT,
                  "/no/such/program was not started: cannot execute");
    check_refused(kin_process_spawn(SHELL("true"), KIN_SPAWN(.directory = "/no/such"), &process), -ENOENT, "directory");
    process = child_that_hangs();
    check_is(kin_process_wait(process, 0, KIN_NOW, NULL), -ETIMEDOUT);
    check_is(kin_process_signal(process, SIGKILL), 0);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    check_is(how.status, SIGKILL);
    kin_process_close(process);
    check_is(waitpid(-1, NULL, WNOHANG), -1);
}

static int without_clone_pidfd(void *context)
{
    if (!refuse_call(SYS_clone, 0, CLONE_PIDFD, *(int *)context))
        return NO_SECCOMP;
    spawn_works();
    signal(SIGCHLD, SIG_IGN); /* reaped before the parent looks */
    for (int i = 0; i < 20; i++)
        kin_process_close(child_that_exits(0));
    return 0;
}

static int without_close_range(void *context)
{
    (void)context;
    if (!refuse_call(SYS_close_range, 0, 0, ENOSYS))
        return NO_SECCOMP;
    int many[200];
    struct kin_fd_map map[] = {{40, 0}, {41, 0}, {100, 0}};
    for (int i = 0; i < 200; i++)
        many[i] = fcntl(0, F_DUPFD, 30);
    spawn_works();
    check_text(output_of(PROBE("descriptors"), KIN_SPAWN(.fds = map, .fd_count = 3)), "0 1 2 40 41 100");
    for (int i = 0; i < 200; i++)
        close(many[i]);
    return 0;
}

static int return_zero(void *context)
{
    (void)context;
    return 0;
}

static int without_pidfds(void *context)
{
    kin_process *process = NULL;
    (void)context;
    if (!refuse_call(SYS_clone, 0, CLONE_PIDFD, EINVAL) || !refuse_call(SYS_pidfd_open, 0, 0, ENOSYS))
        return NO_SECCOMP;
    check_refused(kin_process_spawn(SHELL("true"), NULL, &process), -ENOSYS, "Linux 5.4");
    check_refused(kin_process_fork(return_zero, NULL, NULL, &process), -ENOSYS, "Linux 5.4");
    check_is(waitpid(-1, NULL, WNOHANG), -1);
    check_is(errno, ECHILD);
    return 0;
}

static void passes_under(int (*run)(void *context), void *context)
{
    int result = test_end(test_child(run, context));
    if (result == NO_SECCOMP)
        test_skip("no seccomp here to refuse system calls");
    check_is(result, 0);
}

static void spawn_needs_no_clone_pidfd(void **state)
{
    (void)state;
    int invalid = EINVAL, forbidden = EPERM;
    passes_under(without_clone_pidfd, &invalid);
    passes_under(without_clone_pidfd, &forbidden);
}

static void spawn_needs_no_close_range(void **state)
{
    (void)state;
    passes_under(without_close_range, NULL);
}

static void without_pidfds_it_is_told(void **state)
{
    (void)state;
    passes_under(without_pidfds, NULL);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(spawn_needs_no_clone_pidfd),
        TEST(spawn_needs_no_close_range),
        TEST(without_pidfds_it_is_told),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
