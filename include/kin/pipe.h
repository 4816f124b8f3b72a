/* kin/pipe.h - bytes through pipes: no forgotten ends, no SIGPIPE, no deadlock when both are full.
 *
 * A pipe has an end to read and an end to write, both plain descriptors: poll, epoll and kin_process_spawn() take
 * them. They are close-on-exec, and a child of kin gets only those in its list; what is left to remember is to close
 * here what the child has. The reader sees the end (0) once every copy of the writer's end is closed.
 *
 *     struct kin_pipe words;
 *     kin_pipe_open(NULL, &words);
 *     const struct kin_fd_map fds[] = {{.to = 0, .from = words.reader}};
 *     kin_process_spawn(argv, KIN_SPAWN(.fds = fds, .fd_count = 1), &child);
 *     kin_pipe_close_end(&words.reader);
 *     if (kin_pipe_write(words.writer, text, length, kin_after(second)) < (ssize_t)length)
 *         errx(1, "%s", kin_reason());
 *     kin_pipe_close_end(&words.writer);
 *
 * Counts. What moves bytes returns how many have moved, 0 for the end, or a negative errno when none have: a count
 * below what was asked is news, and the next call says of what kind (0, -EPIPE, -ETIMEDOUT).
 *
 * SIGPIPE is not raised by any call here, whatever the signal's action and mask: a pipe that nobody reads is -EPIPE.
 * (Linux 6.18 has a flag for that, RWF_NOSIGNAL; before, the thread's mask is changed for the time of the write.)
 *
 * Deadlines hold though the open file is a blocking one, and O_NONBLOCK is left alone: it belongs to everybody who has
 * the file. Where the kernel cannot do that (a blocking FIFO or terminal from elsewhere; pipes before Linux 6.4), a
 * call may overstay its deadline when another process reads, or fills, in the instant between the look and the call.
 *
 * The calls take descriptors of other kinds too, sockets and terminals as well as files. A signal's handler runs, and
 * the call goes on. Death: who dies has closed his ends: the others see the end, or -EPIPE. */
#ifndef KIN_PIPE_H
#define KIN_PIPE_H

#include <kin/base.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The descriptors that its owner reads and writes; -1: closed. */
struct kin_pipe { int reader, writer; };

struct kin_pipe_options {
    size_t size;
    size_t bytes; /* capacity; default: the kernel's, 64 KiB */
};
#define KIN_PIPE(...) (&(struct kin_pipe_options){.size = sizeof(struct kin_pipe_options), __VA_ARGS__})

/* One way: what is written to out->writer is read from out->reader. -EMFILE, -ENFILE; -EPERM: see
 * kin_pipe_set_size(). */
int kin_pipe_open(const struct kin_pipe_options *options, struct kin_pipe *out);

/* Two ways: what one of the two owners writes, the other one reads. They are two pipes and no socketpair: each way
 * ends by itself, records and splice work, and it is twice as fast. */
int kin_pipe_open_pair(const struct kin_pipe_options *options, struct kin_pipe out[2]);

/* Closes what is open of it; closes one end. Either way -1 stands there afterwards, so that twice does no harm. */
void kin_pipe_close(struct kin_pipe *pipe);
void kin_pipe_close_end(int *end);

/* Reads what there is, at least one byte. 0: the end; -ETIMEDOUT. */
ssize_t kin_pipe_read(int reader, void *buffer, size_t size, kin_time until);

/* Reads `size` bytes; fewer when the end or the deadline comes first. */
ssize_t kin_pipe_read_all(int reader, void *buffer, size_t size, kin_time until);

/* Writes all; less when the deadline comes first, or the last reader goes. With KIN_NOW it writes what there is room
 * for. -EPIPE: nobody reads; -ETIMEDOUT. */
ssize_t kin_pipe_write(int writer, const void *data, size_t size, kin_time until);

/* Writes a record in one piece: all of it or nothing, and nobody else's bytes in between, however many write. 0 or a
 * negative errno. -EMSGSIZE: above PIPE_BUF (4096), where the kernel mixes what several processes write. */
int kin_pipe_write_record(int writer, const void *data, size_t size, kin_time until);

/* Moves up to `size` bytes from one descriptor to the other without a copy in this process (splice). One of them, at
 * least, is a pipe: else -EINVAL. 0: the end of `from`; -EPIPE: nobody reads `to`. */
ssize_t kin_pipe_splice(int from, int to, size_t size, kin_time until);

/* The same from pipe to pipe, and the bytes stay in the first one as well (tee). */
ssize_t kin_pipe_tee(int from, int to, size_t size, kin_time until);

/* How many bytes it holds. -EBADF: no pipe. */
int kin_pipe_size(int end);

/* Makes it hold that many bytes at least; returns how many it holds then, as the kernel rounds up. -EPERM: above
 * /proc/sys/fs/pipe-max-size, or this user's pipes have too much already; -EBUSY: it holds more data than that. */
int kin_pipe_set_size(int end, size_t bytes);

/* A stream of stdio on the end; reading or writing is the end's own nature. It owns the descriptor from now on: *end
 * is -1, and fclose() closes it. It writes as kin_pipe_write() does, without SIGPIPE; a broken pipe is errno EPIPE. It
 * has no fileno(). */
int kin_pipe_stream(int *end, FILE **out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
