/* The queue's memory.
 *
 * Each message is a record, and its `state` is the truth: free, full, or held (loaned, borrowed, leased, being read) by
 * a process. Everything else - the lists, the bitmaps, the depth, the tree of free space - is derived from the records,
 * and can be made again from them.
 *
 * Each operation is a *move* of one record from one list to another, in four steps under the lock:
 *   1. write into the own life's op: the slot, its state after, its neighbours in both lists, the new depth;
 *   2. commit: ONE store of the record's state;
 *   3. apply the op: stores of the absolute values that it names;
 *   4. clear op.kind, release.
 * The one who steals the lock from a dead owner reads that op: if the record's state is op.after the move happened, and
 * he applies it, as often as need be; if not it never did. So a death costs the same however long the queue is.
 *
 * Layout   below. Records, lanes (a list a priority, beyond 0), space (payloads over 64 bytes) and the tree of its free
 *          blocks are growing tables.
 * States   of a record: FREE -> FULL (send) | LOANED -> FULL (send_loan) | LOANED -> FREE; FULL -> FREE (receive) |
 *          READING -> FREE (receive of a long one) | BORROWED -> FREE | LEASED -> FREE (done), LEASED -> FULL (put
 *          back).
 * Always   a record is in exactly one list, by its state: free, fresh (never used yet), a lane, held, aside. A free
 *          record may keep its block for its next message; no two records name the same block. Derived values are
 *          wrong only while an op is under way. Before a process has its first record, its process record names the
 *          queue. A bit of `caller`, a record's own event, that is unset while somebody sleeps on it is wrong, one set
 *          too much is slow.
 * Order    op, event (sync/event.h), payload and fields, KEEP_ORDER, state, KEEP_ORDER, apply, op.kind = 0, release.
 *          Taking space: the op names the free record, block into it, then the tree. Giving it back: the op names the
 *          free record, then the tree, then block = 0.
 *          `caller` is armed under the lock by who then sleeps until the record is ended; counted up when the record
 *          is taken, so that nobody falls asleep on what he saw before; fired when it is ended or put back.
 * Death    before the commit: nothing happened; the space of the free record that the op names is given back. After:
 *          the thief applies. Rebuilding: op.kind is OP_UNKNOWN all the while, so the next one begins anew. Holding
 *          records: settled by whoever looks for messages or space, by queue_settle_slot, a pure function of the
 *          record and of the dead life's finish record.
 * Tests    tests/unit/channel, tests/crash/sweep_queue, tests/crash/sweep_service, model/event.pml,
 *          model/finish.pml. */
#ifndef CHANNEL_QUEUE_H
#define CHANNEL_QUEUE_H

#include "life/life.h"
#include "life/object.h"
#include "segment/table.h"
#include "sync/event.h"
#include "sync/mutex.h"
#include "sync/poll.h"
#include "sync/wait.h"
#include <kin/queue.h>

enum tag { TAG_FREE, TAG_FULL, TAG_LOANED, TAG_BORROWED, TAG_LEASED, TAG_READING };

/* A state: tag, ASIDE, attempts, the process that holds it. */
#define STATE_ASIDE UINT64_C(0x10)
#define STATE_TAG(state) ((enum tag)((state)&0xf))
#define STATE_ATTEMPTS(state) ((uint32_t)((state) >> 8) & 0xffffffu)
#define STATE_OWNER(state) ((uint32_t)((state) >> 32))
#define STATE_MAKE(tag, attempts, owner)                                                                               \
    ((uint64_t)(tag) | (uint64_t)((attempts)&0xffffffu) << 8 | (uint64_t)(owner) << 32)

#define INLINE_BYTES 64u

struct record {
    uint64_t state;
    uint64_t sequence;
    int64_t type;
    uint64_t block; /* of its payload in the space (space.h); 0: in line */
    uint32_t length;
    uint32_t priority;
    uint32_t next, prev;
    uint32_t finisher; /* the life that finishes it by done-and-send, 0: none */
    uint32_t handle;   /* of the process that holds it: through which handle */
    uint32_t cpu;      /* where it was touched last */
    uint32_t caller;   /* event: of who waits for the end of this record (channel/service_call.c) */
    unsigned char bytes[INLINE_BYTES];
};
_Static_assert(sizeof(struct record) == 128 && offsetof(struct record, bytes) == 64, "one layout for 32 and 64 bits");
#define RECORD_SHIFT 7

