/* A few blocks that this process freed and will want again: kept by the handle, so that the arena's lock is not taken
 * for them. In the arena each is CACHED in the name of this process: it comes back when that ends, as all its blocks.
 *
 * The magazine itself is private memory, and one thread's: of the first that uses it, until its life ends. The others
 * go the long way. What a fork copied is the parent's, and is forgotten.
 * The six headings are in memory/arena.h. */
#ifndef MEMORY_MAGAZINE_H
#define MEMORY_MAGAZINE_H

#include "memory/arena.h"

/* Makes it this thread's, if it is nobody's any more. */
bool magazine_claim(kin_arena *arena, const struct seat *seat);

/* The seat of the thread whose it is; NULL: it is not ours. */
static inline const struct seat *magazine_enter(kin_arena *arena)
{
    const struct seat *seat = &life_now;
    if (unlikely(seat->domain != arena->segment->object.domain || LOAD(*seat->own) != seat->process))
        return NULL;
    return likely(LOAD(arena->magazine.life) == seat->id) || magazine_claim(arena, seat) ? seat : NULL;
}

/* A block of so many units; 0: there is none. Nobody else writes the state of what is ours. */
static inline uint32_t magazine_take(kin_arena *arena, uint32_t units)
{
    struct magazine *magazine = &arena->magazine;
    const struct seat *seat = units <= BINS_EXACT ? magazine_enter(arena) : NULL;
    if (unlikely(!seat || magazine->count[units] == 0))
        return 0;
    uint32_t left, unit = magazine->unit[units][--magazine->count[units]], owner = seat->process & ID_MASK;
    uint64_t *state = arena_state(arena, unit, &left);
    magazine->units -= units;
    if (unlikely(!state || LOAD(*state) != RUN_MAKE(RUN_CACHED, owner, units)))
        return 0; /* damaged */
    STORE(*state, RUN_MAKE(RUN_USED, owner, units));
    return unit;
}

/* False: it is no small block of ours, or there are enough. */
static inline bool magazine_put(kin_arena *arena, uint32_t unit)
{
    struct magazine *magazine = &arena->magazine;
    const struct seat *seat = magazine_enter(arena);
    uint32_t units;
    uint64_t *state = likely(seat) ? arena_run(arena, unit, RUN_USED, &units) : NULL;
    if (unlikely(!state || units > BINS_EXACT || magazine->count[units] == MAGAZINE ||
                 RUN_OWNER(LOAD(*state)) != (seat->process & ID_MASK) ||
                 magazine->units + units > arena->region[0].units / MAGAZINE_PART))
        return false;
    magazine->unit[units][magazine->count[units]++] = unit;
    magazine->units += units;
    STORE(*state, RUN_MAKE(RUN_CACHED, seat->process & ID_MASK, units));
    return true;
}

#endif
