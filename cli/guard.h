/* A process that ends a CMD's whole group when the wrapper is killed, even by SIGKILL. It has one end of a socket pair
 * and learns which group runs; when the other end closes, it kills that group. The lifeline ends CMD itself, the guard
 * its children. */
#pragma once
#include "command.h"

struct guard {
    kin_process *process;
    int end;
};

/* Before the process opens a queue, so that the guard has nothing of it. */
int guard_start(const struct call *call, struct guard *guard);
/* Tells it which group runs; 0: none. */
void guard_watch(const struct guard *guard, pid_t group);
void guard_stop(struct guard *guard);
