/* Semaphores: a lock, the values, what each process has to give back, and a redo log.
 *
 * Each operation, of whatever kind, is four steps under the lock:
 *   1. write into the log which words will have which values: absolute ones;
 *   2. commit: ONE store, of how many words the log has;
 *   3. apply: store those values;
 *   4. clear the count, release.
 * Whoever steals the lock from a dead owner applies a log that has a count, as often as need be; one without a count
 * never happened. What a dead process has to give back is one such operation too.
 *
 * Layout   below: a cold line, a hot line with the first cell, the other cells, the undo entries, the log of a set.
 *          A cell is {value, pid of the last operator}, an entry {process record, number, what to add}: a word each.
 * States   of an entry: free (0), idle {process, number, 0}: its owner finds it at once, others may take it; owing.
 *          Of the log: empty (committed 0), committed.
 * Always   value + sum of what the entries owe changes by operations without undo only. Outside of the lock the log is
 *          empty. An entry that owes has a process whose record names the segment: else slow, as only who waits for the
 *          semaphore finds it. `clear` without a count means nothing.
 * Order    log words, event fired (sync/event.h), KEEP_ORDER, committed, KEEP_ORDER, apply, committed = 0, release,
 *          wake. The process record names the segment before the commit, under the lock: give_up strikes the name
 *          first and then looks under each lock.
 * Death    before the commit: nothing happened. After it: the thief applies. Owing entries: settled by whoever is about
 *          to say that it would block, is about to sleep, or looks; and by the sweep.
 * Tests    tests/unit/sync, tests/crash/sweep_semaphore, model/event.pml, model/lease.pml. */
#ifndef SYNC_SEMAPHORE_H
#define SYNC_SEMAPHORE_H

#include "life/segment.h"
#include "sync/event.h"
#include "sync/mutex.h"
#include "sync/poll.h"
#include "sync/wait.h"
#include <kin/semaphore.h>

#define SEMAPHORE_MAGIC 0x616d6573u /* "sema" */
#define SEMAPHORE_HOLDERS_MAX 65536u
#define VALUE_MAX ((uint32_t)KIN_SEMAPHORE_VALUE_MAX)

struct redo {
    uint64_t place; /* a word of the semaphore, counted from its beginning */
    uint64_t word;
};

struct semaphore {
    uint32_t magic;
    uint32_t count, holders;
    uint32_t times;
    int64_t operated, changed;
    uint64_t spare[4];
    uint32_t lock;
    uint32_t event;
    uint32_t committed; /* words in the log */
    uint32_t clear;     /* goes with it: undo of semaphore clear - 1 is forgotten first, of all: CLEAR_ALL */
    struct redo redo[2];
    uint64_t cells[2]; /* and more, in a set */
};
_Static_assert(offsetof(struct semaphore, lock) == 64 && offsetof(struct semaphore, cells) == 112 &&
                   sizeof(struct semaphore) == 128,
               "one layout for 32 and 64 bits");
#define CLEAR_ALL UINT32_MAX
#define CELLS_AT (offsetof(struct semaphore, cells) / 8)

#define CELL_VALUE(word) ((uint32_t)(word)&VALUE_MAX)
#define CELL_MAKE(value, pid) ((uint64_t)(value) | (uint64_t)(uint32_t)(pid) << 32)

/* Process and number are the key. */
#define ENTRY_KEY(process, number) ((uint64_t)(process) | (uint64_t)(number) << 32)
#define ENTRY_PROCESS(word) ((uint32_t)(word))
#define ENTRY_NUMBER(word) ((uint32_t)((word) >> 32) & 0xffffu)
#define ENTRY_ADJUST(word) ((int16_t)((word) >> 48))
#define ENTRY_MAKE(key, adjust) ((key) | (uint64_t)(uint16_t)(adjust) << 48)
#define ENTRY_IS(word, key) ((word) << 16 == (key) << 16)

/* One, as this process sees it. The geometry is a checked copy. */
struct set {
    kin_segment *segment;
    struct semaphore *shared;
    uint64_t *words; /* all of it */
    struct redo *log;
    uint64_t offset;
    uint32_t count, holders, room;
    uint32_t entries_at; /* in words */
};

static inline uint32_t semaphore_entries_at(uint32_t count)
{
    return ((uint32_t)CELLS_AT + count + 7) & ~7u;
}

static inline uint32_t semaphore_room(uint32_t count)
{
    return count == 1 ? 2 : 2 * count;
}

