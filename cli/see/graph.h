/* kin graph: who waits for what that is not kin's. */
#pragma once
#include "see.h"

/* Calls visit for each edge; `kind` of an edge is 0, its name says it: KIND:NAME. Cycles are numbered after `cycles`,
 * and told of file locks alone, between processes of one thread: who else could let others on no one can know. */
int graph_ipc(const struct call *call, unsigned kinds, unsigned cycles,
              int (*visit)(void *context, const struct kin_edge *edge), void *context);
