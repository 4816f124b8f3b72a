/* rwlock, condition, barrier, latch and once, killed at every instruction: by a snapshot after each, and by two
 * crashers, the second of which meets what the first one left.
 *
 *     sweep_sync [NAME]; KIN_LONG=1 takes all moments of two crashers, else a sample whose seed is printed. */
#include "aid.h"
#include "sync.h"
#include "twin.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct act {
    const char *name;
    int (*build)(void); /* the state before */
    bool builder_dies;
    int (*arrive)(void); /* the victim, before it is stepped */
    int (*operate)(void);
    int (*check)(bool finished); /* finished: of a single crasher only */
    bool twice;                  /* two crashers too */
};

struct run {
    const struct act *act;
    const char *path; /* of the domain */
    struct twin twin; /* snapshot */
    bool again;       /* two crashers: a fresh domain before each moment */
};

/* Nobody sees a half change as if it were whole; a writer repairs; then all is well. */
static int whole_or_told(int64_t least, bool torn_is_told)
{
    int result = kin_rwlock_acquire_read(segment, &room->rwlock, KIN_NOW);
    OK(result);
    if (room->left != room->right && result != KIN_RECOVERED)
        return kin_crash_fail("a reader sees %lld and %lld, and is not told", (long long)room->left,
                              (long long)room->right);
    if (torn_is_told && result != KIN_RECOVERED)
        return kin_crash_fail("nobody has repaired it, and a reader is not told");
    OK(kin_rwlock_release(segment, &room->rwlock));
    int again = kin_rwlock_acquire_write(segment, &room->rwlock, KIN_NOW);
    OK(again);
    if (again != result)
        return kin_crash_fail("a reader is told %d, a writer %d", result, again);
    if (room->left < least)
        return kin_crash_fail("the change is lost");
    room->left = room->right;
    OK(kin_rwlock_release(segment, &room->rwlock));
    result = kin_rwlock_acquire_read(segment, &room->rwlock, KIN_NOW);
    OK(kin_rwlock_release(segment, &room->rwlock));
    return result == 0 ? 0 : kin_crash_fail("repaired, and a reader is told %d", result);
}

static int check_rwlock(bool finished)
{
    return whole_or_told(finished, false);
}

static int check_read(bool finished)
{
    (void)finished;
    return whole_or_told(0, false);
}

static int check_torn(bool finished)
{
    (void)finished;
    return whole_or_told(1, true);
}

static int clean(void)
{
    OK(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL));
    return 0;
}

/* The record was swept before anybody asked. */
static int check_rwlock_after_clean(bool finished)
{
    return clean() < 0 ? -1 : check_rwlock(finished);
}

static int promise(void)
{
    OK(kin_latch_promise(segment, &room->latch));
    return 0;
}

static int count_down(void)
{
    OK(kin_latch_count_down(segment, &room->latch));
    return 0;
}

static int count_both_down(void)
{
    return count_down() < 0 ? -1 : count_down();
}

static int check_latch_at(int64_t most, int64_t least)
{
    int result = kin_latch_wait(segment, &room->latch, KIN_NOW);
    int64_t count = kin_latch_count(segment, &room->latch);
    if (result != (count ? -ETIMEDOUT : result) || count > most || count < least)
        return kin_crash_fail("%lld are missing, not %lld to %lld (%d)", (long long)count, (long long)least,
                              (long long)most, result);
    for (; count > 0; count--)
        OK(kin_latch_count_down(segment, &room->latch));
    OK(kin_latch_wait(segment, &room->latch, KIN_NOW));
    result = kin_latch_count_down(segment, &room->latch);
    return result == -ERANGE ? 0 : kin_crash_fail("one more can be counted down: %d", result);
}

static int check_promise(bool finished)
{
    return check_latch_at(finished ? 1 : 2, 1); /* made, and counted down for the dead; or not made */
}

static int check_promised(bool finished)
{
    (void)finished;
    return check_latch_at(1, 1); /* by himself, or for him: never both, never neither */
}

static int check_two_promised(bool finished)
{
    (void)finished;
    return check_latch_at(0, 0);
}

static int check_counted(bool finished)
{
    return check_latch_at(finished ? 0 : 2, 0);
}

static int join(void)
{
    OK(kin_barrier_join(segment, &room->one));
    return 0;
}

static int join_two(void)
{
    OK(kin_barrier_join(segment, &room->two));
    return 0;
}

static int wait_alone(void)
{
    OK(kin_barrier_wait(segment, &room->one, KIN_NOW));
    return 0;
}

