/* Random: a crowd works, one at a time is killed, and the others are judged before he is replaced. */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JUDGE_PAUSE_US 100
#define KILLS_DEFAULT 100

struct crowd {
    unsigned count;
    pid_t workers[WORKERS_MAX];
};

static void rest(uint64_t microseconds)
{
    struct timespec pause = {(time_t)(microseconds / 1000000), (long)(microseconds % 1000000) * 1000};
    nanosleep(&pause, NULL);
}

static void work_on(struct sweep *sweep, unsigned worker)
{
    uint64_t *rounds = &sweep->control->rounds[worker];
    while (told(sweep->crash.work(sweep->crash.context, worker), "work") == 0)
        __atomic_fetch_add(rounds, 1, __ATOMIC_RELAXED);
    _exit(1);
}

static int start_worker(struct sweep *sweep, struct crowd *crowd, unsigned worker)
{
    crowd->workers[worker] = child_fork(sweep, false);
    if (crowd->workers[worker] == 0)
        work_on(sweep, worker);
    return crowd->workers[worker] > 0 ? 0 : KIN_CRASH_FAULT;
}

/* A worker never ends by himself. */
static int still_there(struct crowd *crowd, unsigned worker)
{
    int status;
    if (waitpid(crowd->workers[worker], &status, WNOHANG) != crowd->workers[worker])
        return 0;
    crowd->workers[worker] = 0;
    if (WIFSIGNALED(status))
        return fault("worker %u was ended by a signal: %s", worker, strsignal(WTERMSIG(status)));
    return fault("worker %u exited with status %d", worker, WEXITSTATUS(status));
}

static int finishes_round(struct sweep *sweep, struct crowd *crowd, unsigned worker, uint64_t before)
{
    double hang = seconds() + sweep->crash.hang_ms / 1e3;
    while (__atomic_load_n(&sweep->control->rounds[worker], __ATOMIC_RELAXED) == before) {
        int result = still_there(crowd, worker);
        if (result != 0)
            return result;
        if (seconds() > hang)
            return child_hangs(sweep, crowd->workers[worker], "a worker");
        rest(JUDGE_PAUSE_US);
    }
    return still_there(crowd, worker);
}

/* Every worker but the dead one must finish a round that ends after his death. */
static int judge(struct sweep *sweep, struct crowd *crowd, unsigned dead)
{
    uint64_t before[WORKERS_MAX];
    int result = 0;
    for (unsigned i = 0; i < crowd->count; i++)
        before[i] = __atomic_load_n(&sweep->control->rounds[i], __ATOMIC_RELAXED);
    for (unsigned i = 0; i < crowd->count && result == 0; i++)
        if (i != dead)
            result = finishes_round(sweep, crowd, i, before[i]);
    return result;
}

static int kill_one(struct sweep *sweep, struct crowd *crowd)
{
    unsigned dead = (unsigned)chance(sweep, crowd->count);
    rest(chance(sweep, 2 * (uint64_t)sweep->crash.pause_us));
    if (still_there(crowd, dead) != 0)
        return KIN_CRASH_FAULT;
    sweep->point.victim = crowd->workers[dead];
    child_kill(crowd->workers[dead]);
    crowd->workers[dead] = 0;
    sweep->point.step = ++sweep->result->points;
    int result = judge(sweep, crowd, dead);
    sweep->result->checked += result == 0;
    return result == 0 ? start_worker(sweep, crowd, dead) : result;
}

int mode_random(struct sweep *sweep)
{
    struct crowd crowd = {.count = sweep->crash.workers};
    uint64_t kills = sweep->crash.limit ? sweep->crash.limit : KILLS_DEFAULT;
    int result = sweep->crash.prepare ? told(sweep->crash.prepare(sweep->crash.context), "prepare") : 0;
    for (unsigned i = 0; i < crowd.count && result == 0; i++)
        result = start_worker(sweep, &crowd, i);
    for (uint64_t i = 0; i < kills && result == 0; i++)
        result = kill_one(sweep, &crowd);
    for (unsigned i = 0; i < crowd.count; i++)
        child_kill(crowd.workers[i]);
    return result == 0 ? child_check(sweep) : result;
}
