/* A lock that is one word: compare and swap, spin, store. */
#include "limit/limit.h"
#include "common/atomic.h"
#include "common/party.h"
#include <unistd.h>

static uint32_t own_number;

static void *create(void)
{
    return party_memory(128);
}

static void join(void *self)
{
    (void)self;
    own_number = (uint32_t)getpid();
}

static void acquire(void *self)
{
    uint32_t *word = self;
    for (;;) {
        uint32_t nobody = 0;
        if (LOAD(*word) == 0 && SWAP_IF(*word, nobody, own_number))
            return;
        placement_idle();
    }
}

static void release(void *self)
{
    uint32_t *word = self;
    STORE_RELEASE(*word, 0);
}

const struct locker cas_locker = {.create = create, .join = join, .acquire = acquire, .release = release};
