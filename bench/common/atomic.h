/* The few atomic operations that the limits and the starting signals need. */
#ifndef ATOMIC_H
#define ATOMIC_H

#define LOAD(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(word) __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define STORE(word, value) __atomic_store_n(&(word), value, __ATOMIC_RELAXED)
#define STORE_RELEASE(word, value) __atomic_store_n(&(word), value, __ATOMIC_RELEASE)
#define ADD(word, value) __atomic_add_fetch(&(word), value, __ATOMIC_ACQ_REL)
#define SWAP_IF(word, expected, value)                                                                                 \
    __atomic_compare_exchange_n(&(word), &(expected), value, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)

/* Two lines: the neighbour is fetched too. */
#define LINE_OF_ITS_OWN __attribute__((aligned(128)))

#endif
