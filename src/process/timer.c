#include "sys/clock.h"
#include "sys/file.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include "sys/timer.h"
#include <errno.h>
#include <kin/timer.h>
#include <stdlib.h>
#include <unistd.h>

struct kin_timer {
    int fd;
    bool wall;
    pid_t owner;
};

/* The kernel takes 0 for "off": KIN_NOW is the first moment of the clock. */
static int64_t moment_of(kin_time first)
{
    if (first == KIN_FOREVER)
        return 0;
    return first == KIN_NOW ? 1 : first < 0 ? -first : first;
}

/* The kernel lets the timer run on, by rules of its own for what has expired meanwhile. Off is one rule. */
static int clock_was_set(kin_timer *timer)
{
    timer_arm(timer->fd, false, 0, 0);
    return reason(-ECANCELED, "the wall clock was set; the timer is off: look at the clock, and set the timer again");
}

static int arm(kin_timer *timer, kin_time first, int64_t period)
{
    if (period < 0)
        return reason(-EINVAL, "a timer's period is %lld ns; give 0 for once, or more", (long long)period);
    if (first != KIN_FOREVER && first != KIN_NOW && (first < 0) != timer->wall)
        return reason(-EINVAL, "this timer goes by the %s; open another one for a moment of the %s",
                      timer->wall ? "wall clock" : "monotonic clock", timer->wall ? "monotonic clock" : "wall clock");
    int result = timer_arm(timer->fd, timer->wall, moment_of(first), period);
    if (result == -ECANCELED)
        return clock_was_set(timer);
    errno = -result;
    return result < 0 ? reason(result, "cannot set the timer: %m") : 0;
}

static int check_owner(const kin_timer *timer, const char *what)
{
    if (timer->owner == getpid())
        return 0;
    return reason(-ECHILD, "the timer is that of process %d, which this one was forked from; open one here to %s it",
                  (int)timer->owner, what);
}

int kin_timer_open(kin_time first, int64_t period, kin_timer **out)
{
    kin_timer *timer = malloc(sizeof *timer);
    if (!timer)
        return reason(-ENOMEM, "no memory for a timer");
    *timer = (kin_timer){.fd = timer_make(first < 0), .wall = first < 0, .owner = getpid()};
    errno = -timer->fd;
    int result = timer->fd < 0 ? reason(timer->fd, "cannot make a timer: %m; close descriptors or raise RLIMIT_NOFILE")
                               : arm(timer, first, period);
    if (result == 0)
        *out = timer;
    else
        kin_timer_close(timer);
    return result;
}

int kin_timer_set(kin_timer *timer, kin_time first, int64_t period)
{
    int result = check_owner(timer, "set");
    return result < 0 ? result : arm(timer, first, period);
}

/* Another thread may take the expirations between the poll and the read. */
int kin_timer_wait(kin_timer *timer, kin_time until, uint64_t *count)
{
    uint64_t expirations = 0;
    int result = check_owner(timer, "wait for");
    if (result < 0)
        return result;
    while ((result = timer_read(timer->fd, &expirations)) == -EAGAIN)
        if ((result = ready_one(timer->fd, POLLIN, until)) < 0)
            return reason(result, "the timer has not expired in time");
    if (result == -ECANCELED)
        return clock_was_set(timer);
    errno = -result;
    if (result < 0)
        return reason(result, "cannot read the timer: %m; nobody else may close its descriptor");
    if (count)
        *count = expirations;
    return 0;
}

int64_t kin_timer_left(const kin_timer *timer)
{
    int64_t left = timer_left(timer->fd);
    return left ? left : INT64_MAX;
}

int kin_timer_fd(const kin_timer *timer)
{
    return timer->fd;
}

/* In a fork the number may be another file's: kin_process_fork() closes what is not listed. */
void kin_timer_close(kin_timer *timer)
{
    if (timer && timer->owner == getpid())
        file_close(timer->fd);
    free(timer);
}
