/* A pair of Unix sockets that keep the bounds of messages: one carries both channels. */
#include "common/require.h"
#include "kernel/kernel.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct sockets {
    int ends[2];
};

static void *create(void)
{
    struct sockets *sockets = malloc(sizeof *sockets);
    require(sockets && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets->ends) == 0);
    return sockets;
}

static void transmit(void *self, unsigned channel, void *data, size_t length)
{
    require(send(((struct sockets *)self)->ends[channel], data, length, 0) == (ssize_t)length);
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    require(recv(((struct sockets *)self)->ends[1 - channel], data, length, 0) == (ssize_t)length);
}

static void destroy(void *self)
{
    struct sockets *sockets = self;
    close(sockets->ends[0]);
    close(sockets->ends[1]);
    free(sockets);
}

const struct transport socket_transport = {.create = create, .send = transmit, .receive = receive, .destroy = destroy};
