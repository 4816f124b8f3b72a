#include "ours/lives.h"
#include "common/party.h"
#include "common/require.h"
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A herd that was woken keeps a processor busy; one that looks four times a second each does not. */
#define GLANCE 10000000 /* ns */
#define QUIET 5         /* less than a fifth of the time */

struct life {
    void (*use)(void *context);
    void *context;
};

static pid_t *processes;
static unsigned long process_count;

static void live(void *context)
{
    const struct life *life = context;
    life->use(life->context);
    for (;;)
        pause();
}

void lives_start(unsigned long count, void (*use)(void *context), void *context)
{
    struct life life = {use, context};
    processes = calloc(count + 1, sizeof *processes);
    require(processes);
    for (process_count = 0; process_count < count; process_count++)
        processes[process_count] = party_fork(live, &life);
    for (unsigned long i = 0; i < count; i++)
        party_until_asleep(processes[i]);
    lives_settle();
}

uint64_t lives_time(void)
{
    uint64_t sum = 0;
    for (unsigned long i = 0; i < process_count; i++) {
        struct timespec used;
        clockid_t clock;
        require(clock_getcpuclockid(processes[i], &clock) == 0 && clock_gettime(clock, &used) == 0);
        sum += (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
    }
    return sum;
}

void lives_settle(void)
{
    struct timespec glance = {0, GLANCE};
    uint64_t before, used = lives_time();
    do {
        before = used;
        nanosleep(&glance, NULL);
        used = lives_time();
    } while (used - before > GLANCE / QUIET);
}
