/* Descriptors by sendmsg and recvmsg, so many with one message. */
#include "kernel/kernel.h"
#include "common/clock.h"
#include "common/measure.h"
#include "common/require.h"
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 64

struct passing {
    int ends[2], fd;
    size_t count;
};

union control {
    char bytes[CMSG_SPACE(MOST * sizeof(int))];
    struct cmsghdr align;
};

static void send_all(const struct passing *passing)
{
    char byte = 'x';
    union control control;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(passing->count * sizeof(int))};
    struct cmsghdr *rider = CMSG_FIRSTHDR(&message);
    *rider = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(passing->count * sizeof(int))};
    for (size_t i = 0; i < passing->count; i++)
        memcpy(CMSG_DATA(rider) + i * sizeof(int), &passing->fd, sizeof(int));
    require(sendmsg(passing->ends[0], &message, 0) == 1);
}

static void receive_all(const struct passing *passing)
{
    char byte;
    union control control;
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    require(recvmsg(passing->ends[1], &message, MSG_CMSG_CLOEXEC) == 1);
    struct cmsghdr *rider = CMSG_FIRSTHDR(&message);
    require(rider && rider->cmsg_len == CMSG_LEN(passing->count * sizeof(int)));
    for (size_t i = 0; i < passing->count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(rider) + i * sizeof(int), sizeof fd);
        close(fd);
    }
}

static double rounds(void *context, uint64_t count)
{
    uint64_t begun = clock_now();
    for (uint64_t i = 0; i < count; i++) {
        send_all(context);
        receive_all(context);
    }
    return (double)(clock_now() - begun);
}

double descriptor_pass(unsigned long number, double nanoseconds)
{
    struct passing passing = {.count = number};
    require(number <= MOST && socketpair(AF_UNIX, SOCK_STREAM, 0, passing.ends) == 0);
    require((passing.fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0);
    return measure_alone(rounds, &passing, nanoseconds) / (double)number;
}
