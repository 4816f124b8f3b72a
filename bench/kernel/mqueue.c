/* POSIX message queues, as deep as anybody may make them. */
#include "kernel/kernel.h"
#include "common/require.h"
#include "common/scratch.h"
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 10

struct pair {
    mqd_t queues[2];
};

/* The name is gone at once; the queue lives as long as its descriptors. */
static mqd_t open_nameless(void)
{
    struct mq_attr limits = {.mq_maxmsg = DEPTH, .mq_msgsize = TRANSPORT_LENGTH};
    char name[64];
    snprintf(name, sizeof name, "/%s", scratch_name());
    mqd_t queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &limits);
    if (queue != (mqd_t)-1)
        mq_unlink(name);
    return queue;
}

const char *mqueue_absent(void)
{
    static char reason[128];
    mqd_t queue = open_nameless();
    if (queue == (mqd_t)-1) {
        snprintf(reason, sizeof reason, "no POSIX message queues here (%s)", strerror(errno));
        return reason;
    }
    mq_close(queue);
    return NULL;
}

static void *create(void)
{
    struct pair *pair = malloc(sizeof *pair);
    require(pair);
    for (unsigned i = 0; i < 2; i++) {
        pair->queues[i] = open_nameless();
        require(pair->queues[i] != (mqd_t)-1);
    }
    return pair;
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    require(mq_send(((struct pair *)self)->queues[channel], data, length, 0) == 0);
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    require(mq_receive(((struct pair *)self)->queues[channel], data, length, NULL) == (ssize_t)length);
}

static void destroy(void *self)
{
    struct pair *pair = self;
    for (unsigned i = 0; i < 2; i++)
        mq_close(pair->queues[i]);
    free(pair);
}

const struct transport mqueue_transport = {.create = create, .send = send, .receive = receive, .destroy = destroy};
