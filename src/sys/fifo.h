/* FIFOs: born whole, and whether the other side is there. Results are 0, what the call gives, or a negative errno. */
#ifndef SYS_FIFO_H
#define SYS_FIFO_H

#include <stdbool.h>

/* Makes one under this name with exactly this mode; then gives it another name, unless there is something of that
 * name: -EEXIST. */
int fifo_make(const char *path, unsigned mode);
int fifo_rename(const char *from, const char *to);

/* Whether the end that we read, opened without waiting, has or had a writer since. Takes no data. */
int fifo_has_writer(int reader);

/* A descriptor that becomes readable whenever somebody has opened that file; -1: not to be had. */
int fifo_watch(const char *path);
void fifo_watch_clear(int watch);

#endif
