/* Many processes that each have a life in the domain, and do nothing. */
#ifndef LIVES_H
#define LIVES_H

#include <stdint.h>

/* Starts so many. Each runs `use`, which may be a call that waits, and then pauses until this process ends. */
void lives_start(unsigned long count, void (*use)(void *context), void *context);

/* Returns when they sleep, but for a look now and then. */
void lives_settle(void);

/* The processor time that all of them have used until now, in nanoseconds. */
uint64_t lives_time(void);

#endif
