/* kin_rwlock: many readers, or one writer.
 *
 * Layout   kin_rwlock in kin/rwlock.h: a mutex word (sync/mutex.h), `state`, an event (sync/event.h), and readers'
 *          slots on cache lines of their own. In each line the first half are own slots: of the lives with an index
 *          below OWN, each has one that nobody else takes. The other half is for whoever has none.
 * States   a slot: free 0 <-> the reader's {life id}.
 *          The word: whoever holds it lets nobody in: a writer on his way in or inside, a reader on his way in who did
 *          not find it free, one who is becoming the writer, one who makes the lock QUICK.
 *          state, changed by whoever has the word: DIRTY while a writer is inside. QUICK: readers make no fences, so a
 *          writer makes one for all and unsets it; enough reads with fences set it again. NEVER: not any more.
 * Always   a reader is inside when his slot is set and he saw the word free behind that, or set it with the word in his
 *          hands. A writer is inside when he has the word and has seen every slot empty. Whoever has a slot, or the
 *          word, or asks for them, names the lock in his life. DIRTY without a living writer: he died inside. DIRTY set
 *          too late or unset too early is wrong; so is QUICK unset before the fence for all. QUICK or NEVER set too
 *          much is slow. A slot set too much is slow: it is struck off.
 * Order    reader: name, slot, full fence, look at the word. Writer: name, word, full fence, look at the slots. So one
 *          of the two sees the other. Reader out: slot, full fence, event; writer, and who polls: event, full fence,
 *          slots.
 *          A quick reader leaves his fence out, and looks at the word, then at the state: if that still is QUICK behind
 *          his slot, whoever has the word later finds it so and, before he unsets it, fences him (sys/membarrier.h);
 *          and so does he before he sleeps, and who polls. Who cannot be fenced is never quick. Who cannot fence
 *          sets NEVER and waits until
 *          no store of before can still be on its way (DRAIN).
 *          Writer: DIRTY, then the data, then not DIRTY, then the word.
 * Death    a reader: whoever waits for his slot strikes it off, or the sweep does. With the word: it is stolen; what
 *          was under way has changed no data unless DIRTY says so, and DIRTY stays until a writer goes out alive.
 *          Before QUICK is unset: the next one fences again. NEVER set and not waited: QUICK still stands, and the next
 *          one waits. Becoming a writer, or a reader again: DIRTY is set before the slot is freed, unset after it is
 *          taken. A reader with his slot freed and the wake owed: the writer sleeps on his life. Of more than 24
 *          readers the first 24: until these are gone the others need not be heard of.
 * Tests    tests/unit/sync, tests/crash/sweep_sync, tests/crash/bites_sync, tests/crash/bites_cycles,
 *          model/rwlock.pml. */
#ifndef SYNC_RWLOCK_H
#define SYNC_RWLOCK_H

#include "sync/mutex.h"
#include "sync/place.h"
#include "sys/clock.h"
#include <kin/rwlock.h>

#define LINES ((uint32_t)KIN_RWLOCK_LINES)
#define SLOTS ((uint32_t)KIN_RWLOCK_SLOTS)
#define OWN (LINES * SLOTS / 2)
#define DIRTY 1u
#define QUICK 2u
#define NEVER 4u
/* A thread's reads with fences, after which it makes the lock quick that it has just read: so a writer's fence for all,
 * some microseconds, is spread over many reads. */
#define FENCED_READS 256u
/* A processor writes a store to memory at once; that is a microsecond when many want the line. */
#define DRAIN (10 * MILLISECOND)
/* What a life's own slot is, in seat->read_slot, when it may not be set without a fence. */
#define NO_SLOT UINT32_MAX
/* Before the sleep: so many looks at the readers, with pauses between. */
#define LOOKS 12u
#define PAUSES 24u

/* One who has the word and waits for readers. */
struct wish {
    struct seat *seat;
    kin_segment *segment;
    kin_rwlock *rwlock;
    uint64_t offset;
    kin_time until;
    bool room;         /* a slot is enough: to read */
    const uint32_t *but; /* this slot is his own */
    enum effort effort;
    const uint32_t *doubted; /* a slot whose life lives but does not name the lock: seen twice, it is damage */
    uint32_t doubted_id;
};

/* Its own, or the first of the others' to be tried. Neighbours meet on different lines. */
static inline uint32_t *slot_of(kin_rwlock *rwlock, uint32_t id)
{
    uint32_t index = ID_INDEX(id), half = SLOTS / 2;
    return &rwlock->lines[index % LINES].slots[index / LINES % half + (index < OWN ? 0 : half)];
}

static inline void change_state(kin_rwlock *rwlock, uint32_t set, uint32_t unset)
{
    STORE_RELEASE(rwlock->state, (LOAD(rwlock->state) | set) & ~unset);
}

#endif
