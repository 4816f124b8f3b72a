/* Bytes from and to descriptors, with a deadline. */
#include "stream/transfer.h"
#include "sys/pipe.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <kin/pipe.h>

#ifndef PIPE_BUF
#define PIPE_BUF 4096
#endif

static int bad_descriptor(int fd, bool writing)
{
    if (fcntl(fd, F_GETFD) < 0)
        return reason(-EBADF, "descriptor %d is not open", fd);
    return reason(-EBADF, "descriptor %d is not open for %s; are the ends of a pipe exchanged?", fd,
                  writing ? "writing" : "reading");
}

int transfer_failed(int fd, bool writing, int error)
{
    switch (error) {
    case -ETIMEDOUT:
        return reason(error,
                      writing ? "descriptor %d had no room in time: its reader does not read"
                              : "descriptor %d brought nothing in time, and its writers have not closed it",
                      fd);
    case -EPIPE:
        return reason(error, "nobody reads what is written to descriptor %d: all readers have closed it or ended", fd);
    case -EBADF:
        return bad_descriptor(fd, writing);
    }
    errno = -error;
    return reason_errno("cannot %s descriptor %d", writing ? "write to" : "read from", fd);
}

/* One read or write that succeeds, by the deadline. */
static inline __attribute__((always_inline)) ssize_t read_once(int fd, void *buffer, size_t size, kin_time until)
{
    for (;;) {
        ssize_t result = pipe_read(fd, buffer, size, until == KIN_FOREVER);
        if (result == -EAGAIN)
            result = ready_one(fd, POLLIN, until);
        else if (result != -EINTR)
            return result;
        if (result < 0 && result != -EINTR)
            return result;
    }
}

static inline __attribute__((always_inline)) ssize_t write_once(int fd, const void *data, size_t size, kin_time until)
{
    for (;;) {
        ssize_t result = pipe_write(fd, data, size, until == KIN_FOREVER);
        if (result == -EAGAIN)
            result = ready_one(fd, POLLOUT, until);
        else if (result != -EINTR)
            return result;
        if (result < 0 && result != -EINTR)
            return result;
    }
}

ssize_t kin_pipe_read(int reader, void *buffer, size_t size, kin_time until)
{
    ssize_t result = read_once(reader, buffer, size, until);
    return result < 0 ? transfer_failed(reader, false, (int)result) : result;
}

ssize_t kin_pipe_read_all(int reader, void *buffer, size_t size, kin_time until)
{
    size_t done = 0;
    while (done < size) {
        ssize_t result = read_once(reader, (char *)buffer + done, size - done, until);
        if (result < 0)
            transfer_failed(reader, false, (int)result);
        if (result < 0 && done == 0)
            return result;
        if (result <= 0)
            break;
        done += (size_t)result;
    }
    return (ssize_t)done;
}

ssize_t kin_pipe_write(int writer, const void *data, size_t size, kin_time until)
{
    size_t done = 0;
    do {
        ssize_t result = write_once(writer, (const char *)data + done, size - done, until);
        if (result < 0) {
            transfer_failed(writer, true, (int)result);
            return done ? (ssize_t)done : result;
        }
        done += (size_t)result;
    } while (done < size);
    return (ssize_t)done;
}

int kin_pipe_write_record(int writer, const void *data, size_t size, kin_time until)
{
    if (size > PIPE_BUF)
        return reason(-EMSGSIZE,
                      "a record of %zu bytes is too long: beyond %d a pipe mixes what several processes write; "
                      "divide it, or use a kin_queue or a socket of messages",
                      size, PIPE_BUF);
    ssize_t result = write_once(writer, data, size, until);
    if (result < 0)
        return transfer_failed(writer, true, (int)result);
    if ((size_t)result < size)
        return reason(-EIO, "descriptor %d took %zd bytes of a record of %zu: it is no pipe", writer, result, size);
    return 0;
}

static int not_spliced(int from, int to, ssize_t result)
{
    if (result == -EINVAL)
        return reason((int)result, "descriptors %d and %d: one of them must be a pipe (for tee both, and not the same)",
                      from, to);
    if (result == -ETIMEDOUT)
        return reason((int)result, "nothing could be moved from descriptor %d to %d in time", from, to);
    if (result == -EBADF && fcntl(from, F_GETFD) >= 0 && (fcntl(from, F_GETFL) & O_ACCMODE) != O_WRONLY)
        return bad_descriptor(to, true);
    if (result == -EBADF)
        return bad_descriptor(from, false);
    return transfer_failed(to, true, (int)result);
}

/* Either of both may be what it would have waited for. */
static ssize_t move(ssize_t (*step)(int from, int to, size_t size), int from, int to, size_t size, kin_time until)
{
    for (;;) {
        ssize_t result = step(from, to, size);
        if (result == -EAGAIN)
            result = ready_one(from, POLLIN, until);
        else if (result != -EINTR)
            return result < 0 ? not_spliced(from, to, result) : result;
        if (result == 0)
            result = ready_one(to, POLLOUT, until);
        if (result < 0 && result != -EINTR)
            return not_spliced(from, to, result);
    }
}

ssize_t kin_pipe_splice(int from, int to, size_t size, kin_time until)
{
    return move(pipe_splice, from, to, size, until);
}

ssize_t kin_pipe_tee(int from, int to, size_t size, kin_time until)
{
    return move(pipe_tee, from, to, size, until);
}
