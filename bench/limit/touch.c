/* A place of 1 MiB handed over without a copy, first and last byte touched by both: the limit of loan and borrow. */
#include "limit/limit.h"
#include "common/atomic.h"
#include "common/party.h"
#include <sys/mman.h>

#define LENGTH ((size_t)1 << 20)

struct touch {
    uint64_t sent LINE_OF_ITS_OWN;
    uint64_t received LINE_OF_ITS_OWN;
    unsigned char data[LENGTH] LINE_OF_ITS_OWN;
};

static void *create(void)
{
    return party_memory(2 * sizeof(struct touch));
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    struct touch *touch = (struct touch *)self + channel;
    uint64_t number = LOAD(touch->sent);
    while (LOAD_ACQUIRE(touch->received) != number)
        placement_idle();
    *(uint64_t *)(void *)touch->data = *(const uint64_t *)data;
    touch->data[length - 1] = 1;
    STORE_RELEASE(touch->sent, number + 1);
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    struct touch *touch = (struct touch *)self + channel;
    uint64_t number = LOAD(touch->received);
    while (LOAD_ACQUIRE(touch->sent) == number)
        placement_idle();
    *(uint64_t *)data = *(const uint64_t *)(const void *)touch->data;
    ((unsigned char *)data)[length - 1] = touch->data[length - 1];
    STORE_RELEASE(touch->received, number + 1);
}

static void destroy(void *self)
{
    munmap(self, 2 * sizeof(struct touch));
}

const struct transport touch_transport = {
    .length = LENGTH, .create = create, .send = send, .receive = receive, .destroy = destroy};
