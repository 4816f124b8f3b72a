/* FIFOs: made, and opened by a deadline. */
#include <kin/fifo.h>
#include "sys/clock.h"
#include "sys/fifo.h"
#include "sys/file.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The other side's open() shows by inotify, and the backstop is for what that does not show: a FIFO that took the
 * place of this one. Where inotify is not to be had it is looked for again and again, after naps that double. */
#define BACKSTOP (250 * MILLISECOND)
#define FIRST_NAP (MILLISECOND / 4)
#define LONGEST_NAP (32 * MILLISECOND)

static int not_made(const char *path, int error)
{
    struct stat about;
    if (error == -EEXIST && lstat(path, &about) == 0)
        return reason(error, "%s is there already, and is %s FIFO; remove it, or take another name", path,
                      S_ISFIFO(about.st_mode) ? "a" : "no");
    errno = -error;
    return reason_errno("cannot make a FIFO %s", path);
}

int kin_fifo_make(const char *path, unsigned mode)
{
    char beside[PATH_MAX];
    struct stat about;
    if (mode & ~07777u)
        return reason(-EINVAL, "0%o is no mode of a FIFO; give permissions, as 0600", mode);
    if (lstat(path, &about) == 0)
        return not_made(path, -EEXIST);
    int length, result = -EEXIST;
    for (unsigned number = 0; result == -EEXIST; number++) {
        length = snprintf(beside, sizeof beside, "%s.kin-%d-%llx", path, (int)getpid(),
                          (unsigned long long)clock_monotonic() + number);
        if (length >= (int)sizeof beside)
            return not_made(path, -ENAMETOOLONG);
        result = fifo_make(beside, mode);
    }
    if (result == 0)
        result = fifo_rename(beside, path);
    return result < 0 ? not_made(path, result) : 0;
}

static const char *kind_of(mode_t mode)
{
    return S_ISREG(mode)                    ? "a file"
           : S_ISDIR(mode)                  ? "a directory"
           : S_ISSOCK(mode)                 ? "a socket"
           : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
                                            : "something else";
}

static int is_fifo(const char *path, const struct stat *about)
{
    if (S_ISFIFO(about->st_mode))
        return 0;
    return reason(-EINVAL, "%s is no FIFO, but %s; a FIFO is made by kin_fifo_make() or: kin mk fifo %s", path,
                  kind_of(about->st_mode), path);
}

static int no_fifo(const char *path)
{
    if (errno == ENOENT)
        return reason(-ENOENT, "there is no FIFO %s; make it by kin_fifo_make() or: kin mk fifo %s", path, path);
    return reason_errno("cannot open the FIFO %s", path);
}

/* What the path leads to is looked at before: to open a device may move its tape. And after: it may be another one. */
static int open_now(const char *path, int flags)
{
    struct stat about;
    if (stat(path, &about) < 0)
        return no_fifo(path);
    int result = is_fifo(path, &about);
    if (result < 0)
        return result;
    int fd = file_open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (fd < 0)
        return errno == ENXIO ? -ENXIO : no_fifo(path);
    result = fstat(fd, &about) < 0 ? no_fifo(path) : is_fifo(path, &about);
    if (result == 0)
        return fd;
    file_close(fd);
    return result;
}

/* A descriptor with somebody on the other side; -ENXIO: nobody yet. A reader stays open meanwhile, in *reader: that
 * lets a writer who waits in open() go on. */
static int try(const char *path, enum kin_fifo_side side, int *reader)
{
    if (side == KIN_FIFO_SERVE)
        return open_now(path, O_RDWR);
    if (side == KIN_FIFO_WRITE)
        return open_now(path, O_WRONLY);
    if (*reader < 0)
        *reader = open_now(path, O_RDONLY);
    if (*reader < 0)
        return *reader;
    int result = fifo_has_writer(*reader);
    errno = -result;
    if (result <= 0)
        return result < 0 ? reason_errno("cannot look for writers of the FIFO %s", path) : -ENXIO;
    int fd = *reader;
    *reader = -1;
    return fd;
}

static int wait_for_other_side(const char *path, enum kin_fifo_side side, kin_time until, int watch, int *reader)
{
    int64_t nap = watch < 0 ? FIRST_NAP : BACKSTOP;
    for (;;) {
        int result = try(path, side, reader); /* once more after the watch began */
        if (result != -ENXIO)
            return result;
        int64_t left = clock_left(until);
        if (left <= 0)
            return reason(-ETIMEDOUT, "nobody opened the FIFO %s to %s in time", path,
                          side == KIN_FIFO_WRITE ? "read" : "write");
        ready_one(watch, POLLIN, kin_after(left < nap ? left : nap));
        fifo_watch_clear(watch);
        nap = nap < LONGEST_NAP ? 2 * nap : nap;
    }
}

int kin_fifo_open(const char *path, enum kin_fifo_side side, kin_time until, int *out)
{
    if (side < KIN_FIFO_READ || side > KIN_FIFO_SERVE)
        return reason(-EINVAL, "%d is no side of a FIFO; see enum kin_fifo_side", (int)side);
    int reader = -1, result = try(path, side, &reader);
    if (result == -ENXIO) {
        int watch = fifo_watch(path);
        result = wait_for_other_side(path, side, until, watch, &reader);
        file_close(watch);
    }
    file_close(reader);
    if (result < 0)
        return result;
    *out = result;
    return 0;
}
