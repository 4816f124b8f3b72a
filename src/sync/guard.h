/* A visit to a thing that is changed under its own word: barrier, latch, once.
 *
 * Layout   the thing begins with a mutex word; see sync/place.h.
 * States   those of the mutex.
 * Always   the visitor's life names the thing from before the visit until after it, and for longer if he keeps
 *          something of it: a seat, a promise. Of a brief visit the life's op names the segment as well, so that a
 *          damaged word does not make a visitor of whoever keeps something.
 * Order    name, acquire; fire before a commit, release, wake; then the name is forgotten.
 * Death    inside: the next visitor steals the word. There is nothing to repair: each change is one store, and what
 *          follows from it is done again by whoever looks. After the fire and before the wake: the death rings obit.
 * Tests    tests/unit/sync, tests/crash/sweep_sync, model/barrier.pml. */
#ifndef SYNC_GUARD_H
#define SYNC_GUARD_H

#include "sync/event.h"
#include "sync/mutex.h"
#include "sync/place.h"
#include "sync/wait.h"

struct visit {
    kin_segment *segment;
    struct seat *seat;
    uint32_t *word;
    uint64_t offset;
    int number;      /* of the entry that names the thing */
    bool known;      /* it was named before the visit */
    bool brief;      /* the life says in its op, too, that it is inside */
    uint32_t *event; /* to wake after the release, with */
    uint32_t wake;   /* these bits */
};

/* The life and the name, then the word. 0, or KIN_RECOVERED: taken from a dead visitor; -EDEADLK: this thread is
 * inside; and the errors of kin_lock_acquire. `brief`: nobody stays longer than an operation takes. */
int guard_enter(struct visit *visit, kin_segment *segment, void *at, const struct make *make, bool brief,
                kin_time until);
/* The word, for who left without forgetting. */
int guard_enter_again(struct visit *visit, const struct make *make, kin_time until);

/* Releases the word and wakes. The name stays, or goes. */
void guard_leave(struct visit *visit, bool keep);

/* Under the word, before a commit that sleepers wait for. */
static inline void guard_fire(struct visit *visit, uint32_t *event)
{
    visit->event = event;
    visit->wake |= event_fire(event);
}

/* What the user's thing waits for: a life that is to come or to die. */
static inline void guard_wait_for(struct wait *wait, uint32_t id)
{
    if (wait->lives < WAIT_LIVES_MAX)
        wait->life[wait->lives++] = id;
}

#endif
