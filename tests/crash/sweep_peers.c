/* Real kills beside somebody who sleeps: the victim is killed at each instruction of an operation that should wake a
 * peer; then the peer must go on by himself, before anybody else comes.
 *
 *     sweep_peers [NAME]; KIN_LONG=1 sweeps every moment, else a sample whose seed is printed. */
#include "aid.h"
#include "channel/queue.h"
#include "scene.h"
#include "sys/plant.h"
#include <kin/lock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct play {
    const char *name;
    int (*build)(struct stage *stage);
    int (*arrive)(struct stage *stage);
    int (*operate)(struct stage *stage); /* the victim's */
    int (*wait)(struct stage *stage);    /* the peer's */
    int (*feed)(struct stage *stage);    /* what the peer waits for, if the victim did not do it */
    /* Whether what the peer waits for is there. A look at the memory, without a lock that would settle something. */
    bool (*there)(struct stage *stage);
    bool full; /* feeding may find that the peer went on already, and the queue full or empty again */
};

static kin_segment *home;
static kin_lock *door;

struct run {
    const struct play *play;
    char path[64];
    struct stage stage;
};

static const struct scene setting = {.messages = 4};

static int send_one(struct stage *stage)
{
    return kin_queue_send(stage->queue, "message", 8, NULL, KIN_NOW);
}

static int receive_one(struct stage *stage)
{
    char buffer[64];
    return kin_queue_receive(stage->queue, buffer, sizeof buffer, NULL, KIN_NOW, NULL);
}

static int fill(struct stage *stage)
{
    int result = 0;
    for (unsigned i = 0; i < setting.messages && result == 0; i++)
        result = send_one(stage);
    return result;
}

static int take(struct stage *stage)
{
    return kin_queue_take(stage->queue, NULL, KIN_NOW, &stage->job);
}

static int wait_for_message(struct stage *stage)
{
    char buffer[64];
    return kin_queue_receive(stage->queue, buffer, sizeof buffer, NULL, KIN_FOREVER, NULL);
}

static int wait_for_type(struct stage *stage)
{
    char buffer[64];
    return kin_queue_receive(stage->queue, buffer, sizeof buffer, KIN_RECEIVE(.type = 1), KIN_FOREVER, NULL);
}

static int wait_for_room(struct stage *stage)
{
    return kin_queue_send(stage->queue, "message", 8, NULL, KIN_FOREVER);
}

static int put_back(struct stage *stage)
{
    return kin_queue_put_back(stage->queue, &stage->job);
}

static int work(struct stage *stage)
{
    (void)stage; /* holding the lease is all: the death gives it back */
    return 0;
}

static int take_and_loan(struct stage *stage)
{
    int result = take(stage);
    return result < 0 ? result : kin_queue_loan(stage->results, 8, KIN_NOW, &stage->result);
}

static int done_and_send(struct stage *stage)
{
    return kin_queue_done_and_send(stage->queue, &stage->job, stage->results, &stage->result, NULL);
}

/* The job comes back, or its result is there. */
static int wait_for_result(struct stage *stage)
{
    char buffer[64];
    return kin_queue_receive(stage->results, buffer, sizeof buffer, NULL, KIN_FOREVER, NULL);
}

static int feed_result(struct stage *stage)
{
    return kin_queue_send(stage->results, "result", 7, NULL, KIN_NOW);
}

static unsigned count_records(kin_queue *queue, enum tag tag)
{
    unsigned count = 0;
    for (uint32_t slot = 1; slot <= queue->messages; slot++) {
        struct record *record = record_at(queue, slot);
        count += record && STATE_TAG(LOAD(record->state)) == tag;
    }
    return count;
}

static bool has_message(struct stage *stage)
{
    return count_records(stage->queue, TAG_FULL) != 0;
}

static bool has_room(struct stage *stage)
{
    return count_records(stage->queue, TAG_FREE) != 0;
}

static bool always(struct stage *stage)
{
    (void)stage;
    return true;
}

static bool has_result(struct stage *stage)
{
    kin_domain *domain = stage->queue->object.domain;
    bool committed = false;
    for (uint32_t i = 1; i < domain->shared->lives.count; i++)
        committed |= LOAD(life_at(domain, i)->finish.committed) != 0;
    return committed || count_records(stage->results, TAG_FULL) != 0;
}

