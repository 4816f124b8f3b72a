/* A party: processes of one contest that start at the same moment, in memory that they share. */
#ifndef PARTY_H
#define PARTY_H

#include "common/placement.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARTY_MAX 8

/* Zeroed memory, shared with the processes forked from now on. */
void *party_memory(size_t bytes);

struct party_member {
    uint64_t begun, ended; /* clock_now() */
    uint64_t count;
};

struct party {
    unsigned count;
    uint32_t arrived, left, stop;
    struct party_member members[PARTY_MAX];
};

/* What each process does: prepare, party_start(), the measured part, party_end(). */
typedef void (*party_role)(void *context, struct party *party, unsigned number);

/* Runs the role in `count` new processes and waits for all of them. `until_stop`, unless 0, is after how many
 * nanoseconds party->stop is set. Returns the party for its members' times; the next party overwrites it. */
const struct party *party_run(unsigned count, enum placement placement, party_role role, void *context,
                              uint64_t until_stop);

/* Waits until all have arrived, and notes the time. */
void party_start(struct party *party, unsigned number);
/* Notes the time, and waits until all have come so far. */
void party_end(struct party *party, unsigned number);

/* The members' counts a second, all together; and the smallest count divided by the largest. */
double party_rate(const struct party *party, double *fairness);

/* Forks one process that runs the function and ends; it is killed when this one ends. */
pid_t party_fork(void (*run)(void *context), void *context);
/* Waits for its end, which must be a good one. */
void party_join(pid_t process);
/* Returns when it sleeps in the kernel. */
void party_until_asleep(pid_t process);

#ifdef __cplusplus
}
#endif
#endif
