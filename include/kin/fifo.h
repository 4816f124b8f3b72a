/* kin/fifo.h - FIFOs: pipes with a name in the file system, for processes that are not related.
 *
 * open() of a FIFO waits, for ever if need be, until the other side is opened; kin_fifo_open() takes a deadline. What
 * it gives is a descriptor for the calls of kin/pipe.h, deadlines included. Many may write: records of up to PIPE_BUF
 * bytes stay whole by kin_pipe_write_record().
 *
 *     kin_fifo_make("requests", 0622);
 *     if (kin_fifo_open("requests", KIN_FIFO_WRITE, kin_after(second), &fifo) < 0)
 *         errx(1, "%s", kin_reason());
 *     kin_pipe_write_record(fifo, &request, sizeof request, KIN_FOREVER);
 *     kin_pipe_close_end(&fifo);
 *
 * A FIFO is removed by unlink(). Death: what is in it lasts as long as somebody has it open. */
#ifndef KIN_FIFO_H
#define KIN_FIFO_H

#include <kin/base.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Makes a FIFO with exactly these permissions, whatever the umask. Under its name it appears whole: it is made beside
 * it as NAME.kin-PID-N and renamed, and who is killed in between may leave that. -EEXIST: something of that name is
 * there; -EINVAL: a mode with bits beyond 07777; -EACCES, -ENOENT, -ENOSPC ... */
int kin_fifo_make(const char *path, unsigned mode);

enum kin_fifo_side {
    KIN_FIFO_READ = 1, /* returns when somebody has opened it to write. The end comes when the last writer leaves */
    KIN_FIFO_WRITE,    /* returns when somebody has opened it to read */
    KIN_FIFO_SERVE     /* reads for ever: returns at once, and writers that leave are no end. Needs both permissions */
};

/* Opens it, close-on-exec and non-blocking (O_NONBLOCK): the calls of kin/pipe.h wait all the same; clear that flag
 * before a program gets it as its input or output. -ETIMEDOUT: nobody opened the other side; -ENOENT; -EACCES;
 * -EINVAL: the path is no FIFO. */
int kin_fifo_open(const char *path, enum kin_fifo_side side, kin_time until, int *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