static inline uint64_t semaphore_words(uint32_t count, uint32_t holders)
{
    return (uint64_t)semaphore_entries_at(count) + holders + (count == 1 ? 0 : 2 * semaphore_room(count));
}

/* False: there is none. */
ALWAYS_INLINE bool semaphore_view(kin_segment *segment, kin_semaphore *semaphore, struct set *out)
{
    struct semaphore *shared = (struct semaphore *)(void *)semaphore;
    uint64_t offset = (uint64_t)((uintptr_t)semaphore - (uintptr_t)segment->data);
    if (unlikely(offset >= segment->bytes || segment->bytes - offset < sizeof *shared || offset % 8 ||
                 LOAD(shared->magic) != SEMAPHORE_MAGIC))
        return false;
    uint32_t count = LOAD(shared->count), holders = LOAD(shared->holders);
    if (unlikely(count - 1 >= KIN_SEMAPHORE_COUNT_MAX || holders - 1 >= SEMAPHORE_HOLDERS_MAX ||
                 semaphore_words(count, holders) > (segment->bytes - offset) / 8))
        return false;
    out->segment = segment;
    out->shared = shared;
    out->words = semaphore->kin;
    out->offset = offset;
    out->count = count;
    out->holders = holders;
    out->room = semaphore_room(count);
    out->entries_at = semaphore_entries_at(count);
    out->log = count == 1 ? shared->redo : (struct redo *)(void *)(out->words + out->entries_at + holders);
    return true;
}

static inline uint64_t *cell_of(const struct set *set, uint32_t number)
{
    return &set->words[CELLS_AT + number];
}

/* Where an entry is looked for first. */
static inline uint32_t entry_home(const struct set *set, uint64_t key)
{
    uint32_t hash = (uint32_t)key * 0x9e3779b1u + (uint32_t)(key >> 32) * 0x85ebca6bu;
    return set->entries_at + (uint32_t)((uint64_t)hash * set->holders >> 32);
}

/* ---- semaphore.c ---- */

/* Says what is in that memory instead of a semaphore. */
int semaphore_refuse(const kin_segment *segment, const kin_semaphore *semaphore);
/* The calling thread's life, and the lock: 0, or -EBADMSG, -EIDRM, -ETIMEDOUT ... */
int semaphore_enter(kin_segment *segment, kin_semaphore *semaphore, kin_time until, struct set *set,
                    struct seat **seat);

/* ---- semaphore_settle.c ---- */

/* The lock when it is not free; what its dead owner was doing is finished. */
int semaphore_lock_slowly(const struct set *set, struct seat *seat, kin_time until);
ALWAYS_INLINE int semaphore_lock(const struct set *set, struct seat *seat, kin_time until)
{
    life_work_on(seat, set->segment->object.id);
    return mutex_try(seat, &set->shared->lock) ? 0 : semaphore_lock_slowly(set, seat, until);
}
ALWAYS_INLINE void semaphore_unlock(const struct set *set, struct seat *seat)
{
    mutex_release(&set->shared->lock);
    life_work_done(seat);
}

/* After the release: whoever waits for more, or for none. */
ALWAYS_INLINE void semaphore_wake(const struct set *set, uint32_t bits)
{
    poll_wake(set->segment, set->offset, &set->shared->event, bits);
}

/* Steps 2 to 4 but for the release. */
void semaphore_commit(const struct set *set, uint32_t words);

/* Names the segment in the process record. Under the lock. */
int semaphore_name(const struct set *set, struct seat *seat);
static inline bool semaphore_is_named(const kin_segment *segment, const struct seat *seat)
{
    return LOAD(segment->named_by) == seat->process &&
           LOAD(segment->named_when) == LOAD(segment->object.domain->forgotten);
}

/* Under the lock: looks at those who owe, settles what the dead owe. */
struct owing {
    unsigned settled;
    bool ending;          /* some process is about to end ... */
    bool asked_is_ending; /* ... and it is the one that was asked for */
    unsigned lives;
    uint32_t life[WAIT_LIVES_MAX]; /* living ones, to be waited for */
};
void semaphore_settle(const struct set *set, struct seat *seat, bool slow, uint32_t asked, struct owing *out);

/* For the sweep: settles all in the segment. -EAGAIN: process `asked` is still ending and owes. */
int semaphore_settle_all(kin_segment *segment, struct seat *seat, uint32_t asked);
/* How many units of the segment's semaphores that process holds. */
uint64_t semaphore_count_held(kin_segment *segment, uint32_t process);

#endif
