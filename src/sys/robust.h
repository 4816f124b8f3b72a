/* The robust list that libc registered for this thread: what the kernel marks when the thread dies.
 *
 * An entry lies at `word - futex_offset`. libc keeps its own entries (its robust mutexes) in the same list, doubly
 * linked with the backward pointer right before the forward one (singly on i386 and other 32-bit glibc). */
#ifndef SYS_ROBUST_H
#define SYS_ROBUST_H

#include <stdbool.h>
#include <stdint.h>

struct robust_head {
    void *first;
    long futex_offset;
    void *pending;
};

/* This thread's list; NULL where there is none (a thread made by raw clone, or KIN_FALLBACK=1). */
struct robust_head *robust_head(void);

/* How far before and behind the word an entry reaches; a life must have that room. */
bool robust_offset_fits(const struct robust_head *head, long before, long behind);

/* Tells the kernel that this thread is working on `word`: at its death a word that is 0 gets a wake, one that holds its
 * TID is marked. NULL: on nothing. One store. */
static inline void robust_pend(struct robust_head *head, uint32_t *word)
{
    void *entry = word ? (char *)word - head->futex_offset : (void *)0;
    __atomic_store_n(&head->pending, entry, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Puts the word's entry first in the list, takes it out again. Only the thread itself may. */
void robust_link(struct robust_head *head, uint32_t *word);
void robust_unlink(struct robust_head *head, uint32_t *word);

#endif
