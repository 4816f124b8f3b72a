/* A few blocks that this process freed and will want again: kept by the handle, so that the arena's lock is not taken
 * for them. In the arena each is CACHED in the name of this process: it comes back when that ends, as all its blocks.
 *
 * The magazine itself is private memory, and one thread's: of the first that uses it, until its life ends. The others
 * go the long way. What a fork copied is the parent's, and is forgotten.
 * The six headings are in memory/arena.h. */
#ifndef MEMORY_MAGAZINE_H
#define MEMORY_MAGAZINE_H

#include "memory/arena.h"
#include "sys/plant.h"

/* Makes it this thread's, if it is nobody's any more. */
void magazine_claim(kin_arena *arena, const struct seat *seat);

/* Whether it is the calling thread's. */
static inline bool magazine_is_mine(const struct magazine *magazine)
{
    const struct seat *seat = &life_now;
    return likely(seat->own == LOAD(magazine->own) && LOAD(*seat->own) == LOAD(magazine->process) &&
                  LOAD(magazine->life) == seat->id);
}

#define TO_CACHED (RUN_USED ^ RUN_CACHED)

/* A block of so many units; 0: there is none. Nobody else writes the state of what is ours. */
static inline uint32_t magazine_take(kin_arena *arena, uint32_t units)
{
    struct magazine *magazine = &arena->magazine;
    uint32_t count;
    if (unlikely(!magazine_is_mine(magazine) || (count = magazine->count[units]) == 0))
        return 0;
    const struct kept_block *kept = &magazine->kept[units][count - 1];
    uint64_t *state = (uint64_t *)(void *)(arena->segment->data + kept->state_at), used = magazine->used + units;
    magazine->count[units] = (uint8_t)(count - 1);
    magazine->room += units;
    if (unlikely(LOAD(*state) != (used ^ TO_CACHED)))
        return 0; /* damaged */
    STORE(*state, used);
    return kept->unit;
}

/* False: it is no small block of ours, or there are enough. */
static inline bool magazine_put(kin_arena *arena, uint64_t block)
{
    struct magazine *magazine = &arena->magazine;
    const struct region *region = &arena->region[0];
    /* Rotated, an offset that is none of a unit is one of a unit that is in no region. */
    uint64_t unit = block >> ARENA_UNIT_SHIFT | block << (64 - ARENA_UNIT_SHIFT);
    if (unlikely(!magazine_is_mine(magazine)))
        return false;
    if (unlikely(unit - region->first >= region->units) &&
        (unit > UINT32_MAX || !(region = arena_later_region(arena, (uint32_t)unit))))
        return false;
    uint64_t inside = unit - region->first, state_at = region->states + inside * sizeof(uint64_t);
    uint64_t *state = (uint64_t *)(void *)(arena->segment->data + state_at);
    uint64_t seen = LOAD(*state), units = seen - magazine->used;
    if (unlikely(units - 1 >= BINS_EXACT || units > region->units - inside || units > magazine->room ||
                 magazine->count[units] == MAGAZINE))
        return false;
    magazine->kept[units][magazine->count[units]++] = (struct kept_block){state_at, (uint32_t)unit};
    magazine->room -= (uint32_t)units;
    STORE(*state, PLANTED(NO_HOLD) ? RUN_MAKE(RUN_CACHED, 0, units) : seen ^ TO_CACHED);
    return true;
}

#endif
