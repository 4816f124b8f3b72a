/* kin/timer.h - timers as readable events: what alarm(), setitimer() and SIGALRM were for.
 *
 * A timer is a descriptor that becomes readable at its moment, once or in a period. There is no signal, so any number
 * of timers get along, and nobody's system call is interrupted.
 *
 *     kin_timer *timer;
 *     uint64_t count;
 *     if (kin_timer_open(kin_after(1000000000), 1000000000, &timer) < 0)
 *         errx(1, "%s", kin_reason());
 *     while (kin_timer_wait(timer, KIN_FOREVER, &count) == 0)
 *         tick(count);
 *     kin_timer_close(timer);
 *
 * A moment is a kin_time, and says by which clock it goes: kin_after() by the monotonic one, kin_at() by the wall
 * clock. When somebody sets the wall clock, a wall-clock timer says so: -ECANCELED, once; it is off then. Look at the
 * clock, and set it again. A period by the wall clock counts seconds like any other: for "each day at six" set each
 * moment by itself.
 *
 * Fork: the timer stays its process's; in a child of fork() wait and set are -ECHILD, as both would take from one
 * count. */
#ifndef KIN_TIMER_H
#define KIN_TIMER_H

#include <kin/base.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_timer kin_timer;

/* A timer that expires at `first`, and then every `period` nanoseconds; 0: only once. KIN_NOW: at once; KIN_FOREVER: it
 * is off. The clock is that of `first` from now on, the monotonic one for the last two. -EINVAL: a negative period;
 * -EMFILE, -ENFILE, -ENOMEM; and as kin_timer_set. */
int kin_timer_open(kin_time first, int64_t period, kin_timer **out);

/* Sets it anew; expirations that nobody has waited for are forgotten. -EINVAL: a negative period, or a moment of the
 * other clock; -ECANCELED: the wall clock was set since this was last told, the timer is off; -ECHILD. */
int kin_timer_set(kin_timer *timer, kin_time first, int64_t period);

/* Waits for it to expire. *count, if not NULL, is how often it has since the last wait or set: 1, and one more for
 * each that was missed. -ETIMEDOUT: not in time, or it is off; -ECANCELED: the wall clock was set, the timer is off;
 * -ECHILD: this is a fork of the process that opened it. */
int kin_timer_wait(kin_timer *timer, kin_time until, uint64_t *count);

/* Nanoseconds until it expires next; INT64_MAX: it is off, or was for once and has expired. */
int64_t kin_timer_left(const kin_timer *timer);

/* Readable when kin_timer_wait() has something to tell. Stays the handle's. */
int kin_timer_fd(const kin_timer *timer);

void kin_timer_close(kin_timer *timer);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
