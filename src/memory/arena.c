/* Making an arena, opening it, its lock, its growth. The six headings are in memory/arena.h. */
#include "memory/arena.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_UP(number) (((number) + ARENA_UNIT - 1) & ~(ARENA_UNIT - 1))

/* A region in those bytes of the segment: a state word for each unit, and the units. */
static struct region region_in(uint64_t from, uint64_t to)
{
    from = ROUND_UP(from);
    uint64_t units = to > from ? (to - from) / (ARENA_UNIT + sizeof(uint64_t)) : 0;
    while (units && ROUND_UP(from + units * sizeof(uint64_t)) + units * ARENA_UNIT > to)
        units--;
    if (units > UINT32_MAX / 2)
        units = UINT32_MAX / 2;
    uint64_t first = ROUND_UP(from + units * sizeof(uint64_t)) >> ARENA_UNIT_SHIFT;
    if (first + units > UINT32_MAX)
        units = first < UINT32_MAX ? UINT32_MAX - first : 0;
    return (struct region){from, (uint32_t)first, (uint32_t)units};
}

static bool region_is_sound(const kin_arena *arena, const struct region *region)
{
    uint64_t bytes = LOAD(arena->segment->bytes), end = ((uint64_t)region->first + region->units) << ARENA_UNIT_SHIFT;
    return region->units && region->states % 8 == 0 && region->states >= arena->at + sizeof(struct arena_header) &&
           region->states < bytes &&
           region->states + region->units * sizeof(uint64_t) <= (uint64_t)region->first << ARENA_UNIT_SHIFT &&
           end <= bytes;
}

void arena_learn(kin_arena *arena)
{
    uint32_t count = LOAD_ACQUIRE(arena->shared->regions);
    if (count > REGIONS_MAX)
        count = REGIONS_MAX;
    kin_segment_bytes(arena->segment);
    while (arena->known < count) {
        const struct region *shared = &arena->shared->region[arena->known];
        struct region region = {LOAD(shared->states), LOAD(shared->first), LOAD(shared->units)};
        if (!region_is_sound(arena, &region))
            return;
        arena->region[arena->known] = region;
        arena->known++;
    }
}

/* The commit is the number of regions. Its one run is in no bin yet. */
static void add_region(struct arena_header *shared, char *data, uint32_t number, struct region region)
{
    STORE(shared->region[number].states, region.states);
    STORE(shared->region[number].first, region.first);
    STORE(shared->region[number].units, region.units);
    STORE(*(uint64_t *)(void *)(data + region.states), RUN_MAKE(RUN_FREE, 0, region.units));
    KEEP_ORDER();
    STORE_RELEASE(shared->regions, number + 1);
    KEEP_ORDER();
}

static uint64_t end_of(const kin_arena *arena)
{
    const struct region *last = &arena->region[arena->known - 1];
    return arena->known ? ((uint64_t)last->first + last->units) << ARENA_UNIT_SHIFT
                        : arena->at + sizeof(struct arena_header);
}

/* Twice as much as there is, or as much as is wanted, or what can be had. */
static uint64_t room_behind(kin_arena *arena, uint64_t end, uint64_t bytes)
{
    kin_segment *segment = arena->segment;
    uint64_t limit = LOAD(arena->shared->limit);
    uint64_t most = limit && limit < segment->bytes_max ? limit : segment->bytes_max;
    uint64_t here = kin_segment_bytes(segment), double_it = end + (end - arena->at);
    if (limit && here > limit)
        here = limit;
    if (here >= end + bytes || end + bytes > most)
        return here;
    if (double_it < end + bytes)
        double_it = end + bytes;
    if (double_it > most)
        double_it = most;
    if (kin_segment_grow(segment, double_it) == 0)
        return double_it;
    return kin_segment_grow(segment, end + bytes) == 0 ? end + bytes : here;
}

int arena_extend(kin_arena *arena, struct seat *seat, uint32_t units)
{
    struct op *op = &seat->life->op;
    uint64_t end = end_of(arena), bytes = ((uint64_t)units + 4) * (ARENA_UNIT + sizeof(uint64_t));
    struct region region = {0};
    if (arena->known < REGIONS_MAX && arena->known == LOAD(arena->shared->regions))
        region = region_in(end, room_behind(arena, end, bytes));
    if (region.units < units)
        return reason(
            -ENOMEM,
            "the arena in %s has no run of %llu bytes left: free something, or make the segment anew with more "
            "bytes or bytes_max (it has %llu of %llu)",
            arena->segment->object.segment.path, (unsigned long long)units << ARENA_UNIT_SHIFT,
            (unsigned long long)kin_segment_bytes(arena->segment), (unsigned long long)arena->segment->bytes_max);
    STORE(op->kind, OP_UNKNOWN);
    KEEP_ORDER();
    add_region(arena->shared, arena->segment->data, arena->known, region);
    arena_learn(arena);
    int64_t result = arena_rebuild(arena, seat, units);
    return result < 0 ? (int)result : 0;
}

