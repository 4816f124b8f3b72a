/* A pipe, with messages of 64 bytes and of 1 MiB; and by writes that raise no SIGPIPE, which Linux 6.18 knows. */
#include "kernel/kernel.h"
#include "common/require.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define RWF_WITHOUT_SIGNAL 0x100 /* RWF_NOSIGNAL */

struct pipes {
    int ends[2][2];
};

static void *create(void)
{
    struct pipes *pipes = malloc(sizeof *pipes);
    require(pipes);
    for (unsigned i = 0; i < 2; i++)
        require(pipe(pipes->ends[i]) == 0);
    return pipes;
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    const char *rest = data;
    while (length > 0) {
        ssize_t written = write(((struct pipes *)self)->ends[channel][1], rest, length);
        require(written > 0);
        rest += written;
        length -= (size_t)written;
    }
}

static long write_quietly(int fd, void *data, size_t length)
{
    const struct iovec piece = {data, length};
    return syscall(SYS_pwritev2, fd, &piece, 1, -1L, -1L, RWF_WITHOUT_SIGNAL);
}

static void send_quietly(void *self, unsigned channel, void *data, size_t length)
{
    require(write_quietly(((struct pipes *)self)->ends[channel][1], data, length) == (long)length);
}

const char *quiet_pipe_absent(void)
{
    int ends[2];
    require(pipe(ends) == 0);
    bool knows = write_quietly(ends[1], "", 1) == 1 || errno != EOPNOTSUPP;
    close(ends[0]);
    close(ends[1]);
    return knows ? NULL : "this kernel has no RWF_NOSIGNAL";
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    char *rest = data;
    while (length > 0) {
        ssize_t got = read(((struct pipes *)self)->ends[channel][0], rest, length);
        require(got > 0);
        rest += got;
        length -= (size_t)got;
    }
}

static void destroy(void *self)
{
    struct pipes *pipes = self;
    for (unsigned i = 0; i < 2; i++) {
        close(pipes->ends[i][0]);
        close(pipes->ends[i][1]);
    }
    free(pipes);
}

const struct transport pipe_transport = {.create = create, .send = send, .receive = receive, .destroy = destroy};
const struct transport big_pipe_transport = {
    .length = (size_t)1 << 20, .create = create, .send = send, .receive = receive, .destroy = destroy};
const struct transport quiet_pipe_transport = {
    .create = create, .send = send_quietly, .receive = receive, .destroy = destroy};
