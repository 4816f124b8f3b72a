#include "process/process.h"
#include "sys/pidfd.h"
#include "sys/reason.h"
#include <errno.h>

/* A zombie takes signals, for the kernel; for us it has ended. */
static int explain(const kin_process *process, int signal, int result)
{
    int pid = (int)process->pid;
    errno = -result;
    switch (result) {
    case 0:
        return 0;
    case -ESRCH:
        return reason(result, "process %d has ended; it gets no signal %d", pid, signal);
    case -EAGAIN:
        return reason(result,
                      "signal %d was not sent to process %d: the queue of its user is full; send again when something "
                      "was taken out, or raise RLIMIT_SIGPENDING there",
                      signal, pid);
    case -EPERM:
        return reason(result, "cannot send signal %d to process %d: %m; it takes the same user, or CAP_KILL", signal,
                      pid);
    default:
        return reason(result, "cannot send signal %d to process %d: %m", signal, pid);
    }
}

int kin_process_signal(kin_process *process, int signal)
{
    return explain(process, signal, pidfd_ended(process->fd) ? -ESRCH : pidfd_signal(process->fd, signal));
}

int kin_process_queue(kin_process *process, int signal, int value)
{
    return explain(process, signal, pidfd_ended(process->fd) ? -ESRCH : pidfd_queue(process->fd, signal, value));
}
