#include "common/death.h"
#include "common/atomic.h"
#include "common/clock.h"
#include "common/measure.h"
#include "common/party.h"
#include "common/require.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEATHS_MAX 1000

struct part {
    const struct death_contest *contest;
    struct death *death;
};

static void be_holder(void *context)
{
    const struct part *part = context;
    placement_take(placement_possible(PLACEMENT_APART) ? PLACEMENT_APART : PLACEMENT_SAME, 1, true);
    part->contest->hold(part->contest->context, part->death);
}

static void be_heir(void *context)
{
    const struct part *part = context;
    placement_take(PLACEMENT_SAME, 0, true);
    part->contest->inherit(part->contest->context, part->death);
}

void death_await(struct death *death)
{
    STORE_RELEASE(death->held, 1);
    for (;;)
        pause();
}

void death_inherited(struct death *death)
{
    death->inherited = clock_now();
}

static double one_death(struct part *part)
{
    int status;
    STORE(part->death->held, 0);
    pid_t holder = party_fork(be_holder, part);
    while (!LOAD_ACQUIRE(part->death->held)) {
        require(waitpid(holder, &status, WNOHANG) == 0);
        sched_yield();
    }
    pid_t heir = party_fork(be_heir, part);
    party_until_asleep(holder);
    party_until_asleep(heir);
    if (part->contest->settle)
        part->contest->settle();
    uint64_t begun = clock_now();
    require(kill(holder, SIGKILL) == 0);
    party_join(heir);
    require(waitpid(holder, &status, 0) == holder);
    return (double)(part->death->inherited - begun);
}

double death_measure(const struct death_contest *contest, double nanoseconds)
{
    double taken[DEATHS_MAX];
    unsigned count = 0;
    struct part part = {contest, party_memory(sizeof *part.death)};
    placement_take(PLACEMENT_SAME, 0, true);
    uint64_t end = clock_now() + (uint64_t)nanoseconds;
    while (count < DEATHS_MAX && (count < DEATHS_MIN || clock_now() < end))
        taken[count++] = one_death(&part);
    return measure_median(taken, count);
}
