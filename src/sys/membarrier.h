/* A fence for two, paid by one.
 *
 * Where one side stores A and loads B, the other stores B and loads A, each needs a full fence in between, or both may
 * miss the other's store. Here the rare side asks the kernel to run that fence on every processor where a process that
 * joined is running, and the frequent side needs none. */
#ifndef SYS_MEMBARRIER_H
#define SYS_MEMBARRIER_H

#include <stdbool.h>

/* From now on the calling process's threads are fenced by others. False: this kernel, or a sandbox, does not let us. */
bool membarrier_join(void);

/* A full fence in the caller and in all who joined. False: none was made. */
bool membarrier_fence_all(void);

#endif
