/* A ring with one producer and one consumer, each remembering how far the other had come: the limit of a channel. The
 * memory survives from one party to the next, so positions are read from it when a process joins. */
#include "limit/limit.h"
#include "common/atomic.h"
#include "common/party.h"
#include <string.h>
#include <sys/mman.h>

#define SLOTS 1024
#define SLOT_BYTES 64

struct ring {
    uint64_t head LINE_OF_ITS_OWN; /* where the consumer is */
    uint64_t tail LINE_OF_ITS_OWN; /* where the producer is */
    unsigned char data[SLOTS * SLOT_BYTES] LINE_OF_ITS_OWN;
};

/* This process's own position, and the last that it saw of the other's. */
struct view {
    uint64_t position, other;
};
static struct view producers[2], consumers[2];

static void join(void *self, unsigned number)
{
    struct ring *ring = self;
    (void)number;
    for (unsigned i = 0; i < 2; i++) {
        producers[i] = (struct view){ring[i].tail, ring[i].head};
        consumers[i] = (struct view){ring[i].head, ring[i].head};
    }
}

static inline unsigned char *slot_to_fill(struct ring *ring, struct view *view)
{
    while (view->position - view->other >= SLOTS) {
        view->other = LOAD_ACQUIRE(ring->head);
        if (view->position - view->other >= SLOTS)
            placement_idle();
    }
    return ring->data + view->position % SLOTS * SLOT_BYTES;
}

static inline unsigned char *slot_to_read(struct ring *ring, struct view *view)
{
    while (view->position == view->other) {
        view->other = LOAD_ACQUIRE(ring->tail);
        if (view->position == view->other)
            placement_idle();
    }
    return ring->data + view->position % SLOTS * SLOT_BYTES;
}

static void *create(void)
{
    return party_memory(2 * sizeof(struct ring));
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    struct ring *ring = (struct ring *)self + channel;
    memcpy(slot_to_fill(ring, &producers[channel]), data, length);
    STORE_RELEASE(ring->tail, ++producers[channel].position);
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    struct ring *ring = (struct ring *)self + channel;
    memcpy(data, slot_to_read(ring, &consumers[channel]), length);
    STORE_RELEASE(ring->head, ++consumers[channel].position);
}

static void destroy(void *self)
{
    munmap(self, 2 * sizeof(struct ring));
}

const struct transport ring_transport = {
    .create = create, .join = join, .send = send, .receive = receive, .destroy = destroy};
