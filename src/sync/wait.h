/* The one place where kin sleeps.
 *
 * A sleeper waits for {the word, the obituary word, the lives whose death would matter, the word once more}. The kernel
 * compares and queues them one after the other, not at one moment: so the word and the lives are looked at after we are
 * queued on obit, and whoever changes them and is killed before his wake rings somebody who is there. The kernel tells
 * the highest index that was woken; the word comes first as well, so that index 0 means "an event and no death", and
 * whoever returns by a higher one announces. Whatever wakes him, the caller looks at his own object again, under its
 * lock.
 *
 * Layout   nothing but life.waits_for, waits_at, waits_what and waits_turn, which tell those who look what this thread
 *          sleeps on.
 * States   awake (0), asleep (the object's id, the offset in it).
 * Always   what is named there, is not held by that thread; all else that its life names in `holds` is (life/graph.h).
 *          Wrong values are slow or told wrongly: listings, kin_remove's -EBUSY and a lock's -EDEADLK read them.
 * Order    none.
 * Death    asleep: the kernel marks the life and rings obit, as for any death.
 * Tests    tests/crash/sweep_peers, model/lock.pml, model/lease.pml.
 *
 * A sleep ends after 250 ms at the latest, for the caller to prove the slow way what the kernel did not mark (an exec
 * from another thread, a thread without a robust list), and because a stopped process can swallow a wake. */
#ifndef SYNC_WAIT_H
#define SYNC_WAIT_H

#include "life/life.h"
#include "sys/futex.h"
#include <kin/base.h>

#define WAIT_BACKSTOP (250 * INT64_C(1000000))
/* Before a sleep: so many looks with pauses between, if the other side runs on another processor; then yields. Each
 * look takes the cache line away from whoever is about to change it. */
#define WAIT_LOOKS 40u
#define WAIT_PAUSES 4u
#define WAIT_YIELDS 6u
#define WAIT_LIVES_MAX 24u

struct wait {
    struct seat *seat;
    uint64_t object, offset; /* for those who look who waits, and for what */
    uint32_t what;
    uint32_t *word;
    uint32_t value;
    /* NULL, or what others change without a lock before they wake the word, and may die in between: it must still be
     * guard_value when the sleeper is queued where a death wakes him. */
    uint32_t *guard;
    uint32_t guard_value;
    unsigned lives; /* how many of `life` are set */
    uint32_t life[WAIT_LIVES_MAX];
    int64_t longest; /* ns; 0: the backstop. Shorter when a process was seen ending */
    kin_time until;
};

enum woken {
    WOKEN_LOOK,     /* look again */
    WOKEN_BACKSTOP, /* look again, and prove the lives that stand in the way */
    WOKEN_LATE      /* `until` has come */
};

enum woken wait_sleep(const struct wait *wait);

/* This thread does not sleep after all, and may have said that it will (life/graph.h). WOKEN_LOOK. */
enum woken wait_not(const struct seat *seat);

/* Adds a life of that process to those whose death is waited for, which are `count` so far. How many they are then. */
unsigned wait_for_process(kin_domain *domain, uint32_t process, uint32_t life[WAIT_LIVES_MAX], unsigned count);

/* How long the next sleep may last, after one of `longest`: 1 ms beside a process that is about to end, then 2, 4, ...
 * up to the backstop; else 0, which is the backstop. */
int64_t wait_pace(int64_t longest, bool ending);

#endif
