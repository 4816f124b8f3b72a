#include "sys/pipe.h"
#include "sys/ready.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static ssize_t result_of(long value)
{
    return value < 0 ? -errno : value;
}

int pipe_make(int ends[2])
{
    return (int)result_of(syscall(SYS_pipe2, ends, O_CLOEXEC));
}

/* SIGPIPE goes to the thread that wrote. Blocked, it stays pending there, and is taken back; one that was pending
 * before is the application's, and ours has merged with it. */
struct guard {
    sigset_t pipe, before;
    bool pending;
};

static void guard_begin(struct guard *guard)
{
    sigset_t pending;
    sigemptyset(&guard->pipe);
    sigaddset(&guard->pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &guard->pipe, &guard->before);
    guard->pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE);
}

/* Also after a part was written: the reader may have gone while the rest waited. */
static void guard_end(struct guard *guard, bool all_written)
{
    const struct timespec now = {0, 0};
    int error = errno;
    if (!all_written && !guard->pending)
        while (sigtimedwait(&guard->pipe, NULL, &now) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
    errno = error;
}

static ssize_t write_guarded(int fd, const void *data, size_t size)
{
    struct guard guard;
    guard_begin(&guard);
    ssize_t result = result_of(syscall(SYS_write, fd, data, size));
    guard_end(&guard, result == (ssize_t)size);
    return result;
}

static bool is_unknown(ssize_t result)
{
    return result == -EOPNOTSUPP || result == -ENOSYS;
}

static size_t at_most(size_t size, size_t most)
{
    return size < most ? size : most;
}

/* A file on disk is always ready, says poll(); that it would wait for the disk is no reason to try again for ever. */
static bool is_on_disk(int fd)
{
    struct stat about;
    return fstat(fd, &about) == 0 && (S_ISREG(about.st_mode) || S_ISBLK(about.st_mode));
}

ssize_t pipe_read_otherwise(int fd, void *buffer, size_t size, ssize_t answer)
{
    if (answer == -EAGAIN ? !is_on_disk(fd) : !is_unknown(answer))
        return answer;
    if (ready_one(fd, POLLIN, KIN_NOW) < 0)
        return -EAGAIN;
    return pipe_read(fd, buffer, size, true);
}

ssize_t pipe_write_otherwise(int fd, const void *data, size_t size, bool wait, ssize_t answer)
{
    if (answer == -EAGAIN ? wait || !is_on_disk(fd) : !is_unknown(answer))
        return answer;
    if (wait)
        return write_guarded(fd, data, size);
    if (ready_one(fd, POLLOUT, KIN_NOW) < 0)
        return -EAGAIN;
    return pipe_write(fd, data, at_most(size, PIPE_BUF), true);
}

/* They have no flag against SIGPIPE. */
ssize_t pipe_splice(int from, int to, size_t size)
{
    struct guard guard;
    guard_begin(&guard);
    ssize_t result = result_of(syscall(SYS_splice, from, NULL, to, NULL, size, SPLICE_F_NONBLOCK | SPLICE_F_MOVE));
    guard_end(&guard, result == (ssize_t)size);
    return result;
}

ssize_t pipe_tee(int from, int to, size_t size)
{
    struct guard guard;
    guard_begin(&guard);
    ssize_t result = result_of(syscall(SYS_tee, from, to, size, SPLICE_F_NONBLOCK));
    guard_end(&guard, result == (ssize_t)size);
    return result;
}

int pipe_capacity(int fd)
{
    return (int)result_of(fcntl(fd, F_GETPIPE_SZ));
}

int pipe_set_capacity(int fd, int bytes)
{
    return (int)result_of(fcntl(fd, F_SETPIPE_SZ, bytes));
}
