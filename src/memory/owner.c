/* Whose blocks are. The six headings are in memory/arena.h. */
#include "memory/arena.h"
#include "life/settle.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A record that is another's by now was freed after its process had ended, or left. */
bool arena_is_gone(kin_domain *domain, uint32_t process)
{
    return process && verdict_is_gone(process_verdict(domain, process, false));
}

/* A used block at that offset that this process may dispose of: its unit. 0: none was given. */
static int dispose(kin_arena *arena, struct seat *seat, uint64_t block, uint32_t *unit)
{
    uint32_t units;
    *unit = (uint32_t)(block >> ARENA_UNIT_SHIFT);
    if (block == 0)
        return 0;
    arena_learn(arena);
    const uint64_t *state =
        block % ARENA_UNIT || block >> ARENA_UNIT_SHIFT > UINT32_MAX ? NULL : arena_run(arena, *unit, RUN_USED, &units);
    if (!state)
        return reason(-EINVAL, "no block of the arena in %s begins at byte %llu", arena->segment->object.segment.path,
                      (unsigned long long)block);
    uint32_t owner = RUN_OWNER(LOAD(*state));
    if (owner == 0 || owner == (seat->process & ID_MASK) || arena_is_gone(seat->domain, owner))
        return 0;
    return reason(-EPERM, "the block at byte %llu of %s belongs to another process, which lives: have it given",
                  (unsigned long long)block, arena->segment->object.segment.path);
}

int kin_arena_give(kin_arena *arena, uint64_t block, pid_t to)
{
    int result = 0;
    uint32_t unit, units;
    kin_domain *domain = arena->segment->object.domain;
    struct seat *seat = arena_lock(arena, &result);
    if (!seat)
        return result;
    uint32_t owner = to ? process_find(domain, (uint32_t)to, 0) : 0;
    result = to && !owner
                 ? reason(-ESRCH, "process %d does not use kin in %s: it can be given nothing", (int)to, domain->path)
                 : dispose(arena, seat, block, &unit);
    if (result == 0 && !block)
        result = reason(-EINVAL, "no block is given");
    uint64_t *state = result == 0 ? arena_run(arena, unit, RUN_USED, &units) : NULL;
    if (state)
        STORE(*state, RUN_MAKE(RUN_USED, owner, units));
    arena_unlock(arena, seat);
    return result;
}

static int check_word(kin_arena *arena, const uint64_t *word, uint64_t *offset)
{
    *offset = (uint64_t)((uintptr_t)word - (uintptr_t)arena->segment->data);
    if (*offset % 8 == 0 && segment_can_hold(arena->segment, *offset, sizeof *word))
        return 0;
    return reason(-EINVAL, "the word is not inside the segment %s, or not aligned to 8 bytes",
                  arena->segment->object.segment.path);
}

int kin_arena_commit(kin_arena *arena, uint64_t *word, uint64_t from, uint64_t to, uint64_t give, uint64_t take)
{
    uint64_t offset;
    uint32_t given, taken;
    int result = check_word(arena, word, &offset);
    struct seat *seat = result == 0 ? arena_lock(arena, &result) : NULL;
    if (!seat)
        return result;
    if (from == to)
        result = reason(-EINVAL, "the word is to change from %llu to itself: kin_arena_give changes owners alone",
                        (unsigned long long)to);
    else if (LOAD(*word) != from)
        result = reason(-EAGAIN, "the word at byte %llu of %s was changed meanwhile: look again",
                        (unsigned long long)offset, arena->segment->object.segment.path);
    if (result == 0)
        result = dispose(arena, seat, give, &given);
    if (result == 0)
        result = dispose(arena, seat, take, &taken);
    if (result == 0) {
        struct op *op = &seat->life->op;
        STORE(op->after, to);
        STORE(op->words[0], (uint32_t)offset);
        STORE(op->words[1], (uint32_t)(offset >> 32));
        STORE(op->words[2], given);
        STORE(op->words[3], taken);
        STORE(op->words[4], seat->process & ID_MASK);
        KEEP_ORDER();
        if (PLANTED(COMMIT_FIRST))
            STORE(*word, to);
        STORE(op->kind, ARENA_COMMIT);
        KEEP_ORDER();
        STORE_RELEASE(*word, to);
        KEEP_ORDER();
        arena_apply(arena, op);
        KEEP_ORDER();
        STORE(op->kind, 0);
        KEEP_ORDER();
    }
    arena_unlock(arena, seat);
    return result;
}

/* Who met the dead one's lock repairs what he was doing; here by taking it for a moment. */
static int settle_one(void *context, kin_segment *segment, uint64_t offset)
{
    const uint32_t *dead = context;
    kin_arena *arena;
    int result = 0;
    if (kin_arena_open(segment, offset, &arena) < 0)
        return 0; /* no arena any more */
    if ((LOAD(arena->shared->lock) & ID_MASK) == *dead) {
        struct seat *seat = arena_lock(arena, &result);
        if (seat)
            arena_unlock(arena, seat);
    }
    kin_arena_close(arena);
    return result < 0 ? result : 0;
}

/* Everything of kin's that is in a user's segment. Blocks of the dead come back when somebody needs them. */
int segment_settle_object(kin_domain *domain, const char *name, uint32_t id)
{
    static const struct kin_segment_options existing = {.size = sizeof existing, .flags = KIN_MUST_EXIST};
    kin_segment *segment;
    int result = place_settle_object(domain, name, id);
    if (result < 0 || !ID_INDEX(id))
        return result;
    result = segment_handle_open(domain, name, KIN_KIND_SEGMENT, &existing, &segment);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    result = segment_each_inner(segment, INNER_ARENA, settle_one, &id);
    kin_segment_close(segment);
    return result;
}
