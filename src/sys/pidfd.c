#include "sys/pidfd.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#define BY_PIDFD 3 /* waitid's P_PIDFD, an enumerator in some headers */

/* struct pidfd_info of <linux/pidfd.h> in its first size. */
struct info {
    uint64_t mask, cgroup;
    uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t status;
};
_Static_assert(sizeof(struct info) == 64, "the kernel knows the call by this size");
#define GET_INFO _IOWR(0xff, 11, struct info)
#define INFO_EXIT UINT64_C(8)
/* How long the kernel may take from telling the end to keeping the status; it takes microseconds. */
#define KEEPING_MILLISECONDS 1000

static int result_of(long value)
{
    return value < 0 ? -errno : (int)value;
}

int pidfd_of(pid_t pid)
{
    return result_of(syscall(SYS_pidfd_open, pid, 0));
}

int pidfd_signal(int pidfd, int signal)
{
    return result_of(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

int pidfd_queue(int pidfd, int signal, int value)
{
    siginfo_t info = {.si_signo = signal, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = value;
    return result_of(syscall(SYS_pidfd_send_signal, pidfd, signal, &info, 0));
}

bool pidfd_reaped(int pidfd)
{
    return pidfd_signal(pidfd, 0) == -ESRCH;
}

bool pidfd_ended(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    return poll(&end, 1, 0) > 0;
}

int pidfd_wait(int pidfd, int options, siginfo_t *info, struct pidfd_usage *usage)
{
    int result;
    do {
        memset(info, 0, sizeof *info);
        result = result_of(syscall(SYS_waitid, BY_PIDFD, pidfd, info, options, usage));
    } while (result == -EINTR);
    return result < 0 ? result : info->si_pid != 0;
}

/* POLLHUP, which needs no asking for, says that the process is reaped and its status kept. */
int pidfd_kept_status(int pidfd, int *status)
{
    struct pollfd reaped = {.fd = pidfd};
    struct info info = {.mask = INFO_EXIT};
    poll(&reaped, 1, KEEPING_MILLISECONDS);
    if (ioctl(pidfd, GET_INFO, &info) < 0 || !(info.mask & INFO_EXIT))
        return -ENODATA;
    *status = info.status;
    return 0;
}
