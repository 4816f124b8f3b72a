/* Advisory locks of open file descriptions: fcntl()'s by ranges (OFD), and flock(). No cancellation points. Results
 * are 0 or a negative errno. */
#ifndef SYS_ADVISORY_H
#define SYS_ADVISORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct advisory_lock {
    bool shared, flock;
    uint64_t offset, length; /* up to 2^63 together; length 0: to the end */
};

/* -EAGAIN: another lock is in the way, and `wait` was false. Signals do not end the wait. */
int advisory_set(int fd, const struct advisory_lock *lock, bool wait);
int advisory_unset(int fd, const struct advisory_lock *lock);

/* Whether an OFD or POSIX lock of another is in the way: then 1, *found is that lock, and *pid its process, or -1. */
int advisory_conflict(int fd, const struct advisory_lock *lock, struct advisory_lock *found, pid_t *pid);

/* A descriptor that becomes readable when anybody closes a descriptor of that file. */
int advisory_watch_closes(int fd);
/* Takes what it has to tell. */
void advisory_drain(int watch);

#endif
