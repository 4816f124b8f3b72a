/* Real kills beside somebody who sleeps on a semaphore: the victim is killed at each instruction of what should wake
 * him; then he must go on by himself, before anybody else comes. No backstop mends anything.
 *
 *     sweep_semaphore_peers [NAME]; KIN_LONG=1 sweeps every moment, else a sample whose seed is printed. */
#include "aid.h"
#include "sync/semaphore.h"
#include "sys/plant.h"
#include <kin/crash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct stage {
    kin_segment *home;
    kin_semaphore *set;
};

struct play {
    const char *name;
    uint16_t first[2];
    struct kin_semaphore_op arrive, victim, peer; /* by 0 of victim and arrive: nothing */
    bool always;                                  /* the victim's death alone must wake the peer */
    unsigned set_to;                              /* the victim sets semaphore 0 to this instead */
};

#define UNDO KIN_SEMAPHORE_UNDO
static const struct play plays[] = {
    {"kin_semaphore_operate, a unit more", {0, 0}, {0, 0, 0}, {0, 1, 0}, {0, -1, UNDO}, false, 0},
    {"kin_semaphore_operate, two more", {0, 0}, {0, 0, 0}, {0, 2, 0}, {0, -2, 0}, false, 0},
    {"kin_semaphore_operate, the last one taken", {1, 0}, {0, 0, 0}, {0, -1, 0}, {0, 0, 0}, false, 0},
    {"kin_semaphore_operate, what undo gives back", {1, 0}, {0, -1, UNDO}, {0, 1, UNDO}, {0, -1, UNDO}, true, 0},
    {"a holder who dies", {2, 0}, {0, -2, UNDO}, {0, 0, 0}, {0, -1, UNDO}, true, 0},
    {"a giver who dies", {0, 0}, {0, 1, UNDO}, {0, 0, 0}, {0, 0, 0}, true, 0},
    {"kin_semaphore_set", {0, 0}, {0, 0, 0}, {0, 0, 0}, {0, -1, 0}, false, 1},
};

struct run {
    const struct play *play;
    char path[64];
    struct stage stage;
};

static int open_stage(struct run *run)
{
    struct kin_semaphore_value value;
    if (run->stage.home)
        return 0;
    if (kin_semaphore_open(NULL, "set", KIN_SEMAPHORE(.count = 2, .values = run->play->first, .holders = 8),
                           &run->stage.home, &run->stage.set) < 0 ||
        kin_semaphore_get(run->stage.home, run->stage.set, 1, &value) < 0)
        return kin_crash_fail("it cannot be opened: %s", kin_reason());
    return 0;
}

static int operate(struct run *run, const struct kin_semaphore_op *op)
{
    return kin_semaphore_operate(run->stage.home, run->stage.set, op, 1, KIN_FOREVER) < 0
               ? kin_crash_fail("it failed: %s", kin_reason())
               : 0;
}

static int build_apart(void *context)
{
    struct run *run = context;
    int status = 1;
    if (run->stage.home)
        kin_segment_close(run->stage.home);
    run->stage = (struct stage){NULL, NULL};
    if (remove_directory(run->path) != 0)
        return -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        exit(open_stage(run) < 0);
    waitpid(child, &status, 0);
    return status == 0 ? 0 : kin_crash_fail("the builder failed");
}

static int arrive(void *context)
{
    struct run *run = context;
    if (open_stage(run) < 0)
        return -1;
    return run->play->arrive.by ? operate(run, &run->play->arrive) : 0;
}

static int work(void *context)
{
    struct run *run = context;
    if (run->play->set_to)
        return kin_semaphore_set(run->stage.home, run->stage.set, 0, run->play->set_to);
    return run->play->victim.by ? operate(run, &run->play->victim) : 0;
}

static int peer_arrive(void *context)
{
    return open_stage(context);
}

static int peer_wait(void *context)
{
    struct run *run = context;
    return operate(run, &run->play->peer);
}

/* Whether what the peer waits for is there. A look at the memory, without a lock that would settle something. */
static int due(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    if (point->finished || run->play->always || open_stage(run) < 0)
        return 1;
    const struct semaphore *shared = (const struct semaphore *)(const void *)run->stage.set;
    int value = (int)CELL_VALUE(run->stage.set->kin[CELLS_AT]), by = run->play->peer.by;
    return shared->committed != 0 || (by == 0 ? value == 0 : value + by >= 0);
}

/* What the peer waits for, when the victim did not do it. */
static int feed(void *context)
{
    struct run *run = context;
    const struct kin_semaphore_op *op = &run->play->peer;
    if (open_stage(run) < 0)
        return -1;
    return kin_semaphore_set(run->stage.home, run->stage.set, 0, op->by == 0 ? 0 : (unsigned)-op->by);
}

static int check(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    struct kin_semaphore_status status;
    (void)point;
    if (open_stage(run) < 0 || kin_semaphore_status(run->stage.home, run->stage.set, &status) < 0)
        return -1;
    return 0;
}

static int sweep(const struct play *play, struct kin_crash_result *result)
{
    struct run run = {.play = play, .path = "/dev/shm/kin-semaphore-peers-XXXXXX"};
    if (!mkdtemp(run.path) || setenv("KIN_DOMAIN", run.path, 1) < 0)
        return -1;
    int found = kin_crash_run(KIN_CRASH(.context = &run, .prepare = build_apart, .victim = {arrive, work},
                                        .peer = {peer_arrive, peer_wait}, .due = due, .feed = feed, .check = check,
                                        .limit = sweep_limit(25), .seed = sweep_seed()),
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
