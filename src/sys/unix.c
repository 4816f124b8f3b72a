#include "sys/unix.h"
#include "sys/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define LONGEST_SLEEP (INT64_C(1000000) * SECOND) /* fits the seconds of 32-bit calls */
/* A step of the wall clock wakes nobody: who follows it looks that often. */
#define LONGEST_NAP (32 * MILLISECOND)

/* The longest that one call may sleep. 0 or less: the time is over. */
static int64_t span(kin_time until)
{
    int64_t left = clock_left(until), longest = until < 0 ? LONGEST_NAP : LONGEST_SLEEP;
    return left < longest ? left : longest;
}

int unix_accept(int listener)
{
    for (;;) {
        long fd = syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            return (int)fd;
        if (errno != EINTR && errno != ECONNABORTED)
            return -errno;
    }
}

static int set_blocking(int fd, bool blocking)
{
    int nonblocking = !blocking;
    return ioctl(fd, FIONBIO, &nonblocking) < 0 ? -errno : 0;
}

/* Nothing polls for room in another's backlog; but a blocking connect() sleeps until there is some, or as long as this
 * option says. */
static int limit_sending(int fd, int64_t nanoseconds)
{
    int64_t microseconds = (nanoseconds + 999) / 1000; /* 0 would be no limit */
    struct timeval limit = {(time_t)(microseconds / 1000000), (suseconds_t)(microseconds % 1000000)};
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ? -errno : 0;
}

static int connect_once(int fd, const struct sockaddr_un *address, socklen_t length)
{
    return syscall(SYS_connect, fd, address, length) < 0 ? -errno : 0;
}

int unix_connect(int fd, const struct sockaddr_un *address, socklen_t length, kin_time until)
{
    int result = set_blocking(fd, false);
    if (result == 0)
        result = connect_once(fd, address, length);
    int blocking = set_blocking(fd, true);
    for (int64_t left; result == -EAGAIN || result == -EINTR;) {
        if ((left = span(until)) <= 0)
            return -ETIMEDOUT;
        result = limit_sending(fd, left);
        if (result == 0)
            result = connect_once(fd, address, length);
        limit_sending(fd, 0);
    }
    return result < 0 ? result : blocking;
}

int unix_send(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    for (;;) {
        long sent = count == 1 ? syscall(SYS_sendmsg, fd, &messages->msg_hdr, flags | MSG_NOSIGNAL)
                               : syscall(SYS_sendmmsg, fd, messages, count, flags | MSG_NOSIGNAL);
        if (sent >= 0 && count == 1) {
            messages->msg_len = (unsigned)sent;
            return 1;
        }
        if (sent >= 0 || errno != EINTR)
            return sent >= 0 ? (int)sent : -errno;
    }
}

int unix_receive(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    for (;;) {
        long came = count == 1 ? syscall(SYS_recvmsg, fd, &messages->msg_hdr, flags | MSG_CMSG_CLOEXEC)
                               : syscall(SYS_recvmmsg, fd, messages, count, flags | MSG_CMSG_CLOEXEC, NULL);
        if (came >= 0 && count == 1) {
            messages->msg_len = (unsigned)came;
            return 1;
        }
        if (came >= 0 || errno != EINTR)
            return came >= 0 ? (int)came : -errno;
    }
}

int unix_option(int fd, int option)
{
    int value;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -errno : value;
}

int unix_peer_pidfd(int fd)
{
    int result = unix_option(fd, SO_PEERPIDFD);
    return result == -ENOPROTOOPT ? -EOPNOTSUPP : result;
}

int unix_events(int epoll, struct epoll_event *events, int most)
{
    long count = syscall(SYS_epoll_pwait, epoll, events, most, 0, NULL, 0);
    return count >= 0 ? (int)count : errno == EINTR ? 0 : -errno;
}

int unix_lock_directory(int fd)
{
    while (syscall(SYS_flock, fd, LOCK_EX | LOCK_NB) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

void unix_unlock_directory(int fd)
{
    syscall(SYS_flock, fd, LOCK_UN);
}
