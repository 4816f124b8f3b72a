/* Blocks: allocated, freed, given. The six headings are in memory/arena.h. */
#include "memory/magazine.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <string.h>

#define ALIGN_MAX (UINT64_C(1) << 30)

static inline void push_bit(struct arena_header *shared, uint32_t bin)
{
    uint64_t bit = UINT64_C(1) << bin % 64, seen = LOAD(shared->map[bin / 64]);
    if (unlikely(!(seen & bit)))
        STORE(shared->map[bin / 64], seen | bit);
}

/* ---- the one way in which anything changes ---- */

struct change {
    uint32_t unit;         /* its state ... */
    uint64_t state;        /* ... becomes this */
    uint32_t bin, head;    /* the first of that bin is this; bin 0: none */
    uint32_t other, first; /* the same of another one, to which something is added */
    uint32_t linked, link; /* the unit that is added, and what follows it there; 0: none */
};

static inline void store(kin_arena *arena, uint64_t *state, const struct change *change)
{
    struct arena_header *shared = arena->shared;
    STORE(*state, change->state);
    KEEP_ORDER();
    if (change->linked)
        STORE(*arena_link(arena, change->linked), change->link);
    if (change->bin)
        STORE(shared->bins[change->bin], change->head);
    if (change->other) {
        STORE(shared->bins[change->other], change->first);
        push_bit(shared, change->other);
    }
}

static inline void make_change(kin_arena *arena, struct seat *seat, uint64_t *state, const struct change *change)
{
    struct op *op = &seat->life->op;
    if (PLANTED(COMMIT_FIRST))
        STORE(*state, change->state);
    STORE(op->slot, change->unit);
    STORE(op->after, change->state);
    STORE(op->words[0], change->bin);
    STORE(op->words[1], change->head);
    STORE(op->words[2], change->other);
    STORE(op->words[3], change->first);
    STORE(op->words[4], change->linked);
    STORE(op->words[5], change->link);
    KEEP_ORDER();
    if (!PLANTED(NO_OP))
        STORE(op->kind, ARENA_CHANGE);
    KEEP_ORDER();
    store(arena, state, change);
    KEEP_ORDER();
    STORE(op->kind, 0);
    KEEP_ORDER();
}

static bool apply_change(kin_arena *arena, const struct op *op)
{
    uint32_t left;
    struct change change = {
        .unit = LOAD(op->slot),
        .state = LOAD(op->after),
        .bin = LOAD(op->words[0]),
        .head = LOAD(op->words[1]),
        .other = LOAD(op->words[2]),
        .first = LOAD(op->words[3]),
        .linked = LOAD(op->words[4]),
        .link = LOAD(op->words[5]),
    };
    uint64_t *state = arena_state(arena, change.unit, &left);
    if (!state || RUN_UNITS(change.state) == 0 || RUN_UNITS(change.state) > left || change.bin >= BINS ||
        change.other >= BINS || (change.linked && !arena_state(arena, change.linked, &left)))
        return false;
    store(arena, state, &change);
    return true;
}

static void set_owner(kin_arena *arena, uint32_t unit, uint32_t owner)
{
    uint32_t units;
    uint64_t *state = unit ? arena_run(arena, unit, RUN_USED, &units) : NULL;
    if (state)
        STORE(*state, RUN_MAKE(RUN_USED, owner, units));
}

static bool apply_commit(kin_arena *arena, const struct op *op)
{
    uint64_t offset = LOAD(op->words[0]) | (uint64_t)LOAD(op->words[1]) << 32;
    if (offset % 8 || !segment_can_hold(arena->segment, offset, 8))
        return false;
    if (LOAD(*(const uint64_t *)(const void *)(arena->segment->data + offset)) != LOAD(op->after))
        return true; /* it did not happen */
    set_owner(arena, LOAD(op->words[2]), 0);
    set_owner(arena, LOAD(op->words[3]), LOAD(op->words[4]) & ID_MASK);
    return true;
}

