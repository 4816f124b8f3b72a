/* A lock between processes, and the contests that every one of them can be driven through. */
#ifndef LOCKER_H
#define LOCKER_H

#include "common/placement.h"

#ifdef __cplusplus
extern "C" {
#endif

struct locker {
    void *(*create)(void);       /* before the processes are forked */
    void (*join)(void *self);    /* in each process; may be NULL */
    void (*acquire)(void *self);
    void (*release)(void *self);
    void (*destroy)(void *self); /* may be NULL */
};

/* ns of an acquire and a release, nobody else there. */
double locker_pair(const struct locker *locker, double nanoseconds);

/* Acquire and release, where two processes may hold it at once: how often a second they manage, apart. */
double locker_shared(const struct locker *locker, double nanoseconds);

/* Acquire, add one to a shared number, release: how often a second two processes manage; and how fairly. */
double locker_contended(const struct locker *locker, enum placement placement, double nanoseconds, double *fairness);

#ifdef __cplusplus
}
#endif
#endif
