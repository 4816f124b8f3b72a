/* Walks over all runs. The six headings are in memory/arena.h. */
#include "memory/magazine.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MEMO 64u

struct rebuild {
    kin_arena *arena;
    kin_domain *domain;
    uint32_t asked[MEMO]; /* processes that were asked for, and with GONE the answer */
    uint32_t wanted, last_unit, last_units;
    int64_t freed;
};
#define GONE 0x80000000u

static int damaged(const kin_arena *arena)
{
    return reason(-EBADMSG, "the arena at byte %llu of %s is damaged: its blocks cannot be told apart; make it anew",
                  (unsigned long long)arena->at, arena->segment->object.segment.path);
}

static bool is_gone(struct rebuild *rebuild, uint64_t state)
{
    uint32_t owner = RUN_OWNER(state);
    if (owner == 0 || (RUN_KIND(state) == RUN_USED && LOAD(rebuild->arena->shared->flags) & KIN_ARENA_KEEP))
        return false;
    uint32_t *memo = &rebuild->asked[owner % MEMO];
    if ((*memo & ID_MASK) != owner)
        *memo = owner | (arena_is_gone(rebuild->domain, owner) ? GONE : 0);
    return *memo & GONE;
}

static void push(struct rebuild *rebuild, uint32_t unit, uint32_t units)
{
    struct arena_header *shared = rebuild->arena->shared;
    uint32_t bin = arena_bin(units);
    STORE(*arena_link(rebuild->arena, unit), LOAD(shared->bins[bin]));
    STORE(shared->bins[bin], unit);
    STORE(shared->map[bin / 64], LOAD(shared->map[bin / 64]) | UINT64_C(1) << bin % 64);
}

/* A free run is complete. The best of those that are long enough is kept back, to be the first of its bin. */
static void add(struct rebuild *rebuild, uint32_t unit, uint32_t units)
{
    if (units == 0)
        return;
    if (units < rebuild->wanted || (rebuild->last_unit && rebuild->last_units <= units)) {
        push(rebuild, unit, units);
        return;
    }
    if (rebuild->last_unit)
        push(rebuild, rebuild->last_unit, rebuild->last_units);
    rebuild->last_unit = unit;
    rebuild->last_units = units;
}

/* Each store leaves runs that fill the region: one becomes free, or one takes in its next. */
static int walk_region(struct rebuild *rebuild, const struct region *region)
{
    uint64_t *states = (uint64_t *)(void *)(rebuild->arena->segment->data + region->states);
    uint32_t free_at = 0, free_units = 0;
    for (uint32_t i = 0, units; i < region->units; i += units) {
        uint64_t state = LOAD(states[i]);
        units = RUN_UNITS(state);
        if (RUN_KIND(state) == 0 || units == 0 || units > region->units - i)
            return damaged(rebuild->arena);
        if (RUN_KIND(state) != RUN_FREE && !is_gone(rebuild, state)) {
            add(rebuild, region->first + free_at, free_units);
            free_units = 0;
            continue;
        }
        rebuild->freed += RUN_KIND(state) == RUN_USED;
        if (free_units == 0)
            free_at = i;
        free_units += units;
        STORE(states[free_at], RUN_MAKE(RUN_FREE, 0, free_units));
        KEEP_ORDER();
    }
    add(rebuild, region->first + free_at, free_units);
    return 0;
}

const struct region *arena_later_region(const kin_arena *arena, uint32_t unit)
{
    for (uint32_t i = 1; i < arena->known; i++)
        if (unit - arena->region[i].first < arena->region[i].units)
            return &arena->region[i];
    return NULL;
}

void magazine_claim(kin_arena *arena, const struct seat *seat)
{
    struct magazine *magazine = &arena->magazine;
    uint32_t life = LOAD(magazine->life);
    bool forked = life && LOAD(magazine->process) != seat->process;
    if (life && !forked && life_verdict(seat->domain, life) == VERDICT_ALIVE)
        return;
    if (!CAS(magazine->life, &life, seat->id))
        return;
    if (forked || magazine->process != seat->process) {
        memset(magazine->count, 0, sizeof magazine->count);
        magazine->room = magazine->most = arena->region[0].units / MAGAZINE_PART;
    }
    magazine->used = RUN_MAKE(RUN_USED, seat->process & ID_MASK, 0);
    STORE(magazine->process, seat->process);
    STORE(magazine->own, seat->own);
}