bool arena_apply(kin_arena *arena, const struct op *op)
{
    uint32_t kind = LOAD(op->kind);
    return kind == ARENA_CHANGE ? apply_change(arena, op) : kind == ARENA_COMMIT && apply_commit(arena, op);
}

/* ---- allocation ---- */

/* The first of the smallest bin that has only what is long enough. Bits of bins that are empty by now are struck. */
static uint32_t find_longer(kin_arena *arena, uint32_t units, uint32_t *bin)
{
    struct arena_header *shared = arena->shared;
    uint32_t from = arena_bin(units), found;
    for (uint32_t word = from / 64; word < 3; word++) {
        uint64_t bits = LOAD(shared->map[word]) & (word == from / 64 ? ~UINT64_C(0) << from % 64 : ~UINT64_C(0));
        for (; bits; bits &= bits - 1) {
            *bin = word * 64 + (uint32_t)__builtin_ctzll(bits);
            uint32_t unit = *bin < BINS ? LOAD(shared->bins[*bin]) : 0;
            if (unit && arena_run(arena, unit, RUN_FREE, &found) && found >= units && arena_bin(found) == *bin)
                return unit;
            if (!unit)
                STORE(shared->map[word], LOAD(shared->map[word]) & ~(UINT64_C(1) << *bin % 64));
        }
    }
    return 0;
}

static uint32_t find(kin_arena *arena, uint32_t units, uint32_t *bin)
{
    uint32_t found;
    *bin = arena_bin(units);
    uint32_t unit = LOAD(arena->shared->bins[*bin]);
    if (likely(unit && arena_run(arena, unit, RUN_FREE, &found) && found >= units && arena_bin(found) == *bin))
        return unit;
    return find_longer(arena, units, bin);
}

/* When the bins have nothing: what the dead left, what joined neighbours give, what the segment still has. */
static __attribute__((noinline)) int find_hard(kin_arena *arena, struct seat *seat, uint32_t units, uint32_t *bin,
                                               uint32_t *unit)
{
    arena_learn(arena);
    int64_t result = arena_rebuild(arena, seat, units);
    if (result >= 0 && !(*unit = find(arena, units, bin))) {
        result = arena_extend(arena, seat, units);
        if (result == 0 && !(*unit = find(arena, units, bin)))
            result = reason(-EBADMSG, "the arena in %s is damaged: make it anew", arena->segment->object.segment.path);
    }
    return result < 0 ? (int)result : 0;
}

/* Takes the front of the run; what is left of it goes to its bin. */
static inline void take(kin_arena *arena, struct seat *seat, uint32_t unit, uint32_t bin, uint32_t units)
{
    uint32_t length, left, rest = unit + units;
    uint64_t *state = arena_run(arena, unit, RUN_FREE, &length);
    struct change change = {
        .unit = unit,
        .state = RUN_MAKE(RUN_USED, seat->process & ID_MASK, units),
        .bin = bin,
        .head = LOAD(*arena_link(arena, unit)),
    };
    if (length > units) {
        STORE(*arena_state(arena, rest, &left), RUN_MAKE(RUN_FREE, 0, length - units));
        KEEP_ORDER();
        change.other = arena_bin(length - units);
        change.first = change.linked = rest;
        change.link = change.other == bin ? change.head : LOAD(arena->shared->bins[change.other]);
        if (change.other == bin)
            change.bin = 0;
    }
    make_change(arena, seat, state, &change);
}

/* The state of `unit` becomes `after`, and the run of so many units from `run` on, which is free then, comes into its
 * bin. */
static inline void change_and_bin(kin_arena *arena, struct seat *seat, uint64_t *state, uint32_t unit, uint64_t after,
                                  uint32_t run, uint32_t units)
{
    uint32_t bin = arena_bin(units);
    struct change change = {.unit = unit,
                            .state = after,
                            .other = bin,
                            .first = run,
                            .linked = run,
                            .link = LOAD(arena->shared->bins[bin])};
    make_change(arena, seat, state, &change);
}

