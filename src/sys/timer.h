/* A timer as a descriptor (timerfd). Results are 0 (or what the call gives) or a negative errno. */
#ifndef SYS_TIMER_H
#define SYS_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* A close-on-exec, non-blocking descriptor that goes by the wall clock, or by the monotonic one. */
int timer_make(bool wall);

/* It expires at `moment` of its clock, in nanoseconds; 0: never. Then in a period; 0: once. -ECANCELED: the wall clock
 * was set since a read last told so; the timer runs all the same. */
int timer_arm(int fd, bool wall, int64_t moment, int64_t period);

/* Nanoseconds until it expires; 0: it is off. */
int64_t timer_left(int fd);

/* How often it has expired since the last read. -EAGAIN: not once; -ECANCELED: the wall clock was set. */
int timer_read(int fd, uint64_t *count);

#endif
