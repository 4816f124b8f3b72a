/* Pipes: made, measured, closed, and as streams of stdio. */
#include <kin/pipe.h>
#include "stream/transfer.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES "/proc/sys/fs/pipe-max-size"

static struct kin_pipe_options options_of(const struct kin_pipe_options *options)
{
    struct kin_pipe_options wish = {.bytes = 0};
    if (options)
        memcpy(&wish, options, options->size < sizeof wish ? options->size : sizeof wish);
    return wish;
}

int kin_pipe_open(const struct kin_pipe_options *options, struct kin_pipe *out)
{
    struct kin_pipe_options wish = options_of(options);
    int ends[2], result = pipe_make(ends);
    if (result < 0) {
        errno = -result;
        return reason_errno("cannot make a pipe");
    }
    struct kin_pipe made = {ends[0], ends[1]};
    if (wish.bytes)
        result = kin_pipe_set_size(made.writer, wish.bytes);
    if (result < 0) {
        kin_pipe_close(&made);
        return result;
    }
    *out = made;
    return 0;
}

int kin_pipe_open_pair(const struct kin_pipe_options *options, struct kin_pipe out[2])
{
    struct kin_pipe there, back;
    int result = kin_pipe_open(options, &there);
    if (result < 0)
        return result;
    result = kin_pipe_open(options, &back);
    if (result < 0) {
        kin_pipe_close(&there);
        return result;
    }
    out[0] = (struct kin_pipe){.reader = back.reader, .writer = there.writer};
    out[1] = (struct kin_pipe){.reader = there.reader, .writer = back.writer};
    return 0;
}

void kin_pipe_close_end(int *end)
{
    if (!end)
        return;
    file_close(*end);
    *end = -1;
}

void kin_pipe_close(struct kin_pipe *pipe)
{
    if (!pipe)
        return;
    kin_pipe_close_end(&pipe->reader);
    kin_pipe_close_end(&pipe->writer);
}

int kin_pipe_size(int end)
{
    int bytes = pipe_capacity(end);
    return bytes < 0 ? reason(-EBADF, "descriptor %d is no pipe that is open: it has no size", end) : bytes;
}

/* The limit for users without CAP_SYS_RESOURCE; 0: not to be had. */
static long limit_of_size(void)
{
    char text[32] = "";
    int fd = file_open(MOST_BYTES, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0 || file_read(fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    file_close(fd);
    return atol(text);
}

int kin_pipe_set_size(int end, size_t bytes)
{
    int result = pipe_set_capacity(end, bytes > INT_MAX ? INT_MAX : (int)bytes);
    if (bytes > INT_MAX && result != -EBADF)
        result = -EPERM;
    if (result == -EPERM)
        return reason(result,
                      "a pipe of %zu bytes is not allowed: the limit is %ld for one (" MOST_BYTES "), and "
                      "/proc/sys/fs/pipe-user-pages-soft pages for all of a user; ask for less, or let root raise it",
                      bytes, limit_of_size());
    if (result == -EBUSY)
        return reason(result, "descriptor %d holds more than %zu bytes now; read some first", end, bytes);
    if (result == -EBADF)
        return reason(result, "descriptor %d is no pipe that is open: it has no size to set", end);
    errno = -result;
    return result < 0 ? reason_errno("cannot make descriptor %d hold %zu bytes", end, bytes) : result;
}

static ssize_t stream_read(void *cookie, char *buffer, size_t size)
{
    ssize_t result = kin_pipe_read(*(int *)cookie, buffer, size, KIN_FOREVER);
    errno = result < 0 ? (int)-result : errno;
    return result < 0 ? -1 : result;
}

/* A count below `size` says that it failed, and stdio wants 0 for that, not -1. */
static ssize_t stream_write(void *cookie, const char *data, size_t size)
{
    ssize_t result = kin_pipe_write(*(int *)cookie, data, size, KIN_FOREVER);
    if (result < (ssize_t)size)
        errno = result < 0 ? (int)-result : EPIPE;
    return result < 0 ? 0 : result;
}

static int stream_close(void *cookie)
{
    kin_pipe_close_end(cookie);
    free(cookie);
    return 0;
}

/* No fdopen(): its streams write by write(), which raises SIGPIPE. */
int kin_pipe_stream(int *end, FILE **out)
{
    const cookie_io_functions_t functions = {.read = stream_read, .write = stream_write, .close = stream_close};
    int flags = fcntl(*end, F_GETFL);
    if (flags < 0)
        return reason(-EBADF, "descriptor %d is not open", *end);
    if ((flags & O_ACCMODE) != O_RDONLY && (flags & O_ACCMODE) != O_WRONLY)
        return reason(-EINVAL, "descriptor %d is open both to read and to write; a stream is one of both", *end);
    int *cookie = malloc(sizeof *cookie);
    FILE *stream = cookie ? fopencookie(cookie, (flags & O_ACCMODE) == O_RDONLY ? "r" : "w", functions) : NULL;
    if (!stream) {
        free(cookie);
        return reason(-ENOMEM, "no memory for a stream on descriptor %d", *end);
    }
    *cookie = *end;
    *end = -1;
    *out = stream;
    return 0;
}