struct lane {
    uint32_t head, tail;
};
#define LANE_SHIFT 3
#define LANES (KIN_PRIORITY_MAX + 1u)

#define UNIT_SHIFT 8 /* the smallest block of the space: 256 bytes */
#define TREE_SHIFT 1 /* two bytes of tree a unit */

/* One cache line: all that a send and a receive of priority 0 change besides the record. */
struct hot {
    uint32_t lock;
    uint32_t readable, writable; /* events */
    uint32_t depth;              /* messages that can be received */
    uint32_t free;               /* list of free records */
    uint32_t fresh;              /* records from here on were never used */
    struct lane first;           /* priority 0 */
    uint64_t sequence;           /* of the next message; counts from 1 */
    uint32_t summary;     /* bit g: some lane of priorities 1024 g and following has messages; lane 0 is not counted */
    uint32_t held, aside; /* lists */
    uint32_t spare;
    uint64_t armed; /* of the pollers (sync/poll.h); their bits are of enum kin_ready */
};
_Static_assert(sizeof(struct hot) == 64, "one cache line");

struct queue_header {
    struct segment_header base;
    struct hot hot;
    uint32_t messages, message_max;
    uint32_t spare[14];
    uint32_t groups[32]; /* bit w of word g: map[32 g + w] is not 0 */
    struct table_header records, lanes, space, tree;
    struct poller pollers[POLLERS_MAX];
    uint32_t map[LANES / 32]; /* bit p of word p / 32: the lane of priority p has messages */
};
_Static_assert(offsetof(struct queue_header, hot) == 64, "the hot line is a cache line");

enum list { LIST_FREE, LIST_FRESH, LIST_HELD, LIST_ASIDE, LIST_LANE };
#define LIST_OF_PRIORITY(priority) (LIST_LANE + (priority))

#define OP_MOVE 1u
/* The words of an op. */
enum { W_FROM, W_PREV, W_NEXT, W_TO, W_LEFT, W_RIGHT, W_DEPTH };

struct kin_queue {
    struct object object;
    struct queue_header *shared;
    struct hot *hot;
    struct table records, lanes, space, tree;
    uint32_t messages, message_max;
    uint32_t number;      /* of this handle */
    uint32_t deaths;      /* announcements in the domain when this handle last looked at its holders */
    uint32_t named_by;    /* the process record that names this queue already ... */
    uint32_t named_when;  /* ... unless domain->forgotten has moved on */
    uint32_t peer_cpu[2]; /* where the other side was met last: as receiver, as sender */
    struct poll_fds fds;
};

static inline struct record *record_at(kin_queue *queue, uint32_t slot)
{
    return slot ? table_at(&queue->records, slot) : NULL;
}

/* ---- move.c ---- */

struct move;

/* After a lock was taken from the dead: completes or drops what they were doing. The lock stays held. */
void queue_repair(kin_queue *queue, struct seat *seat, uint32_t dead);
/* Makes everything derived anew from the records. The lock is held; op.kind is OP_UNKNOWN from then on. */
void queue_rebuild(kin_queue *queue, struct seat *seat);
/* The same for one's own operation that met what cannot be. */
void queue_repair_own(kin_queue *queue, struct seat *seat);

/* ---- access.c ---- */

