#include "process/process.h"
#include "sys/bare.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

kin_process *process_new(void)
{
    kin_process *process = calloc(1, sizeof *process);
    if (!process) {
        reason(-ENOMEM, "no memory for the handle of a process");
        return NULL;
    }
    process->fd = -1;
    process->parent = getpid();
    pthread_mutex_init(&process->mutex, NULL);
    return process;
}

void process_free(kin_process *process)
{
    if (!process)
        return;
    file_close(process->fd);
    pthread_mutex_destroy(&process->mutex);
    free(process);
}

void process_bury(kin_process *process)
{
    siginfo_t info;
    pidfd_wait(process->fd, WEXITED, &info, NULL);
}

int process_refused(int error, const char *what)
{
    switch (error) {
    case -ENOSYS:
        return reason(error, "%s was not started: kin needs pidfds, Linux 5.4 or later", what);
    case -EAGAIN:
        return reason(error, "%s was not started: no more processes; see RLIMIT_NPROC and the cgroup's pids.max", what);
    case -EMFILE:
        return reason(error, "%s was not started: no free descriptor; close some or raise RLIMIT_NOFILE", what);
    case -ESRCH:
        return reason(error, "%s was killed before it could begin", what);
    }
    errno = -error;
    return reason(error, "%s was not started: the kernel refused a new process: %m", what);
}

struct quiet quiet_begin(void)
{
    struct quiet quiet = {.error = errno};
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &quiet.cancel);
    quiet.mask = bare_block_signals();
    return quiet;
}

void quiet_end(const struct quiet *quiet)
{
    bare_set_mask(quiet->mask);
    pthread_setcancelstate(quiet->cancel, NULL);
    errno = quiet->error;
}

pid_t kin_process_pid(const kin_process *process)
{
    return process->pid;
}

int kin_process_fd(const kin_process *process)
{
    return process->fd;
}

int kin_process_signal(kin_process *process, int signal)
{
    int result = pidfd_ended(process->fd) ? -ESRCH : pidfd_signal(process->fd, signal);
    if (result == 0)
        return 0;
    errno = -result;
    if (result == -ESRCH)
        return reason(result, "process %d has ended; it gets no signal %d", (int)process->pid, signal);
    return reason(result, "cannot send signal %d to process %d: %m", signal, (int)process->pid);
}

/* Another process's child (we are a fork of its parent) is not reaped by this: the kernel says -ECHILD. */
void kin_process_close(kin_process *process)
{
    siginfo_t info;
    if (!process)
        return;
    if (!process->ended)
        pidfd_wait(process->fd, WEXITED | WNOHANG, &info, NULL);
    process_free(process);
}

static const char *signal_name(int signal, char *text, size_t size)
{
    const char *name = sigabbrev_np(signal);
    if (name)
        snprintf(text, size, "SIG%s", name);
    else if (signal >= SIGRTMIN && signal <= SIGRTMAX)
        snprintf(text, size, "SIGRTMIN+%d", signal - SIGRTMIN);
    else
        snprintf(text, size, "signal %d", signal);
    return text;
}

char *kin_exit_text(const struct kin_exit *how, char *text, size_t size)
{
    char name[32];
    switch (how->kind) {
    case KIN_EXITED:
        snprintf(text, size, "exited with %d", how->status);
        break;
    case KIN_KILLED:
        snprintf(text, size, "killed by %s", signal_name(how->status, name, sizeof name));
        break;
    case KIN_DUMPED:
        snprintf(text, size, "killed by %s (core dumped)", signal_name(how->status, name, sizeof name));
        break;
    case KIN_STOPPED:
        snprintf(text, size, "stopped by %s", signal_name(how->status, name, sizeof name));
        break;
    case KIN_CONTINUED:
        snprintf(text, size, "continued");
        break;
    default:
        snprintf(text, size, "in an unknown state");
    }
    return text;
}
