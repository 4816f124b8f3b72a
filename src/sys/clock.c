#include "sys/clock.h"
#include <time.h>

static int64_t clock_read(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

int64_t clock_monotonic(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_realtime(void)
{
    return clock_read(CLOCK_REALTIME);
}

int64_t clock_left(kin_time until)
{
    if (until == KIN_FOREVER || until == KIN_NOW)
        return until;
    return until > 0 ? until - clock_monotonic() : -until - clock_realtime();
}

void clock_pause(int64_t nanoseconds)
{
    struct timespec left = {(time_t)(nanoseconds / SECOND), (long)(nanoseconds % SECOND)};
    while (nanosleep(&left, &left) < 0) {
    }
}

kin_time kin_after(int64_t nanoseconds)
{
    int64_t now = clock_monotonic();
    if (nanoseconds <= 0)
        return KIN_NOW;
    return nanoseconds > KIN_FOREVER - now ? KIN_FOREVER : now + nanoseconds;
}

kin_time kin_at(const struct timespec *realtime)
{
    if (realtime->tv_sec >= INT64_MAX / SECOND)
        return KIN_FOREVER;
    int64_t moment = realtime->tv_sec * SECOND + realtime->tv_nsec;
    return moment > 0 ? -moment : -1;
}