/* Makes a block of mine shorter at its front: that becomes free. Nobody knows of the block yet. */
static uint32_t cut_front(kin_arena *arena, struct seat *seat, uint32_t unit, uint32_t units)
{
    uint32_t length, left;
    uint64_t *state = arena_run(arena, unit, RUN_USED, &length);
    if (units == 0)
        return unit;
    STORE(*arena_state(arena, unit + units, &left), RUN_MAKE(RUN_USED, seat->process & ID_MASK, length - units));
    KEEP_ORDER();
    change_and_bin(arena, seat, state, unit, RUN_MAKE(RUN_FREE, 0, units), unit, units);
    return unit + units;
}

static void cut_end(kin_arena *arena, struct seat *seat, uint64_t *state, uint32_t unit, uint32_t units)
{
    uint32_t left, length = RUN_UNITS(LOAD(*state)), rest = unit + units;
    if (length == units)
        return;
    STORE(*arena_state(arena, rest, &left), RUN_MAKE(RUN_FREE, 0, length - units));
    KEEP_ORDER();
    change_and_bin(arena, seat, state, unit, RUN_MAKE(RUN_USED, RUN_OWNER(LOAD(*state)), units), rest, length - units);
}

static int units_for(const kin_arena *arena, uint64_t bytes, uint32_t *units)
{
    if (bytes > UINT64_C(1) << 36)
        return reason(-ENOMEM, "%llu bytes are more than any arena has: that of %s is asked for them",
                      (unsigned long long)bytes, arena->segment->object.segment.path);
    *units = bytes ? (uint32_t)((bytes + ARENA_UNIT - 1) >> ARENA_UNIT_SHIFT) : 1;
    return 0;
}

static __attribute__((noinline)) int alloc_from_arena(kin_arena *arena, uint64_t bytes, uint64_t align, uint64_t *out)
{
    uint32_t units = 0, bin, unit, more = 0;
    int result = units_for(arena, bytes, &units);
    if (unlikely(align > ARENA_UNIT || (align & (align - 1)))) {
        if (align & (align - 1) || align > ALIGN_MAX)
            return reason(-EINVAL, "%llu is no alignment: give a power of two, 1G at most", (unsigned long long)align);
        more = (uint32_t)(align >> ARENA_UNIT_SHIFT) - 1;
    }
    struct seat *seat = result == 0 ? arena_lock(arena, &result) : NULL;
    if (unlikely(!seat))
        return result;
    unit = find(arena, units + more, &bin);
    result = likely(unit) ? 0 : find_hard(arena, seat, units + more, &bin, &unit);
    if (likely(result == 0)) {
        take(arena, seat, unit, bin, units + more);
        if (unlikely(more)) {
            /* Aligned as an address, as long as the segment's first byte is: at a page. */
            unit = cut_front(arena, seat, unit, (0 - unit) & more);
            uint32_t length;
            cut_end(arena, seat, arena_run(arena, unit, RUN_USED, &length), unit, units);
        }
        *out = (uint64_t)unit << ARENA_UNIT_SHIFT;
    }
    arena_unlock(arena, seat);
    magazine_claim(arena, seat); /* for the next one */
    return result;
}

int kin_arena_alloc(kin_arena *arena, uint64_t bytes, uint64_t align, uint64_t *out)
{
    uint32_t unit = 0;
    if (likely(bytes - 1 < BINS_EXACT * ARENA_UNIT && (align == 0 || align == ARENA_UNIT)))
        unit = magazine_take(arena, (uint32_t)((bytes + ARENA_UNIT - 1) >> ARENA_UNIT_SHIFT));
    if (unlikely(!unit))
        return alloc_from_arena(arena, bytes, align, out);
    *out = (uint64_t)unit << ARENA_UNIT_SHIFT;
    return 0;
}

/* ---- what happens to blocks ---- */

static __attribute__((noinline, cold)) int no_block(const kin_arena *arena, uint64_t block)
{
    return reason(-EINVAL, "no block of the arena in %s begins at byte %llu", arena->segment->object.segment.path,
                  (unsigned long long)block);
}

