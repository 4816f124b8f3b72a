/* Which processor this thread runs on: to know whether spinning for a peer makes sense. */
#ifndef SYS_CPU_H
#define SYS_CPU_H

#include <sched.h>
#include <stddef.h>
#include <stdint.h>

#if defined __GLIBC__ && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 35)
/* The kernel keeps the number in the thread's rseq area, which glibc registers: one load. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

static inline uint32_t cpu_now(void)
{
    if (&__rseq_size && __rseq_size) {
        const uint32_t *area =
            (const uint32_t *)(const void *)((const char *)__builtin_thread_pointer() + __rseq_offset);
        return __atomic_load_n(&area[1], __ATOMIC_RELAXED);
    }
    return (uint32_t)sched_getcpu();
}
#else
static inline uint32_t cpu_now(void)
{
    return (uint32_t)sched_getcpu();
}
#endif

#endif
