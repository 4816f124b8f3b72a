/* What put and get share. */
#pragma once
#include "command.h"

#define SEGMENT_CHUNK 65536

/* The argument of --offset; 0 may be given. */
int offset_of(const struct call *call, uint64_t *out);
/* Opens the segment that is the first operand, and its domain. On failure neither is open. */
int open_segment(const struct call *call, unsigned flags, kin_domain **domain, kin_segment **out);