static int wait_for_another(void)
{
    int result = kin_barrier_wait(segment, &room->two, KIN_NOW);
    return result == -ETIMEDOUT || result >= 0 ? 0 : kin_crash_fail("%s", kin_reason());
}

static int leave(void)
{
    OK(kin_barrier_leave(segment, &room->one));
    return 0;
}

/* The dead one's seat is free; if he had one, he is told of. */
static int pass(kin_barrier *barrier, bool news, bool may_be)
{
    int result = kin_barrier_wait(segment, barrier, KIN_NOW);
    OK(result);
    if (!(result & KIN_SERIAL) || (news && !(result & KIN_RECOVERED)) || (!may_be && result & KIN_RECOVERED))
        return kin_crash_fail("the one who passes is told %d", result);
    result = kin_barrier_wait(segment, barrier, KIN_NOW);
    if (result != KIN_SERIAL)
        return kin_crash_fail("in the next round he is told %d", result);
    OK(kin_barrier_leave(segment, barrier));
    return 0;
}

static int check_one(bool finished)
{
    return pass(&room->one, finished, true);
}

static int check_seated(bool finished)
{
    (void)finished;
    return pass(&room->one, true, true);
}

static int check_left(bool finished)
{
    return pass(&room->one, false, !finished);
}

static int check_two(bool finished)
{
    int result = kin_barrier_wait(segment, &room->two, KIN_NOW); /* all are dead: it starts over, for two */
    (void)finished;
    if (result != -ETIMEDOUT)
        return kin_crash_fail("a barrier for two lets one pass: %d", result);
    OK(kin_barrier_leave(segment, &room->two));
    return 0;
}

static int fill(void *context, int begun)
{
    (void)context;
    if (begun)
        room->left = room->right = 0;
    room->left++;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    room->right++;
    return 0;
}

static int run_once(void)
{
    OK(kin_once_run(segment, &room->once, fill, NULL, KIN_NOW));
    return 0;
}

static int check_once(bool finished)
{
    if (finished && (room->left != 1 || room->right != 1))
        return kin_crash_fail("done, and not there");
    if (run_once() < 0)
        return -1;
    return room->left == 1 && room->right == 1 ? 0 : kin_crash_fail("%d and %d", (int)room->left, (int)room->right);
}

static int wait_a_little(void)
{
    OK(kin_lock_acquire(segment, &room->lock, KIN_NOW));
    int result = kin_condition_wait(segment, &room->condition, &room->lock, KIN_NOW);
    if (result != -ETIMEDOUT)
        return kin_crash_fail("a wait until now gives %d", result);
    OK(kin_lock_release(segment, &room->lock));
    return 0;
}

static int signal_one(void)
{
    OK(kin_condition_signal(segment, &room->condition));
    return 0;
}

static int broadcast(void)
{
    OK(kin_condition_broadcast(segment, &room->condition));
    return 0;
}

static int check_lock(bool finished)
{
    int result = kin_lock_acquire(segment, &room->lock, KIN_NOW);
    OK(result);
    OK(kin_lock_release(segment, &room->lock));
    if (finished && result != 0)
        return kin_crash_fail("released, and the next one is told %d", result);
    return signal_one() < 0 ? -1 : broadcast();
}

