#include "process/process.h"
#include "sys/bare.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

kin_process *process_make(pid_t parent)
{
    kin_process *process = calloc(1, sizeof *process);
    if (!process)
        return NULL;
    process->fd = -1;
    process->parent = parent;
    pthread_mutex_init(&process->mutex, NULL);
    return process;
}

void process_unmake(kin_process *process)
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
    kin_process *process = process_make(getpid());
    int result = process ? launch(child, start, process) : child_refused(child, -ENOMEM);
    if (result == 0)
        *out = process;
    else if (process)
        process_unmake(process);
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

/* Another process's child (we are a fork of its parent) is not reaped by this: the kernel says -ECHILD. */
void kin_process_close(kin_process *process)
{
    siginfo_t info;
    if (!process)
        return;
    if (!process->ended && process->parent != NOBODYS)
        pidfd_wait(process->fd, WEXITED | WNOHANG, &info, NULL);
    process_unmake(process);
}
