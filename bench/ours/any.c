/* Waiting for any of many queues: a message comes in one of them, in another each time. */
#include "ours/ours.h"
#include <stdio.h>
#include <stdlib.h>

struct any {
    unsigned count; /* queues a channel */
    kin_queue **queues[2];
    kin_poll *poll;
};

static void *create(unsigned count)
{
    struct any *any = calloc(1, sizeof *any);
    kin_domain *domain = domain_fresh();
    char name[32];
    any->count = count;
    for (unsigned channel = 0; channel < 2; channel++) {
        any->queues[channel] = calloc(count, sizeof(kin_queue *));
        for (unsigned i = 0; i < count; i++) {
            snprintf(name, sizeof name, "queue-%u-%u", channel, i);
            must(kin_queue_open(domain, name, KIN_QUEUE(.messages = 16, .message_max = TRANSPORT_LENGTH),
                                &any->queues[channel][i]));
        }
    }
    return any;
}

static void *create_1(void)
{
    return create(1);
}

static void *create_64(void)
{
    return create(64);
}

/* The first process receives what comes back. */
static void join(void *self, unsigned number)
{
    struct any *any = self;
    must(kin_poll_create(&any->poll));
    for (unsigned i = 0; i < any->count; i++)
        must(kin_poll_add_queue(any->poll, any->queues[number == 0][i], KIN_CAN_RECEIVE));
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    struct any *any = self;
    uint64_t number = *(uint64_t *)data;
    must(kin_queue_send(any->queues[channel][number * 37 % any->count], data, length, NULL, KIN_FOREVER));
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    struct any *any = self;
    int which;
    must(kin_poll_wait(any->poll, KIN_FOREVER, &which));
    must(kin_queue_receive(any->queues[channel][which], data, length, NULL, KIN_NOW, NULL));
}

static void leave(void *self)
{
    struct any *any = self;
    kin_poll_destroy(any->poll);
}

static void destroy(void *self)
{
    struct any *any = self;
    for (unsigned channel = 0; channel < 2; channel++) {
        for (unsigned i = 0; i < any->count; i++)
            kin_queue_close(any->queues[channel][i]);
        free(any->queues[channel]);
    }
    free(any);
}

const struct transport any_1_transport = {
    .create = create_1, .join = join, .send = send, .receive = receive, .leave = leave, .destroy = destroy};
const struct transport any_64_transport = {
    .create = create_64, .join = join, .send = send, .receive = receive, .leave = leave, .destroy = destroy};
