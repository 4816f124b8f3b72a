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

static kin_process *make(void)
{
    kin_process *process = calloc(1, sizeof *process);
    if (!process)
        return NULL;
    process->fd = -1;
    process->parent = getpid();
    pthread_mutex_init(&process->mutex, NULL);
    return process;
}

static void unmake(kin_process *process)
{
    file_close(process->fd);
    pthread_mutex_destroy(&process->mutex);
    free(process);
}

static struct quiet quiet_begin(void)
{
    struct quiet quiet = {.error = errno};
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &quiet.cancel);
    quiet.mask = bare_block_signals();
    return quiet;
}

void process_quiet_end(const struct quiet *quiet)
{
    bare_set_mask(quiet->mask);
    pthread_setcancelstate(quiet->cancel, NULL);
    errno = quiet->error;
}

static int launch(struct child *child, int (*start)(struct child *child, kin_process *process), kin_process *process)
{
    siginfo_t info;
    child->quiet = quiet_begin();
    int result = start(child, process);
    bool failed = result == 0 && child->failure.error < 0;
    if (failed)
        pidfd_wait(process->fd, WEXITED, &info, NULL);
    process_quiet_end(&child->quiet);
    if (result < 0)
        return child_refused(child, result);
    return failed ? child_explain(child) : 0;
}

int process_launch(struct child *child, int (*start)(struct child *child, kin_process *process), kin_process **out)
{
    kin_process *process = make();
    int result = process ? launch(child, start, process) : child_refused(child, -ENOMEM);
    if (result == 0)
        *out = process;
    else if (process)
        unmake(process);
    child_plan_free(child);
    return result;
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
    unmake(process);
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