static int lock_door(struct stage *stage)
{
    (void)stage;
    int result = home ? 0 : kin_lock_open(NULL, "door", NULL, &home, &door);
    return result < 0 ? result : kin_lock_acquire(home, door, KIN_FOREVER);
}

static int unlock_door(struct stage *stage)
{
    (void)stage;
    return kin_lock_release(home, door);
}

static const struct play plays[] = {
    {"kin_queue_send, a receiver sleeps", NULL, NULL, send_one, wait_for_message, send_one, has_message, false},
    {"kin_queue_send, a picky receiver sleeps", NULL, NULL, send_one, wait_for_type, send_one, has_message, false},
    {"kin_queue_receive, a sender sleeps", fill, NULL, receive_one, wait_for_room, receive_one, has_room, true},
    {"kin_queue_put_back, a receiver sleeps", send_one, take, put_back, wait_for_message, send_one, always, false},
    {"a lease whose holder dies, a receiver sleeps", send_one, take, work, wait_for_message, send_one, always, false},
    {"kin_queue_done_and_send, somebody sleeps on the results", send_one, take_and_loan, done_and_send, wait_for_result,
     feed_result, has_result, false},
    {"kin_lock_release, somebody sleeps on the lock", NULL, lock_door, unlock_door, lock_door, work, always, false},
};

static int with_stage(struct run *run, int (*act)(struct stage *stage))
{
    if (!run->stage.queue && scene_open(&setting, run->path, &run->stage) < 0)
        return -1;
    int result = act ? act(&run->stage) : 0;
    return result < 0 ? kin_crash_fail("it failed: %s", kin_reason()) : 0;
}

static int prepare(void *context)
{
    struct run *run = context;
    if (run->stage.queue) { /* of the moment before */
        kin_queue_close(run->stage.queue);
        kin_queue_close(run->stage.results);
        memset(&run->stage, 0, sizeof run->stage);
    }
    struct scene build = setting;
    build.build = run->play->build;
    if (remove_directory(run->path) != 0)
        return kin_crash_fail("cannot remove %s", run->path);
    return scene_build(&build, run->path);
}

static int warm_up(struct run *run)
{
    struct kin_queue_status status;
    if (with_stage(run, NULL) < 0 || kin_queue_status(run->stage.results, &status) < 0)
        return -1;
    return kin_queue_status(run->stage.queue, &status);
}

static int arrive(void *context)
{
    struct run *run = context;
    return warm_up(run) < 0 ? -1 : with_stage(run, run->play->arrive);
}

static int operate(void *context)
{
    struct run *run = context;
    return with_stage(run, run->play->operate);
}

static int peer_arrive(void *context)
{
    return warm_up(context);
}

static int peer_wait(void *context)
{
    struct run *run = context;
    return with_stage(run, run->play->wait);
}

static int due(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    return point->finished || with_stage(run, NULL) < 0 || run->play->there(&run->stage);
}

static int feed(void *context)
{
    struct run *run = context;
    int result = with_stage(run, run->play->feed);
    return run->play->full && result < 0 ? 0 : result;
}

static int check(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    struct kin_queue_status status;
    (void)point;
    if (with_stage(run, NULL) < 0 || kin_queue_status(run->stage.queue, &status) < 0)
        return -1;
    return status.leased || status.loaned ? kin_crash_fail("the dead still hold something") : 0;
}

static int sweep(const struct play *play, struct kin_crash_result *result)
{
    struct run run = {.play = play, .path = "/dev/shm/kin-peers-XXXXXX"};
    if (!mkdtemp(run.path) || setenv("KIN_DOMAIN", run.path, 1) < 0)
        return -1;
    int found = kin_crash_run(KIN_CRASH(.context = &run, .prepare = prepare, .victim = {arrive, operate},
                                        .peer = {peer_arrive, peer_wait}, .due = due, .feed = feed, .check = check,
                                        .limit = sweep_limit(60), .seed = sweep_seed()),
                              KIN_CRASH_KILL, result);
    return remove_directory(run.path) == 0 ? found : -1;
}

int main(int argc, char **argv)
{
    (void)argc;
    kin_backstop = INT64_C(1000) * 1000 * 1000 * 1000; /* nothing mends a lost wake here */
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
