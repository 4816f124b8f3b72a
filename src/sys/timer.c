#include "sys/timer.h"
#include "sys/clock.h"
#include "sys/file.h"
#include <errno.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Where the plain calls take 32-bit seconds there are others. */
#ifdef SYS_timerfd_settime64
#define SETTIME SYS_timerfd_settime64
#define GETTIME SYS_timerfd_gettime64
#else
#define SETTIME SYS_timerfd_settime
#define GETTIME SYS_timerfd_gettime
#endif

struct moment {
    int64_t seconds, nanoseconds;
};
struct setting {
    struct moment period, first;
};

static struct moment moment_of(int64_t nanoseconds)
{
    return (struct moment){nanoseconds / SECOND, nanoseconds % SECOND};
}

int timer_make(bool wall)
{
    int fd = timerfd_create(wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int timer_arm(int fd, bool wall, int64_t moment, int64_t period)
{
    struct setting setting = {.period = moment_of(period), .first = moment_of(moment)};
    int flags = TFD_TIMER_ABSTIME | (wall ? TFD_TIMER_CANCEL_ON_SET : 0);
    return syscall(SETTIME, fd, flags, &setting, NULL) < 0 ? -errno : 0;
}

int64_t timer_left(int fd)
{
    struct setting setting;
    if (syscall(GETTIME, fd, &setting) < 0)
        return 0;
    return setting.first.seconds * SECOND + setting.first.nanoseconds;
}

int timer_read(int fd, uint64_t *count)
{
    return file_read(fd, count, sizeof *count) < 0 ? -errno : 0;
}