/* What this process kept for itself is everybody's again. */
static void empty_magazine(kin_arena *arena)
{
    struct magazine *magazine = &arena->magazine;
    if (!magazine_is_mine(magazine))
        return;
    for (uint32_t units = 1; units <= BINS_EXACT; units++)
        for (; magazine->count[units]; magazine->count[units]--) {
            uint32_t left, unit = magazine->kept[units][magazine->count[units] - 1].unit;
            uint64_t *state = arena_state(arena, unit, &left);
            if (state && LOAD(*state) == ((magazine->used + units) ^ TO_CACHED))
                STORE(*state, RUN_MAKE(RUN_FREE, 0, units));
        }
    magazine->room = magazine->most;
}

int64_t arena_rebuild(kin_arena *arena, struct seat *seat, uint32_t wanted)
{
    struct rebuild rebuild = {.arena = arena, .domain = seat->domain, .wanted = wanted ? wanted : UINT32_MAX};
    struct arena_header *shared = arena->shared;
    struct op *op = &seat->life->op;
    int result = 0;
    STORE(op->kind, OP_UNKNOWN); /* who finds us dead in here begins again */
    KEEP_ORDER();
    empty_magazine(arena);
    for (uint32_t i = 0; i < BINS; i++)
        STORE(shared->bins[i], 0);
    for (uint32_t i = 0; i < 3; i++)
        STORE(shared->map[i], 0);
    for (uint32_t i = 0; i < arena->known && result == 0; i++)
        result = walk_region(&rebuild, &arena->region[i]);
    if (rebuild.last_unit)
        push(&rebuild, rebuild.last_unit, rebuild.last_units);
    KEEP_ORDER();
    STORE(op->kind, 0);
    KEEP_ORDER();
    return result < 0 ? result : rebuild.freed;
}

int64_t kin_arena_reclaim(kin_arena *arena)
{
    int result = 0;
    struct seat *seat = arena_lock(arena, &result);
    if (!seat)
        return result;
    arena_learn(arena);
    int64_t freed = arena_rebuild(arena, seat, 0);
    arena_unlock(arena, seat);
    return freed;
}

/* Copies as much as there is room for; the number that there are. */
static int64_t copy(kin_arena *arena, uint64_t *copies, uint64_t room)
{
    uint64_t count = 0;
    for (uint32_t k = 0; k < arena->known; k++) {
        const struct region *region = &arena->region[k];
        const uint64_t *states = (const uint64_t *)(const void *)(arena->segment->data + region->states);
        for (uint32_t i = 0, units; i < region->units; i += units, count++) {
            uint64_t state = LOAD(states[i]);
            units = RUN_UNITS(state);
            if (RUN_KIND(state) == 0 || units == 0 || units > region->units - i)
                return damaged(arena);
            if (2 * count + 1 < room) {
                copies[2 * count] = region->first + i;
                copies[2 * count + 1] = state;
            }
        }
    }
    return (int64_t)count;
}

/* The lock is not held while somebody else's function runs. */
static int64_t copy_all(kin_arena *arena, uint64_t **copies)
{
    int result = 0;
    *copies = NULL;
    for (uint64_t room = 1024;; room *= 4) {
        uint64_t *more = realloc(*copies, room * sizeof *more);
        if (!more)
            return reason(-ENOMEM, "no memory left in this process");
        *copies = more;
        struct seat *seat = arena_lock(arena, &result);
        if (!seat)
            return result;
        arena_learn(arena);
        int64_t count = copy(arena, more, room);
        arena_unlock(arena, seat);
        if (count < 0 || 2 * (uint64_t)count < room)
            return count;
    }
}

int kin_arena_each(kin_arena *arena, int (*visit)(void *context, const struct kin_arena_block *block), void *context)
{
    kin_domain *domain = arena->segment->object.domain;
    uint64_t *copies;
    int64_t count = copy_all(arena, &copies), result = count < 0 ? count : 0;
    for (int64_t i = 0; i < count && result == 0; i++) {
        uint64_t state = copies[2 * i + 1];
        uint32_t owner = RUN_KIND(state) == RUN_USED ? RUN_OWNER(state) : 0;
        struct process *process = ID_INDEX(owner) ? process_at(domain, owner) : NULL;
        bool gone = arena_is_gone(domain, owner);
        struct kin_arena_block block = {
            .offset = copies[2 * i] << ARENA_UNIT_SHIFT,
            .bytes = (uint64_t)RUN_UNITS(state) << ARENA_UNIT_SHIFT,
            .used = RUN_KIND(state) == RUN_USED,
            .owner = process ? (pid_t)LOAD(process->pid) : 0,
            .alive = owner && !gone,
        };
        result = visit(context, &block);
    }
    free(copies);
    return (int)result;
}
