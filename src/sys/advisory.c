#include "sys/advisory.h"
#include "sys/file.h"
#include <errno.h>
#include <fcntl.h> /* LOCK_… too: <sys/file.h> is hidden by a header of our own */
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fcntl64
#define SYS_fcntl64 SYS_fcntl
#endif

static struct flock in_kernels_words(const struct advisory_lock *lock, short type)
{
    return (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)lock->offset, .l_len = (off_t)lock->length};
}

static int set_range(int fd, int command, const struct advisory_lock *lock, short type)
{
    struct flock words = in_kernels_words(lock, type);
    while (syscall(SYS_fcntl64, fd, command, &words) < 0)
        if (errno != EINTR)
            return errno == EACCES ? -EAGAIN : -errno;
    return 0;
}

static int set_whole(int fd, int operation)
{
    while (syscall(SYS_flock, fd, operation) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int advisory_set(int fd, const struct advisory_lock *lock, bool wait)
{
    if (lock->flock)
        return set_whole(fd, (lock->shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB));
    return set_range(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, lock, lock->shared ? F_RDLCK : F_WRLCK);
}

int advisory_unset(int fd, const struct advisory_lock *lock)
{
    return lock->flock ? set_whole(fd, LOCK_UN) : set_range(fd, F_OFD_SETLK, lock, F_UNLCK);
}

int advisory_conflict(int fd, const struct advisory_lock *lock, struct advisory_lock *found, pid_t *pid)
{
    struct flock words = in_kernels_words(lock, lock->shared ? F_RDLCK : F_WRLCK);
    if (syscall(SYS_fcntl64, fd, F_OFD_GETLK, &words) < 0)
        return -errno;
    if (words.l_type == F_UNLCK)
        return 0;
    *pid = words.l_pid;
    *found = (struct advisory_lock){
        .shared = words.l_type == F_RDLCK, .offset = (uint64_t)words.l_start, .length = (uint64_t)words.l_len};
    return 1;
}

int advisory_watch_closes(int fd)
{
    char self[32];
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch < 0)
        return -errno;
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (inotify_add_watch(watch, self, IN_CLOSE) >= 0)
        return watch;
    int error = errno;
    file_close(watch);
    return -error;
}

void advisory_drain(int watch)
{
    char events[1024];
    while (file_read(watch, events, sizeof events) > 0)
        continue;
}
