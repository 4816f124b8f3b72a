#include "namespace.h"
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* clone3 as libc does not wrap it. */
pid_t test_child_with_number(pid_t number)
{
    struct clone_args arguments = {
        .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&number, .set_tid_size = number ? 1 : 0};
    fflush(NULL);
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

int test_in_namespace(int (*run)(void *context), void *context)
{
    int status;
    fflush(NULL);
    pid_t outer = fork();
    if (outer == 0) {
        if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
            _exit(77);
        pid_t first = fork();
        if (first == 0) {
            if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0)
                _exit(77);
            _exit(run(context));
        }
        waitpid(first, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    check_is(waitpid(outer, &status, 0), outer);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

void test_need_namespaces(int result)
{
    if (result == 77)
        test_skip("no permission to make a PID namespace here");
}

static uint64_t ticks(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 100 + (uint64_t)now.tv_nsec / 10000000;
}

void test_next_tick(void)
{
    uint64_t then = ticks();
    test_until(ticks() > then + 1);
}
