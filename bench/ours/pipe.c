/* Pipes, by kin's calls: no SIGPIPE, whole messages. */
#include "ours/ours.h"
#include "common/require.h"
#include <stdlib.h>

struct pipes {
    struct kin_pipe both[2];
};

static void *create(void)
{
    struct pipes *pipes = malloc(sizeof *pipes);
    require(pipes);
    for (unsigned i = 0; i < 2; i++)
        must(kin_pipe_open(NULL, &pipes->both[i]));
    return pipes;
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    require(kin_pipe_write(((struct pipes *)self)->both[channel].writer, data, length, KIN_FOREVER) == (ssize_t)length);
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    require(kin_pipe_read_all(((struct pipes *)self)->both[channel].reader, data, length, KIN_FOREVER) ==
            (ssize_t)length);
}

static void destroy(void *self)
{
    struct pipes *pipes = self;
    for (unsigned i = 0; i < 2; i++)
        kin_pipe_close(&pipes->both[i]);
    free(pipes);
}

const struct transport pipe_transport = {.create = create, .send = send, .receive = receive, .destroy = destroy};
