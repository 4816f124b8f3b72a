/* ZeroMQ over a Unix socket, in pairs: one socket carries both channels. */
#include "common/contestant.h"
#include "common/require.h"
#include "common/scratch.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

struct pair {
    char endpoint[64];
    void *context, *socket; /* each process's own */
};

static void *create(void)
{
    struct pair *pair = calloc(1, sizeof *pair);
    require(pair);
    snprintf(pair->endpoint, sizeof pair->endpoint, "ipc:///tmp/%s", scratch_name());
    return pair;
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    (void)channel;
    require(zmq_send(((struct pair *)self)->socket, data, length, 0) == (int)length);
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    (void)channel;
    require(zmq_recv(((struct pair *)self)->socket, data, length, 0) == (int)length);
}

static void join(void *self, unsigned number)
{
    struct pair *pair = self;
    pair->context = zmq_ctx_new();
    require(pair->context);
    pair->socket = zmq_socket(pair->context, ZMQ_PAIR);
    require(pair->socket);
    require((number == 0 ? zmq_bind : zmq_connect)(pair->socket, pair->endpoint) == 0);
    /* A connection takes its time; what is measured comes after a word from the other side. */
    char word = 0;
    send(pair, 0, &word, sizeof word);
    receive(pair, 0, &word, sizeof word);
}

static void leave(void *self)
{
    struct pair *pair = self;
    int at_once = 0;
    zmq_setsockopt(pair->socket, ZMQ_LINGER, &at_once, sizeof at_once);
    zmq_close(pair->socket);
    zmq_ctx_term(pair->context);
}

static void destroy(void *self)
{
    struct pair *pair = self;
    unlink(pair->endpoint + sizeof "ipc://" - 1);
    free(pair);
}

int main(int argc, char **argv)
{
    static const struct transport transport = {.create = create, .join = join, .send = send, .receive = receive,
                                               .leave = leave, .destroy = destroy};
    static const struct contestant contestant = {.name = "pair", .transport = &transport};
    return contestant_main(argc, argv, &contestant, 1);
}
