#include "process/end.h"
#include "process/process.h"
#include "sys/clock.h"
#include "sys/pidfd.h"
#include "sys/reason.h"
#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What shows on no descriptor is looked for again and again, after naps that double: a stop, a continuation, the end of
 * a child that a debugger still holds, a step of the wall clock. */
#define FIRST_NAP (MILLISECOND / 4)
#define LONGEST_NAP (32 * MILLISECOND)
#define LONGEST_SLEEP INT64_C(1000000) /* seconds; a 32-bit time_t has room for it */

/* 1: *how tells a change; 0: nothing yet. The end is reaped once, under the mutex, and told to everybody who asks. */
static int look(kin_process *process, unsigned flags, struct kin_exit *how)
{
    siginfo_t info;
    struct pidfd_usage usage;
    int options =
        WEXITED | WNOHANG | (flags & KIN_WAIT_STOPPED ? WSTOPPED : 0) | (flags & KIN_WAIT_CONTINUED ? WCONTINUED : 0);
    int result = 1;
    pthread_mutex_lock(&process->mutex);
    if (process->ended) {
        *how = process->end;
    } else if ((result = pidfd_wait(process->fd, options, &info, &usage)) > 0) {
        *how = end_of_info(&info, &usage);
        process->ended = end_is_one(how);
        process->end = *how;
    }
    pthread_mutex_unlock(&process->mutex);
    return result;
}

/* The child is not there to be waited for: the host program has seen to that. */
static int ask_kernel(kin_process *process, struct kin_exit *how)
{
    int status;
    if (pidfd_kept_status(process->fd, &status) < 0)
        return reason(-ECHILD,
                      "how process %d ended is lost: this program ignores SIGCHLD or reaps every child, and before "
                      "Linux 6.15 the kernel does not keep it; set SIGCHLD to SIG_DFL and wait for own children only",
                      (int)process->pid);
    pthread_mutex_lock(&process->mutex);
    if (!process->ended)
        process->end = end_of_status(status);
    process->ended = true;
    *how = process->end;
    pthread_mutex_unlock(&process->mutex);
    return 1;
}

/* Sleeps until the process has ended (true), or for so many nanoseconds, or until a signal. */
static bool sleep_for(int fd, int64_t left)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    struct timespec span = {LONGEST_SLEEP, 0};
    if (left < LONGEST_SLEEP * SECOND)
        span = (struct timespec){left / SECOND, left % SECOND};
    return ppoll(&end, 1, &span, NULL) > 0;
}

static int not_in_time(const kin_process *process)
{
    return reason(-ETIMEDOUT, "process %d goes on: its state has not changed in time", (int)process->pid);
}

static int wait_for_change(kin_process *process, unsigned flags, kin_time until, struct kin_exit *how)
{
    int64_t nap = FIRST_NAP;
    bool ended = false;
    for (;;) {
        int result = look(process, flags, how);
        if (result != 0)
            return result;
        int64_t left = clock_left(until);
        if (left <= 0)
            return not_in_time(process);
        if (flags || ended || until < 0) {
            left = left < nap ? left : nap;
            nap = nap < LONGEST_NAP ? 2 * nap : nap;
        }
        ended = sleep_for(ended ? -1 : process->fd, left) || ended;
    }
}

static int wait_for_child(kin_process *process, unsigned flags, kin_time until, struct kin_exit *how)
{
    if (process->parent != getpid())
        return reason(-ECHILD, "process %d is no child of this process: its parent is %d", (int)process->pid,
                      (int)process->parent);
    int result = wait_for_change(process, flags, until, how);
    if (result == -ECHILD)
        return ask_kernel(process, how);
    if (result < 0 && result != -ETIMEDOUT)
        return reason(result, "cannot wait for process %d: %s", (int)process->pid, kin_strerror(result));
    return result;
}

static int wait_for_any_process(kin_process *process, unsigned flags, kin_time until, struct kin_exit *how)
{
    if (flags)
        return reason(-ECHILD, "process %d is only watched, and only its parent is told of stops and continuations",
                      (int)process->pid);
    int result = process_watch(process, until, how);
    return result == -ETIMEDOUT ? not_in_time(process) : result;
}

int kin_process_wait(kin_process *process, unsigned flags, kin_time until, struct kin_exit *out)
{
    struct kin_exit how;
    if (flags & ~(unsigned)(KIN_WAIT_STOPPED | KIN_WAIT_CONTINUED))
        return reason(-EINVAL, "unknown flags 0x%x; see enum kin_wait_flag", flags);
    int result = process->parent == NOBODYS ? wait_for_any_process(process, flags, until, &how)
                                            : wait_for_child(process, flags, until, &how);
    if (result < 0)
        return result;
    if (out)
        *out = how;
    return 0;
}
