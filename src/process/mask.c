#include "process/mask.h"
#include "sys/reason.h"
#include <errno.h>
#include <pthread.h>

static int refuse(int signal)
{
    if (signal == SIGKILL || signal == SIGSTOP)
        return reason(-EINVAL, "SIG%s cannot be blocked, handled or ignored by anybody; leave it out",
                      signal == SIGKILL ? "KILL" : "STOP");
    if (signal > 31 && signal < SIGRTMIN)
        return reason(-EINVAL, "signal %d is libc's own; the first that is yours is SIGRTMIN, %d", signal, SIGRTMIN);
    return reason(-EINVAL, "there is no signal %d; they go from 1 to %d", signal, SIGRTMAX);
}

int mask_of(const int *signals, sigset_t *out)
{
    sigset_t set;
    sigemptyset(&set);
    for (; *signals; signals++) {
        int signal = *signals;
        if (signal == SIGKILL || signal == SIGSTOP || signal < 0 || sigaddset(&set, signal) < 0)
            return refuse(signal);
    }
    *out = set;
    return 0;
}

static int change(int way, const int *signals, sigset_t *before)
{
    sigset_t set;
    int result = mask_of(signals, &set);
    if (result == 0)
        pthread_sigmask(way, &set, before);
    return result;
}

int kin_mask_block(const int *signals, sigset_t *before)
{
    return change(SIG_BLOCK, signals, before);
}

int kin_mask_unblock(const int *signals, sigset_t *before)
{
    return change(SIG_UNBLOCK, signals, before);
}

int kin_mask_set(const int *signals, sigset_t *before)
{
    return change(SIG_SETMASK, signals, before);
}

void kin_mask_save(sigset_t *out)
{
    pthread_sigmask(SIG_BLOCK, NULL, out);
}

int kin_mask_restore(const sigset_t *mask)
{
    if (sigismember(mask, SIGKILL) > 0 || sigismember(mask, SIGSTOP) > 0)
        return refuse(sigismember(mask, SIGKILL) > 0 ? SIGKILL : SIGSTOP);
    pthread_sigmask(SIG_SETMASK, mask, NULL);
    return 0;
}

void kin_mask_pending(sigset_t *out)
{
    sigpending(out);
}
