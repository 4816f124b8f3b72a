/* Older kernels, played by this one. */
#ifndef OLD_H
#define OLD_H

#include "support.h"

/* Runs the function in a child as the kernel is, in one where pwritev2() knows no RWF_NOSIGNAL (before Linux 6.18), and
 * in one where pipes know no RWF_NOWAIT either (before 6.4). Each must end with 0. */
void in_old_and_new(int (*run)(void *context), void *context);

/* How often this process got SIGPIPE since count_sigpipe(). */
void count_sigpipe(void);
int sigpipes(void);

#endif