/* The lock when it is not free. */
int queue_lock_slowly(kin_queue *queue, struct seat *seat, kin_time until);
static inline int queue_lock(kin_queue *queue, struct seat *seat, kin_time until)
{
    life_work_on(seat, queue->object.id);
    return mutex_try(seat, &queue->hot->lock) ? 0 : queue_lock_slowly(queue, seat, until);
}
/* The calling thread's life, and the lock. 0, or -EIDRM, -ETIMEDOUT ... */
static inline int queue_enter(kin_queue *queue, struct seat **seat, kin_time until)
{
    int result = 0;
    *seat = life_enter(queue->object.domain, &result);
    if (unlikely(!*seat))
        return result;
    if (unlikely(LOAD(queue->shared->base.removed)))
        return object_removed(&queue->object, false);
    return queue_lock(queue, *seat, until);
}
static inline void queue_unlock(kin_queue *queue, struct seat *seat)
{
    mutex_release(&queue->hot->lock);
    life_work_done(seat);
}
static inline struct poll_table queue_pollers(kin_queue *queue)
{
    return (struct poll_table){&queue->hot->armed, queue->shared->pollers, POLLERS_MAX};
}
/* Rings pollers and wakes sleepers after the release: bits from event_fire, and what pollers are armed for. */
static inline void queue_wake(kin_queue *queue, uint32_t *event, uint32_t bits, uint32_t ring)
{
    event_wake(event, bits);
    if (unlikely(ring))
        poll_ring_slowly(queue->object.domain, queue_pollers(queue), ring);
}
/* What those sleep on who wait until that is possible. */
static inline uint32_t *queue_event(kin_queue *queue, enum kin_ready what)
{
    return what == KIN_CAN_RECEIVE ? &queue->hot->readable : &queue->hot->writable;
}
/* Under the lock, before a commit that makes `what` possible: fires the event. */
static inline uint32_t queue_fire(kin_queue *queue, enum kin_ready what, uint32_t *ring)
{
    *ring = (uint32_t)LOAD(queue->hot->armed) & what;
    return event_fire(queue_event(queue, what));
}

/* The same when all goes well at once: the lock is held. NULL: take the long way. */
static inline struct seat *queue_enter_at_once(kin_queue *queue)
{
    struct seat *seat = life_current(queue->object.domain);
    if (unlikely(!seat || LOAD(queue->shared->base.removed)))
        return NULL;
    life_work_on(seat, queue->object.id);
    return mutex_try(seat, &queue->hot->lock) ? seat : NULL;
}

/* Names the queue in the process record, once a handle and process. Under the lock, in the same breath as the move into
 * the hand: a handle that closes may strike the name while the lock is free. */
int queue_name_holder(kin_queue *queue, struct seat *seat);

/* Whether it would have to wait, as it looks without the lock. */
static inline bool queue_lacks(const kin_queue *queue, enum kin_ready what)
{
    const struct hot *hot = queue->hot;
    return what == KIN_CAN_RECEIVE ? LOAD(hot->depth) == 0
                                   : LOAD(hot->free) == 0 && LOAD(hot->fresh) > queue->messages;
}
/* Looks out for it, while the other side runs on another processor; true: now it seems possible. Who is about to find
 * nothing does so before he takes the lock, which the other side will want in a moment. */
bool queue_glance(const kin_queue *queue, enum kin_ready what);
static inline void queue_expect(const kin_queue *queue, enum kin_ready what, kin_time until)
{
    if (queue_lacks(queue, what) && until != KIN_NOW)
        queue_glance(queue, what);
}

/* Waiting for a condition of the queue. */
struct waiting {
    kin_queue *queue;
    struct seat *seat;
    enum kin_ready what;
    uint32_t bits; /* EVENT_SLEEPERS, and EVENT_PICKY */
    kin_time until;
    unsigned rounds, hopes; /* looks without a sleep, and how many of them seemed worth it */
    bool slept, late;
    unsigned rebuilt;
    int64_t longest;
};
/* Called with the lock held and nothing found, after queue_settle said what stands in the way; comes back with the lock
 * held: look again. -ETIMEDOUT, -EIDRM: it is not held. */
int queue_wait(struct waiting *waiting);
/* What a waiter that got what he wanted owes others: event bits to wake after the release. Under the lock, before the
 * commit. `more`: something is left for them. */
uint32_t queue_pass_on(struct waiting *waiting, bool more, uint32_t *ring);
/* Releases the lock without having taken anything: a wake that was eaten goes to the next. */
void queue_leave(struct waiting *waiting);

/* ---- settle.c ---- */

struct standing {
    unsigned settled; /* records */
    bool ending;      /* a holder is about to end */
    unsigned lives;
    uint32_t life[WAIT_LIVES_MAX]; /* living holders, to be waited for */
};
/* Under the lock: looks at the holders of records, settles those of the dead. */
void queue_settle(kin_queue *queue, struct seat *seat, bool slow, struct standing *out);
/* Before a message is chosen: after a death, a job of the dead may have to come back to its place first. */
void queue_settle_deaths(kin_queue *queue, struct seat *seat);
static inline void queue_heed_deaths(kin_queue *queue, struct seat *seat)
{
    if (unlikely(LOAD(queue->object.domain->shared->deaths) != LOAD(queue->deaths)))
        queue_settle_deaths(queue, seat);
}

