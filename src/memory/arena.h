/* The arena: blocks of a segment's memory, whoever dies.
 *
 * Memory is counted in units of 64 bytes, by their number in the segment. A run of units is free, or a block. Its first
 * unit has a state word: what it is, whose it is, how many units it has. The runs follow each other without a gap; so
 * the states, read from the first by adding up lengths, are the whole truth.
 *
 * Layout   arena_header; then regions, one at birth and one for each growth: a state word for each unit, then the
 *          units. A free run's first bytes are the number of the next one of its bin; a bin is a list of runs of one
 *          length, or of nearly one.
 * States   of a run: FREE, USED by a process, USED by nobody, CACHED by a process. The word of a unit inside a run
 *          means nothing.
 * Always   runs fill each region; wrong when they do not, and -EBADMSG. Each free run is in the bin of its length:
 *          slow when it is not (a rebuild finds it); a bin never has what is not free. `map` has a bit for each bin
 *          that has something; a bit too many is slow, one too few too.
 * Order    every change is written into the op of the caller's life (life/domain.h) before it is made, its kind last.
 *          Of a run: as the values that words will have; the kind is the commit, then the words are stored. Words
 *          inside a run, that nobody reads yet, are stored before. A state that ends a run early is stored after the
 *          state of what follows it, so that the runs fill the region at every moment. Of the user's word: that is the
 *          commit; then the owners are stored.
 * Death    before the commit: nothing happened. After it: who takes the lock next stores those values once more;
 *          whether the user's word was stored he sees in it, as nobody else could change it since. An op of OP_UNKNOWN,
 *          or one that cannot be: the bins are built anew from the states; that can be repeated too.
 *          Between USED and CACHED its owner turns it by one store, without the lock: nobody else writes such a state
 *          while he lives.
 * Tests    tests/unit/memory, tests/crash/sweep_memory. */
#ifndef MEMORY_ARENA_H
#define MEMORY_ARENA_H

#include "life/segment.h"
#include "sync/mutex.h"
#include <kin/arena.h>

#define ARENA_MAGIC 0x616e7261u
#define ARENA_UNIT_SHIFT 6
#define ARENA_UNIT (UINT64_C(1) << ARENA_UNIT_SHIFT)
#define REGIONS_MAX 32u
#define BINS_EXACT 32u /* bins 1 to 32: runs of so many units. Bin 0 is none */
#define BINS 144u      /* the others: four for each doubling */

struct region {
    uint64_t states; /* where its state words are */
    uint32_t first, units;
};

struct arena_header {
    uint32_t lock;
    uint32_t magic;
    uint32_t flags;
    uint32_t regions;
    uint64_t limit; /* no further in the segment; 0: as far as that goes */
    uint64_t spare[5];
    uint64_t map[3];
    uint64_t spare_words[5];
    uint32_t bins[BINS];
    struct region region[REGIONS_MAX];
    uint64_t roots[KIN_ARENA_ROOTS];
};
_Static_assert(sizeof(struct arena_header) == 64 + 64 + 4 * BINS + 16 * REGIONS_MAX + 8 * KIN_ARENA_ROOTS &&
                   offsetof(struct arena_header, bins) == 128 && BINS <= 192,
               "one layout for 32 and 64 bits");

/* A state word: units in the lower half, then the process record's id, then what it is. */
#define RUN_FREE (UINT64_C(1) << 62)
#define RUN_USED (UINT64_C(2) << 62)
#define RUN_CACHED (UINT64_C(3) << 62) /* free, but for its owner only (memory/magazine.h) */
#define RUN_KIND(state) ((state)&UINT64_C(3) << 62)
#define RUN_UNITS(state) ((uint32_t)(state))
#define RUN_OWNER(state) ((uint32_t)((state) >> 32) & ID_MASK)
#define RUN_MAKE(kind, owner, units) ((kind) | (uint64_t)(owner) << 32 | (units))

enum arena_op {
    ARENA_CHANGE = 0x41000001, /* state of `slot` becomes `after`; words: bin, head, bin, head, unit, its link */
    ARENA_COMMIT = 0x41000002, /* the word at {0, 1} becomes `after`; then words: give, take, the taker */
};

