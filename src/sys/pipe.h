/* Pipes, and bytes on their way through them. Nothing here raises SIGPIPE, or is a cancellation point. Results are 0
 * (or what the call gives) or a negative errno. */
#ifndef SYS_PIPE_H
#define SYS_PIPE_H

#include "sys/call.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x8
#endif
#ifndef RWF_NOSIGNAL /* Linux 6.18 */
#define RWF_NOSIGNAL 0x100
#endif
#define CURRENT_PLACE (-1L), (-1L) /* a 64-bit offset in two, for preadv2 and pwritev2 */

/* Both ends close-on-exec: ends[0] is read, ends[1] is written. */
int pipe_make(int ends[2]);

/* read() and write() of any descriptor. Without `wait` they do not wait, though the open file be a blocking one:
 * -EAGAIN. The flag O_NONBLOCK is left alone, as it belongs to all who share the open file. What the kernel knows no
 * such call for (a FIFO or a terminal that is a blocking one; pipes before Linux 6.4) is asked by poll() first, and
 * gets at most PIPE_BUF bytes at once: that waits only if another process is quicker between the two. */
static inline ssize_t pipe_read(int fd, void *buffer, size_t size, bool wait);
static inline ssize_t pipe_write(int fd, const void *data, size_t size, bool wait);

/* splice() and tee() that do not wait for a pipe: -EAGAIN. */
ssize_t pipe_splice(int from, int to, size_t size);
ssize_t pipe_tee(int from, int to, size_t size);

/* Its capacity in bytes, read and set. */
int pipe_capacity(int fd);
int pipe_set_capacity(int fd, int bytes);

/* What the kernel has no such call for, after its answer to the first try. */
ssize_t pipe_read_otherwise(int fd, void *buffer, size_t size, ssize_t answer);
ssize_t pipe_write_otherwise(int fd, const void *data, size_t size, bool wait, ssize_t answer);

static inline ssize_t pipe_read(int fd, void *buffer, size_t size, bool wait)
{
    const struct iovec piece = {buffer, size};
    if (wait)
        return call6(SYS_read, fd, (long)buffer, (long)size, 0, 0, 0);
    ssize_t result = call6(SYS_preadv2, fd, (long)&piece, 1, CURRENT_PLACE, RWF_NOWAIT);
    return result < 0 ? pipe_read_otherwise(fd, buffer, size, result) : result;
}

static inline ssize_t pipe_write(int fd, const void *data, size_t size, bool wait)
{
    const struct iovec piece = {(void *)data, size};
    ssize_t result = call6(SYS_pwritev2, fd, (long)&piece, 1, CURRENT_PLACE, RWF_NOSIGNAL | (wait ? 0 : RWF_NOWAIT));
    return result < 0 ? pipe_write_otherwise(fd, data, size, wait, result) : result;
}

#endif
