/* Every operation of the arena, in every state, killed at every instruction: by snapshot, in copies; then a sample by
 * SIGKILL; then the bugs that this must catch. A survivor repairs, and everything is counted: the runs fill the arena,
 * each free one is in its bin once, no block of the dead is left, and the list is as before or as after.
 *
 *     sweep_memory [NAME] */
#include "aid.h"
#include "twin.h"
#include "memory/arena.h"
#include "sys/plant.h"
#include <errno.h>
#include <kin/crash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES (64 << 10)
#define KEPT 3 /* blocks that nobody owns, in a list */
#define RUNS 4096

struct act {
    const char *name;
    int (*arrive)(kin_arena *arena); /* optional, not swept */
    int (*operate)(kin_arena *arena);
    int before, after; /* how long the list is */
};

struct run {
    const struct act *act;
    struct twin twin;
    kin_arena *arena;
};

static kin_arena *survivor; /* in the copies */
static uint64_t mine;       /* the victim's block */

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0)                                                                                                \
            return kin_crash_fail("%s: %s", #call, kin_reason());                                                      \
    } while (0)

static int set_up(void *context, kin_segment *segment)
{
    (void)context;
    return kin_arena_init(segment, NULL);
}

static int open_arena(kin_domain *domain, kin_arena **arena)
{
    kin_segment *segment;
    OK(kin_segment_open(domain, "s", KIN_SEGMENT(.bytes = BYTES, .bytes_max = 4 * BYTES, .setup = set_up), &segment));
    OK(kin_arena_open(segment, 0, arena));
    return 0;
}

static int push_node(kin_arena *arena)
{
    uint64_t *head = kin_arena_root(arena, 0), node, first = *head;
    OK(kin_arena_alloc(arena, 64, 0, &node));
    *(uint64_t *)kin_arena_at(arena, node) = first;
    OK(kin_arena_commit(arena, head, first, node, node, 0));
    return 0;
}

static int pop_node(kin_arena *arena)
{
    uint64_t *head = kin_arena_root(arena, 0), first = *head;
    OK(kin_arena_commit(arena, head, first, *(uint64_t *)kin_arena_at(arena, first), 0, first));
    OK(kin_arena_free(arena, first));
    return 0;
}

static int alloc_some(kin_arena *arena, uint64_t bytes)
{
    OK(kin_arena_alloc(arena, bytes, 0, &mine));
    return 0;
}

static int have_small(kin_arena *arena)
{
    return alloc_some(arena, 64);
}
static int have_big(kin_arena *arena)
{
    return alloc_some(arena, 5000);
}

static int have_freed_small(kin_arena *arena)
{
    if (alloc_some(arena, 64) < 0)
        return -1;
    OK(kin_arena_free(arena, mine));
    return 0;
}

static int alloc_small(kin_arena *arena)
{
    return alloc_some(arena, 64);
}

static int alloc_from_bin(kin_arena *arena)
{
    return alloc_some(arena, 128);
}
static int alloc_and_split(kin_arena *arena)
{
    return alloc_some(arena, 900);
}
static int alloc_what_must_be_joined(kin_arena *arena)
{
    return alloc_some(arena, BYTES / 2);
}
static int alloc_what_must_grow(kin_arena *arena)
{
    return alloc_some(arena, BYTES);
}

static int alloc_aligned(kin_arena *arena)
{
    OK(kin_arena_alloc(arena, 100, 1024, &mine));
    return 0;
}

static int free_block(kin_arena *arena)
{
    OK(kin_arena_free(arena, mine));
    return 0;
}

static int make_shorter(kin_arena *arena)
{
    OK(kin_arena_realloc(arena, mine, 100, &mine));
    return 0;
}

static int make_longer(kin_arena *arena)
{
    OK(kin_arena_realloc(arena, mine, 70, &mine));
    return 0;
}

static int give_to_nobody_and_take(kin_arena *arena)
{
    OK(kin_arena_give(arena, mine, 0));
    OK(kin_arena_give(arena, mine, getpid()));
    return 0;
}

static int reclaim(kin_arena *arena)
{
    OK(kin_arena_reclaim(arena));
    return 0;
}