#define MAGAZINE 4u       /* blocks of each size */
#define MAGAZINE_PART 32u /* and so small a part of the arena in all */
struct magazine {
    uint32_t life; /* whose it is */
    uint32_t process;
    const uint32_t *own; /* that of its seat: one a domain */
    uint64_t used;       /* the state of a block of so many units is this plus the number */
    uint32_t room, most; /* so many units more may be kept; when it is empty */
    uint8_t count[BINS_EXACT + 1];
    struct kept_block {
        uint64_t state_at; /* in the segment */
        uint32_t unit;
    } kept[BINS_EXACT + 1][MAGAZINE];
};

struct kin_arena {
    kin_segment *segment;
    struct arena_header *shared;
    uint64_t at;
    uint32_t known; /* regions below, checked copies */
    struct region region[REGIONS_MAX];
    struct magazine magazine;
};

/* Which bin a run of so many units is in. All in a later bin are longer. */
static inline uint32_t arena_bin(uint32_t units)
{
    if (likely(units <= BINS_EXACT))
        return units;
    uint32_t log = 31 - (uint32_t)__builtin_clz(units);
    return BINS_EXACT + 1 + (log - 5) * 4 + (units >> (log - 2) & 3);
}

/* Learns of regions that others have added. */
void arena_learn(kin_arena *arena);

/* The region that a unit is in, not the first one; NULL: in none. */
const struct region *arena_later_region(const kin_arena *arena, uint32_t unit);

/* The state word of a unit; NULL: it is in no region. `left` gets how many units there are from it on. */
static inline uint64_t *arena_state(const kin_arena *arena, uint32_t unit, uint32_t *left)
{
    const struct region *region = &arena->region[0];
    if (unlikely(unit - region->first >= region->units) && !(region = arena_later_region(arena, unit)))
        return NULL;
    *left = region->units - (unit - region->first);
    return (uint64_t *)(void *)(arena->segment->data + region->states) + (unit - region->first);
}

/* The same for one that must begin a run: its units in *units. NULL: it begins none. */
static inline uint64_t *arena_run(const kin_arena *arena, uint32_t unit, uint64_t kind, uint32_t *units)
{
    uint32_t left;
    uint64_t *state = arena_state(arena, unit, &left);
    *units = 0;
    if (unlikely(!state))
        return NULL;
    uint64_t seen = LOAD(*state);
    *units = RUN_UNITS(seen);
    return likely(RUN_KIND(seen) == kind && *units != 0 && *units <= left) ? state : NULL;
}

static inline uint32_t *arena_link(const kin_arena *arena, uint32_t unit)
{
    return (uint32_t *)(void *)(arena->segment->data + ((uint64_t)unit << ARENA_UNIT_SHIFT));
}

/* The lock, with everything repaired. NULL: *result says why. */
struct seat *arena_lock_slowly(kin_arena *arena, struct seat *seat, int *result);
static inline struct seat *arena_lock(kin_arena *arena, int *result)
{
    struct seat *seat = life_enter(arena->segment->object.domain, result);
    if (unlikely(!seat))
        return NULL;
    life_work_on(seat, arena->segment->object.id);
    return likely(mutex_try(seat, &arena->shared->lock)) ? seat : arena_lock_slowly(arena, seat, result);
}

static inline void arena_unlock(kin_arena *arena, struct seat *seat)
{
    mutex_release(&arena->shared->lock);
    life_work_done(seat);
}

/* Does what is left to do of a committed op, once or once more. False: it cannot be what kin wrote. */
bool arena_apply(kin_arena *arena, const struct op *op);

/* Under the lock: walks all runs; frees those of the dead, joins free neighbours, builds the bins. A run of `wanted`
 * units or more is first in its bin afterwards. The blocks freed; -EBADMSG: the runs do not fill a region. */
int64_t arena_rebuild(kin_arena *arena, struct seat *seat, uint32_t wanted);

/* Under the lock: a new region with a run of at least so many units. -ENOMEM. */
int arena_extend(kin_arena *arena, struct seat *seat, uint32_t units);

/* Whether that process is gone. Nobody, 0, never is. */
bool arena_is_gone(kin_domain *domain, uint32_t process);

#endif
