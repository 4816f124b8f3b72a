/* What sleepers on an object's condition sleep on: an event count.
 *
 * Layout   one u32: a count in bits 2 to 31, SLEEPERS, PICKY.
 * States   quiet {n}; armed {n|SLEEPERS}, with PICKY if a sleeper wants something in particular; fired {n + 1}.
 * Always   changed under the object's lock, or by the last three functions, which need none. A bit set too much is slow
 *          (a needless wake). A bit unset while somebody sleeps on this very count is wrong; on an older count it is
 *          right, as the value never returns: who is about to sleep on an old count is refused by the kernel.
 * Order    sleeper: look, arm, release the lock, sleep on the armed value. Signaller: fire *before* his commit, commit,
 *          release, wake. So whoever armed before the commit is woken, or never gets to sleep.
 *          Who was woken and got what he wanted arms again (others may sleep), or, where more is left, fires again and
 *          wakes the next: the baton. With PICKY everybody is woken, so there is no baton to lose.
 *          Without a lock: the sleeper arms, full fence, looks, sleeps; the other side changes what he looks at, full
 *          fence, raises: one of them sees what the other did. Who raises after his change and dies between is a life
 *          that the sleeper sleeps on.
 * Death    between fire and wake: the death rings obit, all look. Woken and killed: likewise.
 * Tests    tests/unit/sync, tests/crash/sweep_peers, tests/crash/sweep_sync, model/event.pml. */
#ifndef SYNC_EVENT_H
#define SYNC_EVENT_H

#include "sys/atomic.h"
#include "sys/futex.h"
#include "sys/plant.h"

#define EVENT_SLEEPERS 1u
#define EVENT_PICKY 2u
#define EVENT_BITS 3u
#define EVENT_ONE 4u

/* Under the lock, before the commit. What event_wake must be told after the release; 0: nobody sleeps. */
static inline uint32_t event_fire(uint32_t *event)
{
    uint32_t value = LOAD(*event), bits = value & EVENT_BITS;
    if (unlikely(bits) && !PLANTED(NO_FIRE)) {
        STORE(*event, (value & ~EVENT_BITS) + EVENT_ONE);
        KEEP_ORDER();
    }
    return bits;
}

static inline void event_wake(uint32_t *event, uint32_t bits)
{
    if (unlikely(bits))
        futex_wake(event, bits & EVENT_PICKY ? FUTEX_ALL : 1);
}

/* Under the lock: the value to sleep on. */
static inline uint32_t event_arm(uint32_t *event, uint32_t bits)
{
    uint32_t value = LOAD(*event) | bits;
    STORE(*event, value);
    return value;
}

static inline uint32_t event_arm_openly(uint32_t *event, uint32_t bits)
{
    uint32_t value = FETCH_OR(*event, bits) | bits;
    FENCE_BEHIND_ATOMIC();
    return value;
}

/* Wakes all. The bits that were set. */
static inline uint32_t event_raise(uint32_t *event)
{
    uint32_t value = LOAD(*event);
    while (unlikely(value & EVENT_BITS) && !PLANTED(NO_FIRE))
        if (CAS(*event, &value, (value & ~EVENT_BITS) + EVENT_ONE)) {
            futex_wake(event, FUTEX_ALL);
            return value & EVENT_BITS;
        }
    return 0;
}

/* Wakes one at least, where nobody passes a baton on. The bit stays as long as somebody is there. A sleeper stands
 * twice on the word (sync/wait.h), so that of two single wakes one could be lost on who was woken by the other: each
 * wake takes two of the places, and so many wakes find as many sleepers. */
static inline void event_raise_one(uint32_t *event)
{
    uint32_t value = LOAD(*event);
    while (unlikely(value & EVENT_BITS) && !PLANTED(NO_FIRE)) {
        uint32_t fired = value + EVENT_ONE;
        if (!CAS(*event, &value, fired))
            continue;
        if (futex_wake(event, 2) == 0)
            CAS(*event, &fired, (fired & ~EVENT_BITS) + EVENT_ONE);
        return;
    }
}

#endif
