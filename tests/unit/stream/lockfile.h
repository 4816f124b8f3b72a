/* A file to lock, and children that hold or ask. */
#ifndef LOCKFILE_H
#define LOCKFILE_H

#include "support.h"
#include <kin/filelock.h>

/* A new description of the test's file; close it. */
int lockfile_open(void **state, unsigned flags);

/* Whether another process, with a description of its own, gets that lock at once (it lets go again). */
bool lockfile_free(void **state, unsigned flags, uint64_t offset, uint64_t length);

/* A child that locks by a description of its own and stays until it is killed. Returns when it has the lock. */
pid_t lockfile_holder(void **state, unsigned flags, uint64_t offset, uint64_t length);

#endif