static const struct act acts[] = {
    {"kin_rwlock_acquire_read and kin_rwlock_release", nothing, false, nothing, read_and_release, check_read, false},
    {"kin_rwlock_acquire_read behind a dead writer", write_half, true, nothing, read_and_release, check_torn, true},
    {"kin_rwlock_acquire_write and kin_rwlock_release", nothing, false, nothing, write_and_release, check_rwlock,
     true},
    {"kin_rwlock_acquire_write behind a dead reader", read_lock, true, nothing, write_and_release, check_rwlock, false},
    {"kin_rwlock_acquire_write behind a dead writer", write_half, true, nothing, write_and_release, check_rwlock, true},
    {"kin_rwlock_acquire_write, swept before it is asked for", nothing, false, nothing, write_and_release,
     check_rwlock_after_clean, false},
    {"kin_rwlock_acquire_read and kin_rwlock_release, quick", nothing, false, read_often, read_and_release, check_read,
     false},
    {"kin_rwlock_acquire_read makes it quick", nothing, false, nearly_often, read_and_release, check_read, false},
    {"kin_rwlock_acquire_write behind quick readers", read_often, false, nothing, write_and_release, check_rwlock,
     true},
    {"kin_rwlock_upgrade", nothing, false, read_lock, upgrade, check_rwlock, false},
    {"kin_rwlock_upgrade behind a dead reader", read_lock, true, read_lock, upgrade, check_rwlock, false},
    {"kin_rwlock_upgrade from reading", nothing, false, nothing, upgrade_from_read, check_rwlock, true},
    {"kin_rwlock_downgrade", nothing, false, write_lock, downgrade, check_rwlock, false},
    {"kin_latch_promise", nothing, false, nothing, promise, check_promise, false},
    {"kin_latch_count_down, promised", nothing, false, promise, count_down, check_promised, false},
    {"kin_latch_count_down, promised by him and by a dead one", promise, true, promise, count_down, check_two_promised,
     false},
    {"kin_latch_count_down", nothing, false, nothing, count_both_down, check_counted, false},
    {"kin_barrier_join", nothing, false, nothing, join, check_one, false},
    {"kin_barrier_wait", nothing, false, nothing, wait_alone, check_one, true},
    {"kin_barrier_wait, seated", nothing, false, join, wait_alone, check_seated, false},
    {"kin_barrier_wait behind a dead party", join, true, nothing, wait_alone, check_seated, true},
    {"kin_barrier_wait, given up", nothing, false, nothing, wait_for_another, check_two, false},
    {"kin_barrier_wait beside a dead party", join_two, true, nothing, wait_for_another, check_two, false},
    {"kin_barrier_leave", nothing, false, join, leave, check_left, false},
    {"kin_once_run", nothing, false, nothing, run_once, check_once, true},
    {"kin_condition_wait", nothing, false, nothing, wait_a_little, check_lock, true},
    {"kin_condition_signal", wait_a_little, false, nothing, signal_one, check_lock, false},
    {"kin_condition_broadcast", wait_a_little, false, nothing, broadcast, check_lock, false},
};

static int prepare(void *context)
{
    struct run *run = context;
    char all[80];
    snprintf(all, sizeof all, "%s/*", run->path);
    if (run->again && remove_directory(all) < 0)
        return kin_crash_fail("cannot empty %s", run->path);
    return room_build(run->path, run->act->build, run->act->builder_dies);
}

static int arrive(void *context)
{
    struct run *run = context;
    if (room_open(run->path) < 0)
        return -1;
    OK(kin_lock_acquire(segment, &room->lock, KIN_NOW)); /* so that the life is there */
    OK(kin_lock_release(segment, &room->lock));
    return run->act->arrive();
}

static int operate(void *context)
{
    struct run *run = context;
    return run->act->operate();
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
    if (room_open(point->copied ? run->twin.copy : run->path) < 0)
        return -1;
    return run->act->check(point->finished && !run->again);
}

static int sweep(const struct act *act, struct kin_crash_result *result)
{
    struct run run = {.act = act};
    if (twin_make(&run.twin, "room", NULL) < 0)
        return -1;
    run.path = run.twin.live;
    int found = kin_crash_run(KIN_CRASH(.context = &run, .prepare = prepare, .victim = {arrive, operate},
                                        .check = check, .regions = regions, .mark_dead = mark_dead),
                              KIN_CRASH_SNAPSHOT, result);
    kin_segment_close(segment);
    segment = NULL;
    twin_remove(&run.twin);
    return found;
}

static int sweep_twice(const struct act *act, struct kin_crash_result *result)
{
    char path[64] = "/dev/shm/kin-sync-XXXXXX";
    struct run run = {.act = act, .path = path, .again = true};
    if (!mkdtemp(path))
        return -1;
    int found = kin_crash_run(KIN_CRASH(.context = &run, .prepare = prepare, .victim = {arrive, operate},
                                        .second = {arrive, operate}, .check = check,
                                        .limit = sweep_limit(6), .seed = sweep_seed()),
                              KIN_CRASH_KILL_TWICE, result);
    return remove_directory(path) == 0 ? found : -1;
}

int main(int argc, char **argv)
{
    (void)argc;
    if (!tap_begin())
        return TAP_SKIP;
    for (unsigned i = 0; i < sizeof acts / sizeof *acts; i++) {
        struct kin_crash_result result;
        if (!tap_wants(argv[1], acts[i].name))
            continue;
        int found = sweep(&acts[i], &result);
        tap_sweep(found == 0, acts[i].name, &result, "%s", acts[i].name);
        if (!acts[i].twice || found)
            continue;
        found = sweep_twice(&acts[i], &result);
        tap_sweep(found == 0, acts[i].name, &result, "%s, two crashers", acts[i].name);
    }
    return tap_end();
}
