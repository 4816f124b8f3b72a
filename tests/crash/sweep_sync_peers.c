/* Real kills beside somebody who sleeps at a rwlock, condition, barrier or latch: the victim is killed at each
 * instruction of what should wake him; then he must go on by himself. No backstop mends anything here.
 *
 *     sweep_sync_peers [NAME]; KIN_LONG=1 sweeps every moment, else a sample whose seed is printed. */
#include "aid.h"
#include "sync.h"
#include "sys/plant.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct play {
    const char *name;
    int (*arrive)(void);  /* the victim, before it is stepped */
    int (*operate)(void); /* and then */
    int (*sit)(void);     /* the peer, before it sleeps */
    int (*wait)(void);    /* the peer's sleep */
    bool (*due)(void);    /* whether he must end by himself; NULL: always */
};

struct run {
    const struct play *play;
    char path[64];
};

static int write_forever(void)
{
    OK(kin_rwlock_acquire_write(segment, &room->rwlock, KIN_FOREVER));
    return release();
}

static int read_forever(void)
{
    OK(kin_rwlock_acquire_read(segment, &room->rwlock, KIN_FOREVER));
    return release();
}

static int give(bool all)
{
    OK(kin_lock_acquire(segment, &room->lock, KIN_FOREVER));
    room->flag = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    OK(all ? kin_condition_broadcast(segment, &room->condition) : kin_condition_signal(segment, &room->condition));
    OK(kin_lock_release(segment, &room->lock));
    return 0;
}

static int give_one(void)
{
    return give(false);
}

static int give_all(void)
{
    return give(true);
}

static int wait_for_flag(void)
{
    int result = kin_lock_acquire(segment, &room->lock, KIN_FOREVER);
    OK(result);
    while (!room->flag && result == 0)
        OK(result = kin_condition_wait(segment, &room->condition, &room->lock, KIN_FOREVER));
    OK(kin_lock_release(segment, &room->lock));
    return 0;
}

/* The flag is set, or who was to set it died with the lock. */
static bool is_given(void)
{
    return room->flag || room->lock.word != 0;
}

static int join_two(void)
{
    OK(kin_barrier_join(segment, &room->two));
    return 0;
}

static int wait_two(void)
{
    OK(kin_barrier_wait(segment, &room->two, KIN_FOREVER));
    return 0;
}

static int leave_two(void)
{
    OK(kin_barrier_leave(segment, &room->two));
    return 0;
}

static int promise(void)
{
    OK(kin_latch_count_down(segment, &room->latch));
    OK(kin_latch_promise(segment, &room->latch));
    return 0;
}

static int count_down(void)
{
    OK(kin_latch_count_down(segment, &room->latch));
    return 0;
}

static int wait_for_zero(void)
{
    OK(kin_latch_wait(segment, &room->latch, KIN_FOREVER));
    return 0;
}

static const struct play plays[] = {
    {"kin_rwlock_release by a reader, a writer sleeps", read_lock, release, nothing, write_forever, NULL},
    {"kin_rwlock_release by a writer, a reader sleeps", write_lock, release, nothing, read_forever, NULL},
    {"kin_rwlock_release by a writer, a writer sleeps", write_lock, release, nothing, write_forever, NULL},
    {"kin_rwlock_downgrade, a reader sleeps", write_lock, downgrade, nothing, read_forever, NULL},
    {"kin_condition_signal", nothing, give_one, nothing, wait_for_flag, is_given},
    {"kin_condition_broadcast", nothing, give_all, nothing, wait_for_flag, is_given},
    {"kin_barrier_wait, the other sleeps", join_two, wait_two, join_two, wait_two, NULL},
    {"kin_barrier_leave, the other sleeps", join_two, leave_two, join_two, wait_two, NULL},
    {"kin_latch_count_down, promised", promise, count_down, nothing, wait_for_zero, NULL},
};

static int prepare(void *context)
{
    struct run *run = context;
    char all[80];
    kin_segment_close(segment);
    segment = NULL;
    snprintf(all, sizeof all, "%s/*", run->path);
    if (remove_directory(all) < 0)
        return kin_crash_fail("cannot empty %s", run->path);
    return room_build(run->path, nothing, false);
}

static int come(struct run *run, int (*act)(void))
{
    if (room_open(run->path) < 0)
        return -1;
    OK(kin_lock_acquire(segment, &room->lock, KIN_NOW)); /* so that the life is there */
    OK(kin_lock_release(segment, &room->lock));
    return act();
}

static int arrive(void *context)
{
    struct run *run = context;
    return come(run, run->play->arrive);
}

static int operate(void *context)
{
    struct run *run = context;
    return run->play->operate();
}

static int peer_arrive(void *context)
{
    struct run *run = context;
    return come(run, run->play->sit);
}

static int peer_wait(void *context)
{
    struct run *run = context;
    return run->play->wait();
}

static int due(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    return point->finished || !run->play->due || (room_open(run->path) == 0 && run->play->due());
}

static int feed(void *context)
{
    struct run *run = context;
    return room_open(run->path) < 0 ? -1 : give_all();
}

static int check(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    (void)point;
    return room_open(run->path) < 0 ? -1 : write_and_release();
}

static int sweep(const struct play *play, struct kin_crash_result *result)
{
    struct run run = {.play = play, .path = "/dev/shm/kin-room-XXXXXX"};
    if (!mkdtemp(run.path))
        return -1;
    int found = kin_crash_run(KIN_CRASH(.context = &run, .prepare = prepare, .victim = {arrive, operate},
                                        .peer = {peer_arrive, peer_wait}, .due = due, .feed = feed, .check = check,
                                        .limit = sweep_limit(12), .seed = sweep_seed()),
                              KIN_CRASH_KILL, result);
    return remove_directory(run.path) == 0 ? found : -1;
}

int main(int argc, char **argv)
{
    (void)argc;
    kin_backstop = INT64_C(1000) * 1000 * 1000 * 1000;
    if (!tap_begin())
        return TAP_SKIP;
    for (unsigned i = 0; i < sizeof plays / sizeof *plays; i++) {
        struct kin_crash_result result;
        if (!tap_wants(argv[1], plays[i].name))
            continue;
        tap_sweep(sweep(&plays[i], &result) == 0, plays[i].name, &result, "%s", plays[i].name);
    }
    return tap_end();
}
