/* How a process changed, from the kernel's forms into ours. */
#ifndef PROCESS_END_H
#define PROCESS_END_H

#include "sys/pidfd.h"
#include <kin/process.h>

/* As waitid() tells it. */
struct kin_exit end_of_info(const siginfo_t *info, const struct pidfd_usage *usage);
/* As waitpid() encodes it. */
struct kin_exit end_of_status(int status);
/* Not a stop or a continuation. */
bool end_is_one(const struct kin_exit *how);

#endif
