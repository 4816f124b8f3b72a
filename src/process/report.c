#include "process/report.h"
#include "sys/bare.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A pidfd beside a message, laid out as sendmsg wants it. */
union rider {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

int report_open(struct report *report)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    *report = (struct report){ends[0], ends[1]};
    int self = pidfd_of(getpid());
    if (self < 0)
        report_close(report);
    else
        close(self);
    return self < 0 ? self : 0;
}

void report_close_theirs(struct report *report)
{
    file_close(report->theirs);
    report->theirs = -1;
}

void report_close(struct report *report)
{
    report_close_theirs(report);
    file_close(report->ours);
}

static IN_CHILD int send_message(int end, const struct failure *failure, union rider *rider)
{
    struct iovec part = {(void *)failure, sizeof *failure};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (rider) {
        message.msg_control = rider;
        message.msg_controllen = sizeof *rider;
    }
    return sendmsg(end, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

IN_CHILD int report_self(int end)
{
    static const struct failure none;
    union rider rider = {
        .header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    int self = pidfd_of(getpid());
    if (self < 0)
        return self;
    memcpy(CMSG_DATA(&rider.header), &self, sizeof self);
    int result = send_message(end, &none, &rider);
    bare_close(self);
    return result;
}

IN_CHILD void report_result(int end, const struct failure *failure)
{
    send_message(end, failure, NULL);
}

/* The end of the socket alone would not tell: a stranger forked by another thread may hold a copy of it. */
static void await(int end, pid_t pid, int milliseconds)
{
    int child = pidfd_of(pid);
    struct pollfd either[] = {{end, POLLIN, 0}, {child, POLLIN, 0}};
    poll(either, 2, child < 0 ? 0 : milliseconds); /* all signals are blocked: no EINTR */
    file_close(child);
}

static int receive(const struct report *report, pid_t pid, int milliseconds, struct failure *failure,
                   union rider *rider)
{
    struct iovec part = {failure, sizeof *failure};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = rider, .msg_controllen = sizeof *rider};
    await(report->ours, pid, milliseconds);
    return recvmsg(report->ours, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) == sizeof *failure;
}

int report_start(const struct report *report, pid_t pid, int *pidfd)
{
    struct failure none;
    union rider rider = {.header = {.cmsg_len = 0}};
    if (receive(report, pid, -1, &none, &rider) && rider.header.cmsg_len == CMSG_LEN(sizeof *pidfd)) {
        memcpy(pidfd, CMSG_DATA(&rider.header), sizeof *pidfd);
        return 0;
    }
    waitpid(pid, NULL, 0);
    return -ESRCH;
}

int report_next(const struct report *report, pid_t pid, int milliseconds, struct failure *failure)
{
    struct failure heard;
    union rider unused;
    if (!receive(report, pid, milliseconds, &heard, &unused))
        return 0;
    *failure = heard;
    return 1;
}
