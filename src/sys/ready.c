#include "sys/ready.h"
#include "sys/clock.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#define LONGEST_SLEEP INT64_C(1000000) /* seconds; a 32-bit time_t has room for it */
/* Whoever waits by the wall clock looks at it so often, as somebody may set it. */
#define LONGEST_BY_WALL (32 * MILLISECOND)

static struct timespec span_of(int64_t left, bool by_wall)
{
    if (by_wall && left > LONGEST_BY_WALL)
        left = LONGEST_BY_WALL;
    if (left >= LONGEST_SLEEP * SECOND)
        return (struct timespec){LONGEST_SLEEP, 0};
    return left > 0 ? (struct timespec){left / SECOND, left % SECOND} : (struct timespec){0, 0};
}

int ready_until(struct pollfd *watched, size_t count, kin_time until)
{
    int cancel, found;
    int64_t left;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    do {
        left = clock_left(until);
        struct timespec span = span_of(left, until < 0);
        found = ppoll(watched, (nfds_t)count, &span, NULL);
        if (found < 0 && errno != EINTR)
            break;
    } while (found <= 0 && left > 0);
    int result = found > 0 ? found : found == 0 || errno == EINTR ? -ETIMEDOUT : -errno;
    pthread_setcancelstate(cancel, NULL);
    return result;
}

int ready_one(int fd, short events, kin_time until)
{
    struct pollfd watched = {.fd = fd, .events = events};
    int result = ready_until(&watched, 1, until);
    return result < 0 ? result : 0;
}
