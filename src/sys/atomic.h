/* Loads and stores of shared memory.
 *
 * LOAD and STORE are relaxed: whole words, never torn, invented or merged by the compiler. Between processes that take
 * turns under a lock, the lock's own acquire and release order everything.
 *
 * A death needs one thing more. The dead one's stores end somewhere in the order of its program, so the compiler must
 * not move a store across a commit: KEEP_ORDER() stands on both sides of each commit and costs no instruction. */
#ifndef SYS_ATOMIC_H
#define SYS_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#define LOAD(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)
#define STORE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)
#define STORE_RELEASE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)
#define EXCHANGE(place, value) __atomic_exchange_n(&(place), (value), __ATOMIC_ACQ_REL)
#define FETCH_ADD(place, value) __atomic_fetch_add(&(place), (value), __ATOMIC_ACQ_REL)
#define FETCH_OR(place, value) __atomic_fetch_or(&(place), (value), __ATOMIC_ACQ_REL)
#define FETCH_AND(place, value) __atomic_fetch_and(&(place), (value), __ATOMIC_ACQ_REL)

/* Stores `value` if `place` still is *expected; else *expected becomes what is there. */
#define CAS(place, expected, value)                                                                                    \
    __atomic_compare_exchange_n(&(place), (expected), (value), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

/* For the compiler only: no access moves across. */
#define KEEP_ORDER() __atomic_signal_fence(__ATOMIC_SEQ_CST)
/* For the processors too: a store before it is seen before a load after it reads. */
#define FULL_FENCE() __atomic_thread_fence(__ATOMIC_SEQ_CST)
/* The same right behind a CAS that succeeded, an EXCHANGE or a FETCH: on x86 these are full fences themselves. */
#if defined __x86_64__ || defined __i386__
#define FENCE_BEHIND_ATOMIC() KEEP_ORDER()
#else
#define FENCE_BEHIND_ATOMIC() FULL_FENCE()
#endif

static inline void relax(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("isb" ::: "memory");
#endif
}

/* For the few paths whose every instruction counts. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#endif
