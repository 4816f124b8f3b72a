/* How soon after a SIGKILL somebody else has what the dead one held. */
#ifndef DEATH_H
#define DEATH_H

#include <stdint.h>

#define DEATHS_MIN 5 /* in one measurement */

/* One death, in memory that all three share: the holder, the heir and their killer. */
struct death {
    uint32_t held;
    uint64_t inherited; /* clock_now() */
};

struct death_contest {
    /* In a process on the second cpu: takes the thing, then calls death_await(). */
    void (*hold)(void *context, struct death *death);
    /* In a process on the first cpu: waits for the thing, calls death_inherited(), leaves all as it was before. */
    void (*inherit)(void *context, struct death *death);
    void *context;
    void (*settle)(void); /* returns when the death before is over for everybody; may be NULL */
};

void death_await(struct death *death) __attribute__((noreturn));
void death_inherited(struct death *death);

/* Kills holders for so long, each when the heir is asleep; the median of the nanoseconds from just before kill(). */
double death_measure(const struct death_contest *contest, double nanoseconds);

#endif
