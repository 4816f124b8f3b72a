/* PID namespaces, and numbers of processes that are used again. */
#ifndef NAMESPACE_H
#define NAMESPACE_H

#include "support.h"

/* Runs it as number 1 of a PID namespace with a /proc of its own, and ends with its result; 77: not permitted here. */
int test_in_namespace(int (*run)(void *context), void *context);
/* Skips the test when that result says so. */
void test_need_namespaces(int result);

/* A fork with the number that is asked for, which must be free; 0 in the child. A raw clone: it has no robust list. */
pid_t test_child_with_number(pid_t number);
/* Waits for the next clock tick: the start times of processes are told apart by ticks. */
void test_next_tick(void);

#endif