static const struct act acts[] = {
    {"kin_arena_alloc, from a bin", NULL, alloc_from_bin, KEPT, KEPT},
    {"kin_arena_alloc, from the magazine", have_freed_small, alloc_small, KEPT, KEPT},
    {"kin_arena_alloc, and split", NULL, alloc_and_split, KEPT, KEPT},
    {"kin_arena_alloc, aligned", NULL, alloc_aligned, KEPT, KEPT},
    {"kin_arena_alloc, neighbours are joined", NULL, alloc_what_must_be_joined, KEPT, KEPT},
    {"kin_arena_alloc, and grow", NULL, alloc_what_must_grow, KEPT, KEPT},
    {"kin_arena_free, small", have_small, free_block, KEPT, KEPT},
    {"kin_arena_free, big", have_big, free_block, KEPT, KEPT},
    {"kin_arena_realloc, shorter", have_big, make_shorter, KEPT, KEPT},
    {"kin_arena_realloc, longer", have_small, make_longer, KEPT, KEPT},
    {"kin_arena_give", have_big, give_to_nobody_and_take, KEPT, KEPT},
    {"kin_arena_commit, push", NULL, push_node, KEPT, KEPT + 1},
    {"kin_arena_commit, pop and free", NULL, pop_node, KEPT, KEPT - 1},
    {"kin_arena_reclaim", have_big, reclaim, KEPT, KEPT},
};

/* A list of blocks that are nobody's, holes in several bins, and blocks of one who died. */
static int build(void)
{
    kin_arena *arena;
    uint64_t blocks[40];
    if (open_arena(NULL, &arena) < 0)
        return 1;
    for (unsigned i = 0; i < 40; i++)
        if (kin_arena_alloc(arena, 1 + i * 37, 0, &blocks[i]) < 0)
            return 1;
    for (unsigned i = 0; i < KEPT; i++)
        if (push_node(arena) < 0)
            return 1;
    for (unsigned i = 0; i < 40; i += 2)
        if (kin_arena_free(arena, blocks[i]) < 0)
            return 1;
    _exit(0);
}

static int prepare(void *context)
{
    struct run *run = context;
    int status = -1;
    if (remove_directory(run->twin.live) != 0)
        return kin_crash_fail("cannot remove %s", run->twin.live);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(build());
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        return kin_crash_fail("the builder failed");
    return 0;
}

static int arrive(void *context)
{
    struct run *run = context;
    if (open_arena(NULL, &run->arena) < 0)
        return -1;
    int result = 0;
    if (!life_enter(run->arena->segment->object.domain, &result))
        return kin_crash_fail("no life: %s", kin_reason());
    return run->act->arrive ? run->act->arrive(run->arena) : 0;
}

static int operate(void *context)
{
    struct run *run = context;
    return run->act->operate(run->arena);
}

/* ---- the survivor ---- */

static bool listed(const kin_arena *arena, uint32_t unit, uint32_t units)
{
    uint32_t length = 0;
    for (uint32_t at = arena->shared->bins[arena_bin(units)]; at; at = *arena_link(arena, at)) {
        if (at == unit)
            return true;
        if (++length > RUNS)
            return false;
    }
    return false;
}

/* The bins are what the operation, and whoever repaired it, have made of them. `kept`: the dead may have kept blocks
 * for their next one. */
static int check_bins(kin_arena *arena, bool kept)
{
    uint32_t runs = 0, in_bins = 0;
    arena_learn(arena);
    for (uint32_t k = 0; k < arena->known; k++)
        for (uint32_t unit = arena->region[k].first, units;; unit += units) {
            if (unit == arena->region[k].first + arena->region[k].units)
                break;
            if (arena_run(arena, unit, RUN_USED, &units))
                continue;
            if (arena_run(arena, unit, RUN_CACHED, &units)) {
                if (!kept)
                    return kin_crash_fail("%u units at %u are kept for somebody's next block, and all are dead: a leak",
                                          units, unit);
                continue;
            }
            if (!arena_run(arena, unit, RUN_FREE, &units))
                return kin_crash_fail("no run begins at unit %u", unit);
            runs++;
            if (!listed(arena, unit, units))
                return kin_crash_fail("the free run of %u units at %u is in no bin: a leak", units, unit);
        }
    for (uint32_t bin = 1; bin < BINS; bin++)
        for (uint32_t at = arena->shared->bins[bin]; at && in_bins <= runs; at = *arena_link(arena, at))
            in_bins++;
    return in_bins == runs ? 0 : kin_crash_fail("%u runs are free, and %u in the bins", runs, in_bins);
}

struct count {
    int used, others;
};

static int count_block(void *context, const struct kin_arena_block *block)
{
    struct count *count = context;
    count->used += block->used;
    count->others += block->used && block->owner;
    return 0;
}

