/* kin/base.h - what every other header of kin uses: results, time, versions.
 *
 * Results. A call returns 0, or a negative errno: -ETIMEDOUT, -ENOENT. A positive result is success with news:
 * KIN_RECOVERED says that you hold the thing and that its last owner died. kin_reason() is the sentence behind the last
 * failure of this thread; it names the thing and the remedy.
 *
 * Time. Whatever may wait takes one absolute `kin_time until`, in nanoseconds of CLOCK_MONOTONIC. KIN_NOW never waits,
 * KIN_FOREVER always does; what comes too late is -ETIMEDOUT for both kinds of deadline. kin_after() makes a deadline
 * from a duration. Who must follow the wall clock, steps and all, makes one by kin_at().
 *
 * Options. A struct whose first member is its own size, made by the macro of the same name in capitals; members that
 * are not named are zero, and zero is the default. A NULL pointer is all defaults.
 *
 * No call on shared objects is a cancellation point of pthread_cancel.
 *
 * Unless a function says otherwise: any thread may call it; a signal handler may not; after fork() the child may go on
 * using handles that were opened before, but nothing that the parent holds (a lock, a loan, a lease) is the child's.
 * Death: a caller killed at any instruction inside any function leaves everything as if the call had either not begun
 * or been done. Where that is not the whole story, the function has a "Death:" line. */
#ifndef KIN_BASE_H
#define KIN_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define KIN_VERSION "0.1.0"

/* Success with news: the object is yours, and its last owner died while it held it. */
#define KIN_RECOVERED 1
/* Success with news: it is yours again, and others may have had it in between (kin/filelock.h). */
#define KIN_REGAINED 2

/* Nanoseconds. Positive: CLOCK_MONOTONIC. Negative: minus the CLOCK_REALTIME, as kin_at() makes it. */
typedef int64_t kin_time;
#define KIN_NOW ((kin_time)0)
#define KIN_FOREVER ((kin_time)INT64_MAX)

/* The deadline that many nanoseconds from now; KIN_FOREVER when it would lie beyond the end of time.
 * Signals: async-signal-safe. */
kin_time kin_after(int64_t nanoseconds);

/* The deadline at a moment of CLOCK_REALTIME, as the POSIX calls take it. Follows the clock when somebody sets it.
 * Signals: async-signal-safe. */
kin_time kin_at(const struct timespec *realtime);

/* The general sentence for a result of kin; positive ones too. Never NULL. */
const char *kin_strerror(int result);

/* The sentence behind this thread's last failed call: the thing by name, what is wrong, the remedy. Empty before the
 * first failure. Valid until this thread's next failing call. */
const char *kin_reason(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
