/* A program of contestants: what it measures is asked for by name, one contest a run.
 *
 *     bench-kernel sysv-msg latency-x 150        prints    sysv-msg latency-x 27431
 *
 * Values are nanoseconds, or a rate a second. A contest with a second figure prints a second line. What cannot be
 * measured here prints "sysv-msg latency-x skipped: the reason". Contests of every
 *     transport   pair, latency-x, stream-x, many-x, hammer-x with hammer-x-fairness; the same with -s
 *     locker      lock, contended-x with contended-x-fairness; the same with -s
 *     spawner     spawn-MEBIBYTES-x, spawn-MEBIBYTES-s */
#ifndef CONTESTANT_H
#define CONTESTANT_H

#include "common/locker.h"
#include "common/transport.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A contest of one contestant only. Its name may end in a number, which is given to it. */
struct contest_special {
    const char *name;
    double (*run)(unsigned long number, double nanoseconds);
};

struct contestant {
    const char *name;
    const struct transport *transport;
    const struct locker *locker;
    void (*spawn)(void);                    /* starts RESIDENT_COMMAND and waits for its end */
    const struct contest_special *specials; /* ended by one without a name */
    const char *(*absent)(void);            /* why it cannot be measured on this machine; NULL: it can */
};

/* The main function of the program. */
int contestant_main(int argc, char **argv, const struct contestant *contestants, size_t count);

#ifdef __cplusplus
}
#endif
#endif
