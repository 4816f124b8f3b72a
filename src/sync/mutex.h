/* The lock inside every object: a word that holds the owner's life.
 *
 * Layout   one u32: 0, or the owner's life id, with WAITERS on top.
 * States   free 0 -> held {id} -> held {id|WAITERS} -> free; held by a dead life -> stolen {thief|WAITERS kept}. Of a
 *          user's lock also held {id} -> handed on {id|WITNESSED}: a release, or a theft, clears that with the id.
 *          WAITERS is set by sleepers, and by pollers (sync/poll.h) before they wait.
 * Always   the owner named the object in his life before the CAS (op.object for objects, holds[] for users' locks).
 *          WAITERS unset while somebody sleeps is wrong (the sleeper waits for the backstop), set too much is slow.
 *          WITNESSED unset while a command holds the lock is wrong, set too much is slow (a thief asks the kernel).
 * Order    CAS acquires, exchange releases. A thief copies the dead one's op into his own life before the CAS, so that
 *          at every moment the life that the word names carries what is left to repair. The file lock that is the
 *          witness is taken before WITNESSED, and that is set before the command can start.
 * Death    holding it: whoever asks next steals it and repairs. Between release and wake: the death rings obit,
 *          everybody looks. While asleep, or just woken: likewise. A sleeper who gets the lock keeps WAITERS, as others
 *          may sleep. Having handed it on: the thief asks whether anybody has the file lock; as long as somebody has,
 *          the owner counts as living. Nothing rings when it goes, so he asks again every 50 ms.
 * Tests    tests/unit/sync, tests/crash/sweep_queue, tests/crash/sweep_life, model/lock.pml. */
#ifndef SYNC_MUTEX_H
#define SYNC_MUTEX_H

#include "life/life.h"
#include "life/object.h"
#include "sys/atomic.h"
#include <kin/base.h>

#define MUTEX_WAITERS 0x80000000u
/* A file lock on the word's place in the file tells whether its dead owner's command still holds it. */
#define MUTEX_WITNESSED 0x40000000u
/* op.kind of a thief who could not learn what the dead one was doing: everything must be rebuilt. */
#define OP_UNKNOWN 0xffffffffu
/* A user's lock whose owner's record was swept: nobody holds it, and the next one must be told. */
#define MUTEX_ORPHAN ID_MASK

struct mutex_ask {
    struct seat *seat;
    uint32_t *word;
    struct object *object;
    int check_cycles; /* -EDEADLK rather than sleep in a cycle of threads that wait for each other */
    uint64_t offset; /* of the word in a segment, 0 for an object's own lock */
    kin_time until;
    bool brief;     /* whoever holds it is in the middle of an operation: a deadline waits a little for him */
    bool adopt;     /* copy a dead owner's op before stealing: for objects, whose repair it is. Brief */
    uint64_t place; /* of a lock that can be handed on: where it is in the object's file. 0: it cannot */
    uint32_t dead;  /* out, with KIN_RECOVERED: the life that it was taken from; 0: unknown */
};

/* 0; KIN_RECOVERED: taken from the dead, repair first; -ETIMEDOUT; -EIDRM: the object was removed. The caller does not
 * hold it: a word that names him is corrupt, and taken as from the dead. */
int mutex_acquire_slowly(struct mutex_ask *ask);
void mutex_wake(uint32_t *word);
/* For pollers: whether it is free, or its owner is dead and has no witness at `place` of the file. If not, WAITERS is
 * set, so that the release looks at them. */
bool mutex_arm(struct object *object, uint32_t *word, uint64_t place, bool slow);

/* Whether somebody still holds a lock that its dead owner handed on. */
bool mutex_has_witness(struct object *object, uint64_t place);

/* One CAS: true if it was free. */
static inline bool mutex_try(const struct seat *seat, uint32_t *word)
{
    uint32_t free = 0;
    return likely(CAS(*word, &free, seat->id));
}

/* The release alone. True: somebody is to be woken. */
static inline bool mutex_let_go(uint32_t *word)
{
    KEEP_ORDER();
    return EXCHANGE(*word, 0) & MUTEX_WAITERS;
}

static inline void mutex_release(uint32_t *word)
{
    if (unlikely(mutex_let_go(word)))
        mutex_wake(word);
}

#endif
