/* Sources of signals: signalfd, and the mask that it needs. */
#include "process/mask.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct kin_signals {
    int fd;
    pid_t owner;
    int64_t thread; /* the `born` of the one that blocks them */
    sigset_t set;
};

/* What this thread blocks for its sources, which may be closed in any order. `born` tells it from a thread that has its
 * memory later; a fork() of it is still this one, with this mask. */
static _Thread_local struct {
    int64_t born;
    sigset_t ours; /* not blocked before the first source that uses it */
    uint32_t users[_NSIG];
} here;

static void block(kin_signals *signals)
{
    sigset_t before;
    if (!here.born)
        here.born = clock_monotonic();
    signals->thread = here.born;
    pthread_sigmask(SIG_BLOCK, &signals->set, &before);
    for (int signal = 1; signal < _NSIG; signal++)
        if (sigismember(&signals->set, signal) > 0 && here.users[signal]++ == 0) {
            if (sigismember(&before, signal) > 0)
                sigdelset(&here.ours, signal);
            else
                sigaddset(&here.ours, signal);
        }
}

static void unblock(const kin_signals *signals)
{
    sigset_t set;
    sigemptyset(&set);
    for (int signal = 1; signal < _NSIG; signal++)
        if (sigismember(&signals->set, signal) > 0 && --here.users[signal] == 0 && sigismember(&here.ours, signal) > 0)
            sigaddset(&set, signal);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void mask_forget_sources(void)
{
    memset(&here, 0, sizeof here);
}

static int check_set(const int *list, sigset_t *out)
{
    struct sigaction action;
    int result = mask_of(list, out);
    if (result < 0)
        return result;
    if (!*list)
        return reason(-EINVAL, "the list of signals is empty; name those to read, as KIN_SIGNALS(SIGTERM)");
    if (sigismember(out, SIGCHLD) > 0 && sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        return reason(-EINVAL, "SIGCHLD is ignored here, so the kernel sends none; set it to SIG_DFL before");
    return 0;
}

int kin_signals_open(const int *list, kin_signals **out)
{
    sigset_t set;
    int result = check_set(list, &set);
    if (result < 0)
        return result;
    kin_signals *signals = malloc(sizeof *signals);
    if (!signals)
        return reason(-ENOMEM, "no memory for a source of signals");
    *signals = (kin_signals){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .owner = getpid(), .set = set};
    if (signals->fd < 0) {
        result = reason(-errno, "cannot make a source of signals: %m; close descriptors or raise RLIMIT_NOFILE");
        free(signals);
        return result;
    }
    block(signals);
    *out = signals;
    return 0;
}

/* A standard signal without room in the queue comes with its number alone. */
static struct kin_signal translate(const struct signalfd_siginfo *info)
{
    bool child = info->ssi_signo == SIGCHLD && info->ssi_code > 0;
    return (struct kin_signal){
        .signal = (int)info->ssi_signo,
        .code = info->ssi_code,
        .pid = (pid_t)info->ssi_pid,
        .uid = (uid_t)info->ssi_uid,
        .value = info->ssi_int,
        .pointer = info->ssi_ptr,
        .status = child ? info->ssi_status : 0,
    };
}

/* Another thread may take the event between the poll and the read. */
int kin_signals_next(kin_signals *signals, kin_time until, struct kin_signal *out)
{
    struct signalfd_siginfo info;
    if (signals->owner != getpid())
        return reason(-ECHILD,
                      "the source of signals is that of process %d, which this one was forked from; open one "
                      "here to read what is sent to this process",
                      (int)signals->owner);
    while (file_read(signals->fd, &info, sizeof info) < 0) {
        if (errno != EAGAIN)
            return reason_errno("cannot read signals; nobody else may close the descriptor of their source");
        int result = ready_one(signals->fd, POLLIN, until);
        if (result < 0)
            return reason(result, "none of these signals has come in time");
    }
    *out = translate(&info);
    return 0;
}

int kin_signals_fd(const kin_signals *signals)
{
    return signals->fd;
}

/* In a fork the number may be another file's: kin_process_fork() closes what is not listed. */
void kin_signals_close(kin_signals *signals)
{
    if (!signals)
        return;
    if (signals->owner == getpid())
        file_close(signals->fd);
    if (signals->thread == here.born)
        unblock(signals);
    free(signals);
}