static uint64_t *block_at(kin_arena *arena, uint64_t block, uint32_t *units)
{
    uint32_t unit = (uint32_t)(block >> ARENA_UNIT_SHIFT);
    *units = 0;
    if (block % ARENA_UNIT || block >> ARENA_UNIT_SHIFT > UINT32_MAX)
        return NULL;
    uint64_t *state = arena_run(arena, unit, RUN_USED, units);
    if (likely(state))
        return state;
    arena_learn(arena);
    return arena_run(arena, unit, RUN_USED, units);
}

/* Mine, nobody's, or a dead one's. */
static int check_owner(kin_arena *arena, struct seat *seat, uint64_t state, uint64_t block)
{
    uint32_t owner = RUN_OWNER(state);
    if (likely(owner == (seat->process & ID_MASK)) || owner == 0 || arena_is_gone(seat->domain, owner))
        return 0;
    struct process *process = process_at(seat->domain, owner);
    return reason(-EPERM, "the block at byte %llu of %s belongs to process %u, which lives: have it given",
                  (unsigned long long)block, arena->segment->object.segment.path, process ? LOAD(process->pid) : 0);
}

static __attribute__((noinline)) int free_to_arena(kin_arena *arena, uint64_t block)
{
    int result = 0;
    uint32_t units, unit = (uint32_t)(block >> ARENA_UNIT_SHIFT);
    struct seat *seat = arena_lock(arena, &result);
    if (unlikely(!seat))
        return result;
    uint64_t *state = block_at(arena, block, &units);
    result = unlikely(!state) ? no_block(arena, block) : check_owner(arena, seat, LOAD(*state), block);
    if (likely(result == 0))
        change_and_bin(arena, seat, state, unit, RUN_MAKE(RUN_FREE, 0, units), unit, units);
    arena_unlock(arena, seat);
    magazine_claim(arena, seat); /* for the next one */
    return result;
}

int kin_arena_free(kin_arena *arena, uint64_t block)
{
    return likely(magazine_put(arena, block)) ? 0 : free_to_arena(arena, block);
}

/* 1: it must move. */
static int resize(kin_arena *arena, uint64_t block, uint32_t units, uint64_t *old)
{
    int result = 0;
    uint32_t length;
    struct seat *seat = arena_lock(arena, &result);
    if (!seat)
        return result;
    uint64_t *state = block_at(arena, block, &length);
    result = state ? check_owner(arena, seat, LOAD(*state), block) : no_block(arena, block);
    if (result == 0 && length >= units) {
        cut_end(arena, seat, state, (uint32_t)(block >> ARENA_UNIT_SHIFT), units);
    } else if (result == 0 && RUN_OWNER(LOAD(*state)) == 0) {
        result = reason(-EPERM,
                        "the block at byte %llu of %s is nobody's and cannot grow in its place: allocate, copy, "
                        "and kin_arena_commit",
                        (unsigned long long)block, arena->segment->object.segment.path);
    } else if (result == 0) {
        *old = (uint64_t)length << ARENA_UNIT_SHIFT;
        result = 1;
    }
    arena_unlock(arena, seat);
    return result;
}

int kin_arena_realloc(kin_arena *arena, uint64_t block, uint64_t bytes, uint64_t *out)
{
    uint32_t units = 0;
    uint64_t old = 0, new;
    int result = units_for(arena, bytes, &units);
    if (result == 0)
        result = resize(arena, block, units, &old);
    if (result == 0)
        *out = block;
    if (result != 1)
        return result;
    /* Both are this process's meanwhile: were it killed, both would come back. */
    result = kin_arena_alloc(arena, bytes, 0, &new);
    if (result < 0)
        return result;
    memcpy(arena->segment->data + new, arena->segment->data + block, old);
    result = kin_arena_free(arena, block);
    if (result == 0)
        *out = new;
    return result;
}

int kin_arena_usable(kin_arena *arena, uint64_t block, uint64_t *out)
{
    uint32_t units;
    if (!block_at(arena, block, &units))
        return no_block(arena, block);
    *out = (uint64_t)units << ARENA_UNIT_SHIFT;
    return 0;
}
