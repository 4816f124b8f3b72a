/* A pipe, with messages of 64 bytes and of 1 MiB. */
#include "kernel/kernel.h"
#include "common/require.h"
#include <stdlib.h>
#include <unistd.h>

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
