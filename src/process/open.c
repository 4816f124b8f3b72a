/* Processes that kin did not start: known by number and start time, signalled and watched by pidfd. */
#include "process/end.h"
#include "process/process.h"
#include "sys/pidfd.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include "sys/task.h"
#include <errno.h>
#include <inttypes.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int no_pidfd(pid_t pid, int result)
{
    errno = -result;
    switch (result) {
    case -ESRCH:
        return reason(result, "there is no process %d", (int)pid);
    case -EINVAL:
    case -ENOENT:
        return reason(-EINVAL, "%d is the number of a thread; give that of its process", (int)pid);
    case -ENOSYS:
        return reason(result, "kin needs pidfds, Linux 5.4 or later");
    default:
        return reason(result, "cannot get hold of process %d: %m; close descriptors or raise RLIMIT_NOFILE", (int)pid);
    }
}

/* What /proc says of the number is about this process if it has the number still: looked at after that. */
static int check_start(kin_process *process, uint64_t start)
{
    int pid = (int)process->pid;
    process->start = task_start((uint32_t)pid);
    bool reaped = pidfd_reaped(process->fd);
    if (start == 0)
        return 0;
    if (reaped)
        return reason(-ESRCH, "process %d has ended", pid);
    if (process->start == 0)
        return reason(-EACCES,
                      "/proc does not show when process %d started, so it may be another one; mount this PID "
                      "namespace's /proc without hidepid, or give no start",
                      pid);
    if (process->start != start)
        return reason(-ESRCH,
                      "process %d that started at %" PRIu64 " has ended: the number is that of one that started at "
                      "%" PRIu64 " now",
                      pid, start, process->start);
    return 0;
}

static int check_child(const kin_process *process)
{
    siginfo_t info;
    if (pidfd_wait(process->fd, WEXITED | WNOHANG | WNOWAIT, &info, NULL) >= 0)
        return 0;
    return reason(-ECHILD, "process %d is no child of this process; without KIN_PROCESS_REAP it can be watched",
                  (int)process->pid);
}

static int get_hold(kin_process *process, uint64_t start)
{
    process->fd = pidfd_of(process->pid);
    if (process->fd < 0)
        return no_pidfd(process->pid, process->fd);
    int result = check_start(process, start);
    return result == 0 && process->parent != NOBODYS ? check_child(process) : result;
}

int kin_process_open(pid_t pid, uint64_t start, unsigned flags, kin_process **out)
{
    if (flags & ~(unsigned)KIN_PROCESS_REAP)
        return reason(-EINVAL, "unknown flags 0x%x; see enum kin_process_flag", flags);
    if (pid <= 0)
        return reason(-EINVAL, "%d is no number of a process; they begin with 1", (int)pid);
    kin_process *process = process_make(flags & KIN_PROCESS_REAP ? getpid() : NOBODYS);
    if (!process)
        return reason(-ENOMEM, "no memory for process %d", (int)pid);
    process->pid = pid;
    int result = get_hold(process, start);
    if (result == 0)
        *out = process;
    else
        process_unmake(process);
    return result;
}

uint64_t kin_process_start(const kin_process *process)
{
    uint64_t start = process->start ? process->start : task_start((uint32_t)process->pid);
    return process->start || !pidfd_reaped(process->fd) ? start : 0;
}

/* The zombie is asked first, as it is there at once; whoever reaps it in between leaves its status with the kernel. */
static struct kin_exit how_it_ended(const kin_process *process)
{
    siginfo_t info;
    struct pidfd_usage usage;
    int status;
    if (pidfd_wait(process->fd, WEXITED | WNOHANG | WNOWAIT, &info, &usage) > 0)
        return end_of_info(&info, &usage);
    bool known = task_exit_status((uint32_t)process->pid, &status);
    if (pidfd_reaped(process->fd))
        known = pidfd_kept_status(process->fd, &status) == 0;
    return known ? end_of_status(status) : (struct kin_exit){.kind = KIN_ENDED};
}

int process_watch(kin_process *process, kin_time until, struct kin_exit *how)
{
    int result = ready_one(process->fd, POLLIN, until);
    if (result < 0)
        return result;
    pthread_mutex_lock(&process->mutex);
    if (!process->ended) {
        process->end = how_it_ended(process);
        process->ended = process->end.kind != KIN_ENDED;
    }
    *how = process->end;
    pthread_mutex_unlock(&process->mutex);
    return 0;
}

int kin_process_subreaper(int on)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, on != 0, 0, 0, 0) < 0)
        return reason_errno("cannot %s to adopt orphans", on ? "begin" : "cease");
    return 0;
}
