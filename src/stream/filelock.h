/* What the two halves of kin/filelock.h share. */
#ifndef STREAM_FILELOCK_H
#define STREAM_FILELOCK_H

#include "sys/advisory.h"
#include <kin/filelock.h>

/* The lock that the options describe, or -EINVAL and a sentence. */
int filelock_read(const struct kin_filelock_options *options, struct advisory_lock *out);

#endif
