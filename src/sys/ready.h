/* Sleeping until descriptors are ready. */
#ifndef SYS_READY_H
#define SYS_READY_H

#include <kin/base.h>
#include <poll.h>

/* How many of them are ready (their revents say for what), at least one; or -ETIMEDOUT. With KIN_NOW it only looks. A
 * signal's handler runs, and the sleep goes on. No cancellation point. */
int ready_until(struct pollfd *watched, size_t count, kin_time until);

/* The same for one descriptor: 0, or -ETIMEDOUT. */
int ready_one(int fd, short events, kin_time until);

#endif
