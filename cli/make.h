/* What the kin mk commands share. */
#pragma once
#include "command.h"

/* Opens the domain; if it did not exist before, says once what logind will do to it. */
int open_domain_to_make(const struct call *call, kin_domain **out);
/* Reads --mode, and opens the domain so. */
int begin_to_make(const struct call *call, unsigned *mode, kin_domain **out);
/* Reads --messages and --message-max; 0: not given. */
int limits_of_messages(const struct call *call, uint32_t *messages, uint32_t *message_max);
/* The end of one that is a segment: `result` is of the call that made it, `home` what it gave. The exit code. */
int end_making(const struct call *call, kin_domain *domain, int result, kin_segment *home);
/* Says so where objects are deleted when this user logs out. */
void warn_of_remove_ipc(const struct call *call);
