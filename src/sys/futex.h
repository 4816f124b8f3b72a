/* Sleeping on words of shared memory. */
#ifndef SYS_FUTEX_H
#define SYS_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

/* A word and the value it must still have for the sleep to begin. */
struct futex_word {
    uint32_t *word;
    uint32_t value;
};

#define FUTEX_WORDS_MAX 32

/* Whether this kernel has futex_waitv and lets us use it. Asked once a process, KIN_FALLBACK=1 answers no. */
bool futex_has_waitv(void);

/* KIN_FALLBACK=1 in the environment: do without futex_waitv and the robust list, as where they are not to be had. */
bool fallback_is_forced(void);

/* Sleeps until one of the words is woken, or for `nanoseconds` at most. The highest index that was woken; -EAGAIN: a
 * word has another value; -ETIMEDOUT; -EINTR. Without futex_waitv it sleeps on the first word alone, at most
 * FUTEX_BLIND nanoseconds, and says -ETIMEDOUT. */
int futex_sleep(const struct futex_word *words, unsigned count, int64_t nanoseconds);
#define FUTEX_BLIND (50 * INT64_C(1000000))

/* Wakes up to `count` sleepers; how many it woke. */
int futex_wake(uint32_t *word, int count);
#define FUTEX_ALL INT32_MAX

#endif
