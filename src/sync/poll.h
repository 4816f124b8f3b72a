/* Being told without being asleep on an object: pollers, and sets of them.
 *
 * An object that can be waited for keeps a table of pollers in its header. A poller names a bell (life/bell.h) and the
 * bits that it is armed for. Who makes something possible takes the arms off and rings. Who is rung looks at the object
 * himself, and arms again before he waits again: arms are off exactly where a look is due, so a set of any size has one
 * bell, and finds what rang by one load a member.
 *
 * A room makes a thing of its own pollable so: it puts a table into the header, or uses that of the segment; it writes
 * a `ready` function; and whoever changes the thing calls poll_ring. Either the change and the look at `armed` are
 * under one lock that `ready` takes too, or a full barrier (an atomic read-modify-write is one) stands between the
 * change and that look. A thing in a struct of the user's, which is to cost nothing while nobody polls, has a word with
 * a bit for sleepers: `ready` sets that bit when it is about to answer "not yet", as a sleeper does, and who has woken
 * sleepers looks at the table. `ready` settles what the dead left before it says no.
 *
 * Layout   struct poller in life/bell.h; a table of them and beside it one u64, `armed`: in its low half the bits that
 *          anybody is armed for, folded; in its high half a count of all armings.
 * States   of an entry: free {bell 0} -> joined {bell, arms 0} <-> armed {bell, arms}; joined or armed by the dead ->
 *          joined by another, or free.
 * Always   only its owner sets bits in `arms`; anybody takes them off. A bit of `arms` that is set too much is slow (a
 *          needless ring), one unset too early, without a ring, wrong until the backstop. A bit of `armed` set too much
 *          is slow (a walk through the table), one unset while an entry has it wrong until the backstop.
 * Order    arm: arms, then armed with its count, full fence, then the look at the object. ring: change the object,
 *          barrier, look at armed; take off the arms of all entries, ring; then put into armed what is still armed,
 *          unless the count says that somebody armed meanwhile.
 * Death    of a poller: his entry is taken over by who finds none free; till then his bell cannot be rung. Of a ringer
 *          between the change and the ring: his death is announced, and rings all bells.
 * Tests    tests/unit/sync, tests/unit/channel, tests/crash/sweep_poll. */
#ifndef SYNC_POLL_H
#define SYNC_POLL_H

#include "life/bell.h"
#include "life/object.h"
#include "life/segment.h"
#include "sync/event.h"
#include "sys/atomic.h"
#include <kin/poll.h>

struct poll_table {
    uint64_t *armed;
    struct poller *pollers;
    unsigned count;
};

/* The table of all that lies in a segment. */
static inline struct poll_table poll_table_of(kin_segment *segment)
{
    struct data_header *header = (struct data_header *)(void *)segment->object.segment.header;
    return (struct poll_table){&header->armed, header->pollers, POLLERS_MAX};
}

/* The bit for a thing in a segment, by its place. Two things may have the same: then both are looked at. */
static inline uint64_t poll_bit(uint64_t offset)
{
    return UINT64_C(1) << ((offset >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

#define POLL_FOLD(bits) ((uint32_t)(bits) | (uint32_t)((uint64_t)(bits) >> 32))

void poll_ring_slowly(kin_domain *domain, struct poll_table table, uint64_t bits);
/* Rings everybody who is armed for one of the bits. Nobody armed costs one load. Holding locks is allowed. */
static inline void poll_ring(kin_domain *domain, struct poll_table table, uint64_t bits)
{
    if (unlikely((uint32_t)LOAD(*table.armed) & POLL_FOLD(bits)))
        poll_ring_slowly(domain, table, bits);
}

/* For the poller himself: an entry for his bell, his own or a new one. NULL: all are taken by the living. */
struct poller *poll_join(kin_domain *domain, struct poll_table table, bell_id bell);
void poll_leave(struct poller *poller, bell_id bell);
void poll_arm(struct poll_table table, struct poller *poller, uint64_t bits);

struct pollable;
/* Whether it is worth while to try: it may be had, or was removed, or its holder died. `slow` asks the kernel who
 * lives. Called by the set's thread; takes and leaves the object's lock if it must. */
typedef bool poll_ready(struct pollable *thing, bool slow);

/* A thing that can be waited for, and how it is looked at. */
struct pollable {
    struct object *object;
    struct poll_table table;
    uint64_t bit;
    poll_ready *ready;
    void *handle;
    uint64_t offset;
    uint32_t what;
    uint64_t seen; /* for `ready`: what it saw when it was last asked, and when it last said yes */
    kin_time told;
    bool ending; /* and that whoever is in the way is about to end: ask again soon */
};

/* A thing at that offset of a segment, one of its conditions. `handle` is the segment. */
static inline struct pollable poll_place(kin_segment *segment, uint64_t offset, uint32_t what, poll_ready *ready)
{
    return (struct pollable){
        .object = &segment->object,
        .table = poll_table_of(segment),
        .bit = poll_bit(offset),
        .ready = ready,
        .handle = segment,
        .offset = offset,
        .what = what,
    };
}
/* And what rings it. */
static inline void poll_ring_place(kin_segment *segment, uint64_t offset)
{
    poll_ring(segment->object.domain, poll_table_of(segment), poll_bit(offset));
}

/* The same together with the wake that is due to sleepers: pollers have set the sleepers' bits too, so where nobody
 * sleeps and nobody polls there is nothing more to look at. After a fire: */
void poll_wake_slowly(kin_segment *segment, uint64_t offset, uint32_t *event, uint32_t bits);
static inline void poll_wake(kin_segment *segment, uint64_t offset, uint32_t *event, uint32_t bits)
{
    if (unlikely(bits))
        poll_wake_slowly(segment, offset, event, bits);
}
/* After the release of a thing's word that found WAITERS. */
void poll_wake_mutex(kin_segment *segment, uint32_t *word);
/* After a change that was made without a lock, and a fence; all are woken. */
void poll_raise_slowly(kin_segment *segment, uint64_t offset, uint32_t *event);
static inline void poll_raise(kin_segment *segment, uint64_t offset, uint32_t *event)
{
    if (unlikely(LOAD(*event) & EVENT_BITS))
        poll_raise_slowly(segment, offset, event);
}

/* The result is the member's number, or an error. */
int poll_add(kin_poll *set, const struct pollable *thing);

/* kin_NOUN_fd, kin_NOUN_clear: a set of one, kept by the handle. A thing is known by its offset and `what`. */
int poll_fd(struct poll_fds *fds, const struct pollable *thing);
int poll_clear(struct poll_fds *fds, const struct pollable *thing, const char *noun);

#endif
