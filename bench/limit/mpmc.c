/* The bounded ring for many producers and consumers by Dmitry Vyukov: what sharing costs when nobody may die. */
#include "limit/limit.h"
#include "common/atomic.h"
#include "common/party.h"
#include <string.h>
#include <sys/mman.h>

#define SLOTS 1024

struct slot {
    uint64_t turn; /* position: to be filled; position + 1: to be read */
    unsigned char data[TRANSPORT_LENGTH];
} LINE_OF_ITS_OWN;

struct mpmc {
    uint64_t tail LINE_OF_ITS_OWN;
    uint64_t head LINE_OF_ITS_OWN;
    struct slot slots[SLOTS];
};

static void *create(void)
{
    struct mpmc *both = party_memory(2 * sizeof *both);
    for (unsigned i = 0; i < 2; i++)
        for (uint64_t position = 0; position < SLOTS; position++)
            both[i].slots[position].turn = position;
    return both;
}

/* Claims the next position whose slot has come to this turn. */
static inline struct slot *claim(struct mpmc *mpmc, uint64_t *end, uint64_t turn, uint64_t *position)
{
    *position = LOAD(*end);
    for (;;) {
        struct slot *slot = &mpmc->slots[*position % SLOTS];
        int64_t ahead = (int64_t)(LOAD_ACQUIRE(slot->turn) - (*position + turn));
        if (ahead == 0 && SWAP_IF(*end, *position, *position + 1))
            return slot;
        if (ahead < 0)
            placement_idle();
        if (ahead != 0)
            *position = LOAD(*end);
    }
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    struct mpmc *mpmc = (struct mpmc *)self + channel;
    uint64_t position;
    struct slot *slot = claim(mpmc, &mpmc->tail, 0, &position);
    memcpy(slot->data, data, length);
    STORE_RELEASE(slot->turn, position + 1);
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    struct mpmc *mpmc = (struct mpmc *)self + channel;
    uint64_t position;
    struct slot *slot = claim(mpmc, &mpmc->head, 1, &position);
    memcpy(data, slot->data, length);
    STORE_RELEASE(slot->turn, position + SLOTS);
}

static void destroy(void *self)
{
    munmap(self, 2 * sizeof(struct mpmc));
}

const struct transport mpmc_transport = {.create = create, .send = send, .receive = receive, .destroy = destroy};