static int check_arena(kin_arena *arena, const struct act *act, bool finished)
{
    int result = 0, length = 0;
    struct seat *seat = arena_lock(arena, &result); /* repairs */
    if (!seat)
        return kin_crash_fail("no lock: %s", kin_reason());
    arena_unlock(arena, seat);
    if (check_bins(arena, true) < 0) /* before anything is built anew */
        return -1;
    OK(kin_arena_reclaim(arena));
    if (check_bins(arena, false) < 0)
        return -1;
    for (uint64_t at = *kin_arena_root(arena, 0); at; at = *(uint64_t *)kin_arena_at(arena, at)) {
        uint64_t bytes;
        if (++length > KEPT + 1 || !kin_arena_at(arena, at))
            return kin_crash_fail("the list is torn");
        if (kin_arena_usable(arena, at, &bytes) < 0)
            return kin_crash_fail("the list has a block that is free: %s", kin_reason());
    }
    if (length != act->after && (length != act->before || finished))
        return kin_crash_fail("%d blocks are in the list", length);
    struct count count = {0};
    OK(kin_arena_each(arena, count_block, &count));
    int lost = act->operate == give_to_nobody_and_take; /* killed between the two gifts, it is nobody's for good */
    if (count.used != length && !(lost && count.used == length + 1))
        return kin_crash_fail("%d blocks are used, %d are in the list", count.used, length);
    if (count.others)
        return kin_crash_fail("%d blocks of the dead are left", count.others);
    return 0;
}

static size_t regions(void *context, const struct kin_crash_region **list)
{
    struct run *run = context;
    return twin_regions(&run->twin, list);
}

static int mark_dead(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    return twin_mark_dead(&run->twin, point->victim);
}

static int check(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    if (!point->copied) {
        kin_arena *arena;
        return open_arena(NULL, &arena) < 0 ? -1 : check_arena(arena, run->act, point->finished);
    }
    if (survivor) {
        kin_segment_close(survivor->segment);
        kin_arena_close(survivor);
        survivor = NULL;
    }
    if (open_arena(run->twin.domain, &survivor) < 0)
        return -1;
    return check_arena(survivor, run->act, point->finished);
}

static int sweep(const struct act *act, enum kin_crash_mode mode, struct kin_crash_result *result)
{
    struct run run = {.act = act};
    if (twin_make(&run.twin, "s", NULL) < 0 || setenv("KIN_DOMAIN", run.twin.live, 1) < 0)
        return -1;
    int found = kin_crash_run(KIN_CRASH(.context = &run, .prepare = prepare, .victim = {arrive, operate},
                                        .check = check, .regions = regions, .mark_dead = mark_dead,
                                        .limit = mode == KIN_CRASH_SNAPSHOT ? 0
                                                 : getenv("KIN_LONG")       ? 400
                                                                            : 6,
                                        .seed = sweep_seed()),
                              mode, result);
    if (survivor) {
        kin_segment_close(survivor->segment);
        kin_arena_close(survivor);
        survivor = NULL;
    }
    twin_remove(&run.twin);
    return found;
}

static void bite(enum plant plant, const char *name)
{
    struct kin_crash_result result;
    int found = 0;
    kin_planted = PLANT_BIT(plant);
    for (unsigned i = 0; i < sizeof acts / sizeof *acts && found != KIN_CRASH_FAULT; i++)
        found = sweep(&acts[i], KIN_CRASH_SNAPSHOT, &result);
    kin_planted = 0;
    tap_sweep(found == KIN_CRASH_FAULT, name, &result, "caught: %s", name);
}

int main(int argc, char **argv)
{
    if (!tap_begin())
        return TAP_SKIP;
    for (unsigned i = 0; i < sizeof acts / sizeof *acts; i++) {
        struct kin_crash_result result;
        if (!tap_wants(argv[1], acts[i].name))
            continue;
        bool good = sweep(&acts[i], KIN_CRASH_SNAPSHOT, &result) == 0;
        tap_sweep(good, acts[i].name, &result, "%s", acts[i].name);
        good = sweep(&acts[i], KIN_CRASH_KILL, &result) == 0;
        tap_sweep(good, acts[i].name, &result, "by SIGKILL: %s", acts[i].name);
    }
    if (argc == 1) {
        bite(PLANT_COMMIT_FIRST, "a word is stored before the op");
        bite(PLANT_NO_REPAIR, "a lock is stolen, but nothing repaired");
        bite(PLANT_NO_OP, "the op is not written before the commit");
        bite(PLANT_NO_HOLD, "what a process keeps for its next block is in nobody's name");
    }
    return tap_end();
}
