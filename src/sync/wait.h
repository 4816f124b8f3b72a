/* The one place where kin sleeps.
 *
 * A sleeper waits for {what it waits for, the lives whose death would matter, the obituary word}, obit last: when
 * several were woken the kernel tells the highest, so a death is never mistaken for an event. Whoever returns by a life's
 * word or by obit announces. Whatever wakes him, the caller looks at his own object again, under its lock.
 *
 * A sleep ends after 250 ms at the latest, for the caller to prove the slow way what the kernel did not mark (an exec
 * from another thread, a thread without a robust list), and because a stopped process can swallow a wake. */
#ifndef SYNC_WAIT_H
#define SYNC_WAIT_H

#include "life/life.h"
#include "sys/futex.h"
#include <kin/base.h>

#define WAIT_BACKSTOP (250 * INT64_C(1000000))
#define WAIT_LIVES_MAX 8u

struct wait {
    struct seat *seat;
    uint64_t object;   /* for those who look who waits */
    uint32_t *word;
    uint32_t value;
    unsigned lives;    /* how many of `life` are set */
    uint32_t life[WAIT_LIVES_MAX];
    int64_t longest;   /* ns; 0: the backstop. Shorter when a process was seen ending */
    kin_time until;
};

enum woken {
    WOKEN_LOOK,     /* look again */
    WOKEN_BACKSTOP, /* look again, and prove the lives that stand in the way */
    WOKEN_LATE      /* `until` has come */
};

enum woken wait_sleep(const struct wait *wait);

#endif
