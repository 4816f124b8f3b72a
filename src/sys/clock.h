/* Clocks and deadlines. */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include <kin/base.h>
#include <stdbool.h>

#define SECOND INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)

int64_t clock_monotonic(void);
int64_t clock_realtime(void);

/* How many nanoseconds are left until then; 0 or less: it is past. KIN_FOREVER never comes nearer. */
int64_t clock_left(kin_time until);

/* Sleeps so long, or a little longer. */
void clock_pause(int64_t nanoseconds);

#endif
