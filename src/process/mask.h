/* Lists of signals, checked. */
#ifndef PROCESS_MASK_H
#define PROCESS_MASK_H

#include <kin/signal.h>

/* The set of a list that ends with 0. -EINVAL: it holds what cannot be blocked. */
int mask_of(const int *signals, sigset_t *out);

/* In a forked child whose mask is a new one: no source has a part in it. */
void mask_forget_sources(void);

#endif