/* ---- pick.c ---- */

/* The slot that a receiver gets, 0: none. -EBADMSG in *error: links that cannot be. */
uint32_t queue_pick(kin_queue *queue, const struct kin_receive *how, int *error);
/* The list head and tail of a list; tail NULL where it has none. False: no such lane. */
bool queue_ends(kin_queue *queue, uint32_t list, uint32_t **head, uint32_t **tail);
/* Sets or clears a lane's bit by its head. */
void lane_mark(kin_queue *queue, uint32_t priority, bool full);
/* Makes the lane of that priority exist. */
int lane_reach(kin_queue *queue, uint32_t priority);
/* The same for a caller without the lock. */
int lane_exists(kin_queue *queue, struct seat *seat, uint32_t priority);

/* ---- space.c ---- */

/* Finds a free block for `length` bytes; nothing is changed. 0: none. */
uint64_t space_find(kin_queue *queue, uint32_t length);
/* Whether it is a block that one would take for that length: not larger than need be. */
bool space_fits(kin_queue *queue, uint64_t block, uint32_t length);
/* Marks it used or free. False: no such block. */
bool space_mark(kin_queue *queue, uint64_t block, bool used);
/* The bytes of a block of at least `length`; NULL: no such block. */
unsigned char *space_bytes(kin_queue *queue, uint64_t block, uint32_t length);
/* More space: 0, -ENOSPC at the limit, or another error of the file system. */
int space_grow(kin_queue *queue);
bool space_at_limit(const kin_queue *queue);
/* Everything free. */
void space_reset(kin_queue *queue);

static inline unsigned char *payload_of(kin_queue *queue, struct record *record, uint32_t length)
{
    return LOAD(record->block)      ? space_bytes(queue, LOAD(record->block), length)
           : length <= INLINE_BYTES ? record->bytes
                                    : NULL;
}

/* Up to INLINE_BYTES, without a call. */
static inline void copy_short(unsigned char *to, const unsigned char *from, uint32_t length)
{
    if (length == INLINE_BYTES) {
        __builtin_memcpy(to, from, INLINE_BYTES);
    } else if (length >= 16) {
        for (uint32_t at = 0; at + 16 < length; at += 16)
            __builtin_memcpy(to + at, from + at, 16);
        __builtin_memcpy(to + length - 16, from + length - 16, 16);
    } else if (length >= 8) {
        __builtin_memcpy(to, from, 8);
        __builtin_memcpy(to + length - 8, from + length - 8, 8);
    } else {
        for (uint32_t at = 0; at < length; at++)
            to[at] = from[at];
    }
}

/* ---- send.c, receive.c ---- */

/* Gets a free record with room for `length` bytes into a move, under the lock, waiting for it; on success the lock is
 * held and the op names slot, list and block. */
int queue_take_free(struct waiting *waiting, uint32_t length, struct move *move);

/* Sends a checked loan; the lock is held on entry and not on return. */
int queue_send_in_hand(kin_queue *queue, struct seat *seat, struct record *record, const struct kin_message *message,
                       const struct kin_send *how);

/* The record in hand that a message names, under the lock. -EINVAL: it is not in this process's hand that way. */
int queue_in_hand(kin_queue *queue, struct seat *seat, const struct kin_message *message, enum tag tag,
                  struct record **out);
/* Enters the queue and checks the message: on success the lock is held. */
int queue_enter_hand(kin_queue *queue, const struct kin_message *message, enum tag tag, struct seat **seat,
                     struct record **out);

/* ---- lease.c ---- */

/* Ends what is in hand as `tag`: its record becomes free. */
int queue_end(kin_queue *queue, const struct kin_message *message, enum tag tag);
/* A leased message goes to the dead-letter queue, or aside. */
int queue_bury(kin_queue *queue, struct kin_message *message, kin_queue *dead_letter);
/* Gives back what was taken through this handle. */
void queue_give_up(kin_queue *queue);
/* Tries once more what was set aside, until the dead-letter queue is full again. */
int queue_unbury(kin_queue *queue, kin_queue *dead_letter);

#endif