int kin_arena_init(kin_segment *segment, const struct kin_arena_options *options)
{
    uint64_t at = options ? options->offset : 0, bytes = options ? options->bytes : 0, all = kin_segment_bytes(segment);
    const char *path = segment->object.segment.path;
    if (!segment->may_write)
        return reason(-EROFS, "%s is attached for reading only: no arena can be made in it", path);
    if (at % ARENA_UNIT || at >= all || bytes > all - at)
        return reason(-EINVAL, "an arena of %llu bytes at byte %llu is not inside %s, or not at a multiple of 64",
                      (unsigned long long)bytes, (unsigned long long)at, path);
    uint64_t end = bytes ? at + bytes : all;
    if (end - at < KIN_ARENA_LEAST)
        return reason(-EMSGSIZE, "an arena needs %d bytes, %s has %llu for it", KIN_ARENA_LEAST, path,
                      (unsigned long long)(end - at));
    struct arena_header *shared = (struct arena_header *)(void *)(segment->data + at);
    memset(shared, 0, sizeof *shared);
    shared->flags = options ? options->flags : 0;
    shared->limit = bytes ? end : 0;
    struct region region = region_in(at + sizeof *shared, end);
    add_region(shared, segment->data, 0, region);
    uint32_t bin = arena_bin(region.units);
    STORE(*(uint32_t *)(void *)(segment->data + ((uint64_t)region.first << ARENA_UNIT_SHIFT)), 0);
    STORE(shared->bins[bin], region.first);
    STORE(shared->map[bin / 64], UINT64_C(1) << bin % 64);
    int result = segment_register(segment, INNER_ARENA, at);
    if (result == 0)
        STORE_RELEASE(shared->magic, ARENA_MAGIC);
    return result;
}

int kin_arena_open(kin_segment *segment, uint64_t offset, kin_arena **out)
{
    const char *path = segment->object.segment.path;
    if (!segment->may_write)
        return reason(-EROFS, "%s is attached for reading only: an arena needs its lock", path);
    struct arena_header *shared = (struct arena_header *)(void *)(segment->data + offset);
    if (offset % ARENA_UNIT || !segment_can_hold(segment, offset, sizeof *shared) ||
        LOAD_ACQUIRE(shared->magic) != ARENA_MAGIC)
        return reason(-EBADMSG, "there is no arena at byte %llu of %s: kin_arena_init makes one",
                      (unsigned long long)offset, path);
    kin_arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        return reason(-ENOMEM, "no memory left in this process");
    arena->segment = segment;
    arena->shared = shared;
    arena->at = offset;
    arena_learn(arena);
    if (arena->known == 0) {
        free(arena);
        return reason(-EBADMSG, "the arena at byte %llu of %s is damaged: make it anew", (unsigned long long)offset,
                      path);
    }
    *out = arena;
    return 0;
}

void kin_arena_close(kin_arena *arena)
{
    if (arena && arena->magazine.room != arena->magazine.most)
        kin_arena_reclaim(arena);
    free(arena);
}

/* What the dead one had committed is done; what cannot be understood is built anew. */
static void repair(kin_arena *arena, struct seat *seat)
{
    struct op *op = &seat->life->op;
    arena_learn(arena);
    if (LOAD(op->kind) != 0 && !arena_apply(arena, op))
        arena_rebuild(arena, seat, 0);
    KEEP_ORDER();
    STORE(op->kind, 0);
    KEEP_ORDER();
}

struct seat *arena_lock_slowly(kin_arena *arena, struct seat *seat, int *result)
{
    struct mutex_ask ask = {
        .seat = seat,
        .word = &arena->shared->lock,
        .object = &arena->segment->object,
        .until = KIN_FOREVER,
        .adopt = true,
    };
    *result = mutex_acquire_slowly(&ask);
    if (*result == KIN_RECOVERED && !PLANTED(NO_REPAIR))
        repair(arena, seat);
    if (*result >= 0) {
        *result = 0;
        return seat;
    }
    life_work_done(seat);
    return NULL;
}

uint64_t *kin_arena_root(kin_arena *arena, unsigned number)
{
    return number < KIN_ARENA_ROOTS ? &arena->shared->roots[number] : NULL;
}

void *kin_arena_at(const kin_arena *arena, uint64_t block)
{
    kin_segment *segment = arena->segment;
    return block && segment_can_hold(segment, block, 1) ? segment->data + block : NULL;
}
