/* Where the processes of a contest run: x, on two cpus in turn, or s, all on the same one. */
#ifndef PLACEMENT_H
#define PLACEMENT_H

#include <sched.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum placement { PLACEMENT_APART, PLACEMENT_SAME };

/* The 'x' or 's' that ends the name of a contest. */
enum placement placement_of(const char *contest);

/* Says whether there are two cpus to be apart on. */
bool placement_possible(enum placement placement);

/* Pins this process, the number-th of the contest. `crowded` says that others of the contest share its cpu. */
void placement_take(enum placement placement, unsigned number, bool crowded);

extern bool placement_crowded;

/* What a loop does that waits for another process without sleeping: alone on its cpu it spins, else it yields. */
static inline void placement_idle(void)
{
    if (placement_crowded) {
        sched_yield();
        return;
    }
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

#ifdef __cplusplus
}
#endif
#endif
