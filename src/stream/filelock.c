#include "stream/filelock.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define FIRST_NAP (MILLISECOND / 4)
#define LONGEST_NAP (16 * MILLISECOND)

static struct kin_filelock_options complete(const struct kin_filelock_options *options)
{
    struct kin_filelock_options all = {.size = sizeof all};
    if (options)
        memcpy(&all, options, options->size < sizeof all ? options->size : sizeof all);
    return all;
}

int filelock_read(const struct kin_filelock_options *options, struct advisory_lock *out)
{
    struct kin_filelock_options all = complete(options);
    if (all.flags & ~(unsigned)(KIN_FILELOCK_SHARED | KIN_FILELOCK_FLOCK | KIN_FILELOCK_INHERIT))
        return reason(-EINVAL, "unknown flags 0x%x; see enum kin_filelock_flag", all.flags);
    if (all.flags & KIN_FILELOCK_FLOCK && (all.offset || all.length))
        return reason(-EINVAL, "KIN_FILELOCK_FLOCK locks whole files: leave offset and length 0");
    if (all.offset > INT64_MAX || all.length > INT64_MAX - all.offset)
        return reason(-EINVAL, "%" PRIu64 " bytes from byte %" PRIu64 " on end beyond 2^63; a length of 0 means to the "
                      "end", all.length, all.offset);
    *out = (struct advisory_lock){
        .shared = all.flags & KIN_FILELOCK_SHARED,
        .flock = all.flags & KIN_FILELOCK_FLOCK,
        .offset = all.offset,
        .length = all.length,
    };
    return 0;
}

/* With O_CREAT the kernel refuses a directory, and (fs.protected_regular) a file of somebody else in /tmp. */
static int open_or_make(const char *path, int flags, unsigned mode)
{
    int fd = file_open(path, flags | O_CREAT, mode);
    return fd < 0 && (errno == EISDIR || errno == EACCES) ? file_open(path, flags, 0) : fd;
}

int kin_filelock_open(const char *path, const struct kin_filelock_options *options, int *out)
{
    struct advisory_lock lock;
    struct kin_filelock_options all = complete(options);
    int result = filelock_read(options, &lock);
    if (result < 0)
        return result;
    int flags = O_NOCTTY | (all.flags & KIN_FILELOCK_INHERIT ? 0 : O_CLOEXEC);
    unsigned mode = all.mode ? all.mode : 0666;
    int fd = lock.flock ? open_or_make(path, flags | O_RDONLY, mode) : open_or_make(path, flags | O_RDWR, mode);
    if (fd < 0 && lock.shared && !lock.flock && (errno == EISDIR || errno == EACCES || errno == EROFS))
        fd = open_or_make(path, flags | O_RDONLY, mode);
    if (fd < 0 && errno == EISDIR)
        return reason(-EISDIR, "%s is a directory: lock it shared, or with KIN_FILELOCK_FLOCK", path);
    if (fd < 0)
        return reason_errno("cannot open %s to lock it", path);
    *out = fd;
    return 0;
}

static int explain(int fd, const struct advisory_lock *lock, int result)
{
    switch (result) {
    case -EAGAIN:
    case -ETIMEDOUT:
        return reason(-ETIMEDOUT, "somebody else has locked the file of descriptor %d; kin_filelock_each_holder tells "
                      "who", fd);
    case -EBADF:
        if (fcntl(fd, F_GETFD) < 0)
            return reason(result, "there is no open descriptor %d", fd);
        return reason(result, "descriptor %d is not open for %s, as that lock needs it", fd,
                      lock->shared ? "reading" : "writing");
    case -ENOLCK:
        return reason(result, "the kernel has no more room for locks on the file of descriptor %d", fd);
    case -EINVAL:
    case -EOPNOTSUPP:
        return reason(result, "the file of descriptor %d cannot be locked: its file system, or this kernel, has no "
                      "such locks", fd);
    default:
        return result < 0 ? reason(result, "cannot lock the file of descriptor %d: %s", fd, kin_strerror(result)) : 0;
    }
}

/* Tries, until somebody has let go. A close rings right before the lock goes, so a ring is followed by short naps. */
static int wait_until(int fd, const struct advisory_lock *lock, kin_time until)
{
    struct pollfd closes = {.fd = advisory_watch_closes(fd), .events = POLLIN};
    int64_t nap = FIRST_NAP, left;
    int result;
    while ((result = advisory_set(fd, lock, false)) == -EAGAIN && (left = clock_left(until)) > 0) {
        struct timespec span = {0, left < nap ? left : nap};
        nap = nap < LONGEST_NAP ? 2 * nap : nap;
        if (ppoll(&closes, 1, &span, NULL) > 0) {
            advisory_drain(closes.fd);
            nap = FIRST_NAP;
        }
    }
    file_close(closes.fd);
    return result;
}

/* 1: it was not to be had at once. */
static int acquire(int fd, const struct advisory_lock *lock, kin_time until)
{
    int result = advisory_set(fd, lock, false);
    if (result != -EAGAIN || until == KIN_NOW)
        return explain(fd, lock, result);
    result = until == KIN_FOREVER ? advisory_set(fd, lock, true) : wait_until(fd, lock, until);
    return result < 0 ? explain(fd, lock, result) : 1;
}

int kin_filelock_acquire(int fd, const struct kin_filelock_options *options, kin_time until)
{
    struct advisory_lock lock;
    int result = filelock_read(options, &lock);
    if (result == 0)
        result = acquire(fd, &lock, until);
    return result < 0 ? result : 0;
}

int kin_filelock_convert(int fd, const struct kin_filelock_options *options, kin_time until)
{
    struct advisory_lock lock;
    int result = filelock_read(options, &lock);
    if (result == 0)
        result = acquire(fd, &lock, until);
    return result > 0 ? (lock.flock ? KIN_REGAINED : 0) : result;
}

int kin_filelock_release(int fd, const struct kin_filelock_options *options)
{
    struct advisory_lock lock;
    int result = filelock_read(options, &lock);
    return result < 0 ? result : explain(fd, &lock, advisory_unset(fd, &lock));
}
