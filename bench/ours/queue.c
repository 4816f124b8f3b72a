/* The queue, by copies; and messages of 1 MiB by loan and borrow, first and last byte touched. */
#include "ours/ours.h"
#include "common/require.h"
#include <stdlib.h>

#define DEPTH 1024
#define BIG_DEPTH 8
#define BIG_LENGTH ((size_t)1 << 20)

struct queues {
    kin_domain *domain;
    kin_queue *both[2];
};

static void *create_sized(uint32_t messages, size_t length)
{
    static const char *const names[] = {"there", "back"};
    struct queues *queues = malloc(sizeof *queues);
    require(queues);
    queues->domain = domain_fresh();
    for (unsigned i = 0; i < 2; i++)
        must(kin_queue_open(queues->domain, names[i], KIN_QUEUE(.messages = messages, .message_max = length),
                            &queues->both[i]));
    return queues;
}

static void *create(void)
{
    return create_sized(DEPTH, TRANSPORT_LENGTH);
}

static void *create_big(void)
{
    return create_sized(BIG_DEPTH, BIG_LENGTH);
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    must(kin_queue_send(((struct queues *)self)->both[channel], data, length, NULL, KIN_FOREVER));
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    must(kin_queue_receive(((struct queues *)self)->both[channel], data, length, NULL, KIN_FOREVER, NULL));
}

static void send_loan(void *self, unsigned channel, void *data, size_t length)
{
    kin_queue *queue = ((struct queues *)self)->both[channel];
    struct kin_message message;
    must(kin_queue_loan(queue, length, KIN_FOREVER, &message));
    *(uint64_t *)message.data = *(const uint64_t *)data;
    ((unsigned char *)message.data)[length - 1] = 1;
    must(kin_queue_send_loan(queue, &message, NULL));
}

static void receive_borrowed(void *self, unsigned channel, void *data, size_t length)
{
    kin_queue *queue = ((struct queues *)self)->both[channel];
    struct kin_message message;
    must(kin_queue_borrow(queue, NULL, KIN_FOREVER, &message));
    require(message.length == length);
    *(uint64_t *)data = *(const uint64_t *)message.data;
    ((unsigned char *)data)[length - 1] = ((const unsigned char *)message.data)[length - 1];
    must(kin_queue_release(queue, &message));
}

static void destroy(void *self)
{
    struct queues *queues = self;
    for (unsigned i = 0; i < 2; i++)
        kin_queue_close(queues->both[i]);
    kin_domain_close(queues->domain);
    free(queues);
}

const struct transport queue_transport = {.create = create, .send = send, .receive = receive, .destroy = destroy};
const struct transport loan_transport = {.length = BIG_LENGTH, .create = create_big, .send = send_loan,
                                         .receive = receive_borrowed, .destroy = destroy};
