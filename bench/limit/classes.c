/* Lists of free blocks by size, under a lock that is one word: what an allocator in shared memory costs that does not
 * survive anybody's death. Whoever finds the lock taken spins. */
#include "limit/limit.h"
#include "common/atomic.h"
#include "common/party.h"

#define CLASSES 32u
#define UNIT 64u
#define UNITS (1u << 14)

struct classes {
    _Alignas(64) uint32_t lock;
    uint32_t fresh; /* units behind all that were ever given */
    uint32_t heads[CLASSES + 1];
    uint32_t mine, turn;
    uint16_t sizes[UNITS]; /* of the block that begins there, in units */
    _Alignas(64) char memory[UNITS][UNIT];
};

static void *create(void)
{
    struct classes *classes = party_memory(sizeof *classes);
    classes->fresh = 1;
    return classes;
}

static void lock(struct classes *classes)
{
    for (;;) {
        uint32_t nobody = 0;
        if (LOAD(classes->lock) == 0 && SWAP_IF(classes->lock, nobody, 1))
            return;
        placement_idle();
    }
}

static void acquire(void *self)
{
    struct classes *classes = self;
    uint32_t units = 1 + (classes->turn++ & 7);
    lock(classes);
    uint32_t unit = classes->heads[units];
    if (unit) {
        classes->heads[units] = *(uint32_t *)(void *)classes->memory[unit];
    } else {
        unit = classes->fresh;
        classes->fresh += units;
        classes->sizes[unit] = (uint16_t)units;
    }
    STORE_RELEASE(classes->lock, 0);
    classes->mine = unit;
}

static void release(void *self)
{
    struct classes *classes = self;
    uint32_t unit = classes->mine;
    lock(classes);
    uint32_t units = classes->sizes[unit];
    *(uint32_t *)(void *)classes->memory[unit] = classes->heads[units];
    classes->heads[units] = unit;
    STORE_RELEASE(classes->lock, 0);
}

const struct locker classes_locker = {.create = create, .acquire = acquire, .release = release};
