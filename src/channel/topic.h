/* The topic's memory: one log, publishers who take turns under a lock, subscribers who take none.
 *
 * Messages have positions, counted from 0. The message of position p lies in slot p modulo the capacity. The slots are
 * the truth: a slot's sequence says which message is in it and whether it is whole. `head` only saves a search.
 *
 * Layout   below; slots and the records of subscribers are tables (segment/table.h), that of the slots in one piece.
 * States   of the slot where position p belongs: SEQUENCE_READY(p - capacity), in the first round 0 ->
 *          SEQUENCE_WRITING(p) -> SEQUENCE_READY(p).
 *          Of a subscriber's record: free {0} -> used {process, number} -> free, by its owner, or struck off.
 * Always   a slot is written under the lock only. `head` is the position of the first slot that is not ready, or, of a
 *          publisher who died behind his commit, one less. `limit` too low is slow (a walk through the records), too
 *          high wrong: records are made under the lock, and lower it first. A record's cursor never goes back.
 *          EVENT bits set too much are slow (a needless wake). A bit of `polled` too much is slow (a needless ring),
 *          one unset while somebody is armed wrong until the backstop. Before a process has a record, its process
 *          record names the topic.
 * Order    publish: WRITING, fence (its pair is the reader's before his second look), payload and fields, READY
 *          (release; its pair is the reader's acquire), head, the release of the lock, which is a full fence, then the
 *          look at `readable`. Wait for a message: arm `readable`, full fence, look at the slot, sleep on `readable`;
 *          that the slot is still as it was is looked at once more when he can be woken by a death (sync/wait.h).
 *          read: sequence, payload, fence, sequence again, cursor (release; its pair is the acquire of the publisher
 *          who looks for room), then the look at `writable`. Wait for room: `stuck`, arm `writable`, membarrier, look
 *          at the cursors, sleep. The membarrier stands for the full fence that a read would need between its cursor
 *          and its look; where it is not to be had, `fenced` makes them.
 * Death    of a publisher before READY: nothing was published, the next one writes over it. Behind it: the next one
 *          sees READY in the slot where he wants to write, and moves head on. Of a subscriber: its record is struck
 *          off by a publisher who finds it in his way, by who looks for a free record, or by the sweep of its process.
 *          One that was struck off and lives (no thread of it had a life) comes back with its old position.
 * Tests    tests/unit/topic, tests/crash/sweep_topic. */
#ifndef CHANNEL_TOPIC_H
#define CHANNEL_TOPIC_H

#include "life/life.h"
#include "life/object.h"
#include "segment/table.h"
#include "sync/event.h"
#include "sync/mutex.h"
#include "sync/poll.h"
#include "sys/atomic.h"
#include <kin/topic.h>

#define SUBSCRIBERS_MAX 8192u

/* Begins a slot; the payload follows. */
struct slot {
    uint64_t sequence;
    int64_t type;
    int64_t time;
    uint32_t length;
    uint32_t cpu; /* where it was published */
};
_Static_assert(sizeof(struct slot) == 32, "one layout for 32 and 64 bits");

#define SEQUENCE_WRITING(position) (2 * (position) + 1)
#define SEQUENCE_READY(position) (2 * (position) + 2)

/* Those who poll a subscriber are of its own process: a descriptor and a set. */
#define SUBSCRIBER_POLLERS 2u

struct record {
    uint64_t who;    /* the process in the lower half, a number that is nobody else's in the upper; 0: a free record */
    uint64_t cursor; /* position of the next message that it will read */
    uint64_t armed;  /* of its pollers (sync/poll.h) */
    struct poller pollers[SUBSCRIBER_POLLERS];
    uint64_t spare[9];
};
_Static_assert(sizeof(struct record) == 128, "a pair of cache lines each");
#define RECORD_SHIFT 7
#define WHO_PROCESS(who) ((uint32_t)(who))

/* One cache line: all that a publisher changes besides the slot. */
struct topic_hot {
    uint32_t lock;
    uint32_t readable;  /* event: who waits for a message; EVENT_PICKY: who polls, and is in `polled` */
    uint64_t head;      /* position of the next message */
    uint64_t limit;     /* with KIN_TOPIC_BLOCK: positions below have room, as was seen last */
    uint32_t numbers;   /* of subscribers so far */
    uint32_t spare[9];
};
_Static_assert(sizeof(struct topic_hot) == 64, "one cache line");

/* Another: subscribers look at it after each message, and publishers write it only when they have to wait. */
struct topic_room {
    uint32_t writable; /* event: publishers who wait for room */
    uint32_t fenced;
    uint64_t stuck; /* they wait for those who are here */
    uint64_t spare[6];
};
_Static_assert(sizeof(struct topic_room) == 64, "one cache line");

struct topic_header {
    struct segment_header base;
    struct topic_hot hot;
    struct topic_room room;
    uint32_t messages, message_max, policy, times;
    uint64_t spare[6];
    uint64_t polled[SUBSCRIBERS_MAX / 64]; /* bit s of word s / 64: subscriber s polls */
    struct table_header slots, records;
};
_Static_assert(offsetof(struct topic_header, hot) == 64 && offsetof(struct topic_header, slots) == 1280,
               "one layout for 32 and 64 bits");

struct kin_topic {
    struct object object;
    struct topic_header *shared;
    struct topic_hot *hot;
    unsigned char *memory; /* of the slots */
    uint64_t capacity, stride;
    uint32_t payload; /* where it begins in a slot */
    uint32_t message_max;
    bool blocks, times;
    struct table slots, records;
};

/* Private to its process. */
struct kin_subscriber {
    kin_topic *topic;
    struct record *record;
    uint32_t number; /* of the record */
    uint32_t cpu;    /* where its last message was published */
    uint64_t who;    /* what the record says of it */
    uint64_t position;
    uint64_t missed; /* before the message at `position` */
    uint64_t slack;  /* how far behind the oldest it went on when it was overtaken last */
    struct poll_fds fds;
};

static inline struct slot *slot_at(const kin_topic *topic, uint64_t position)
{
    return (struct slot *)(void *)(topic->memory + (position & (topic->capacity - 1)) * topic->stride);
}

/* What is in the slot before that position is written. */
static inline uint64_t sequence_before(const kin_topic *topic, uint64_t position)
{
    return position < topic->capacity ? 0 : SEQUENCE_READY(position - topic->capacity);
}

static inline bool is_ready(uint64_t sequence, uint64_t position)
{
    return sequence >= SEQUENCE_READY(position);
}

static inline uint64_t oldest_of(const kin_topic *topic, uint64_t head)
{
    return head > topic->capacity ? head - topic->capacity : 0;
}

static inline struct record *record_at(kin_topic *topic, uint32_t number)
{
    return number ? table_at(&topic->records, number) : NULL;
}

/* How many records there are, number 0 included, which is none. */
static inline uint32_t records_of(const kin_topic *topic)
{
    uint32_t count = LOAD_ACQUIRE(topic->records.shared->count);
    return count < topic->records.limit ? count : topic->records.limit;
}

static inline struct poll_table record_pollers(struct record *record)
{
    return (struct poll_table){&record->armed, record->pollers, SUBSCRIBER_POLLERS};
}

/* ---- topic.c ---- */

/* The position of the next message, as the slots have it. */
uint64_t topic_head(const kin_topic *topic);
/* The same under the lock: what the dead left, or damage, is put right. */
uint64_t topic_mend(kin_topic *topic);

/* The lock when it is not free. */
int topic_lock_slowly(kin_topic *topic, struct seat *seat, kin_time until);
static inline int topic_lock(kin_topic *topic, struct seat *seat, kin_time until)
{
    life_work_on(seat, topic->object.id);
    return mutex_try(seat, &topic->hot->lock) ? 0 : topic_lock_slowly(topic, seat, until);
}
static inline void topic_unlock(kin_topic *topic, struct seat *seat)
{
    mutex_release(&topic->hot->lock);
    life_work_done(seat);
}
/* The calling thread's life, and the lock. 0, or -EIDRM, -ETIMEDOUT ... */
static inline int topic_enter(kin_topic *topic, struct seat **seat, kin_time until)
{
    int result = 0;
    *seat = life_enter(topic->object.domain, &result);
    if (unlikely(!*seat))
        return result;
    if (unlikely(LOAD(topic->shared->base.removed)))
        return object_removed(&topic->object, false);
    return topic_lock(topic, *seat, until);
}

/* ---- topic_wait.c ---- */

void topic_wake_slowly(kin_topic *topic);
/* Behind a commit, and the release of the lock. */
static inline void topic_wake(kin_topic *topic)
{
    FENCE_BEHIND_ATOMIC();
    if (unlikely(LOAD(topic->hot->readable) & EVENT_BITS))
        topic_wake_slowly(topic);
}
/* Under the lock, which it lets go of when it waits: returns when there is room at head. On failure the lock is not
 * held. */
int topic_find_room(kin_topic *topic, struct seat *seat, kin_time until);

void subscriber_pass_slowly(kin_topic *topic, uint64_t passed);
/* The subscriber goes on to that position: publishers may wait for it. */
static inline void subscriber_go_on(kin_subscriber *subscriber, uint64_t position)
{
    kin_topic *topic = subscriber->topic;
    uint64_t passed = subscriber->position;
    subscriber->position = position;
    STORE_RELEASE(subscriber->record->cursor, position);
    KEEP_ORDER();
    if (!topic->blocks)
        return;
    if (unlikely(LOAD(topic->shared->room.fenced)))
        FULL_FENCE();
    if (unlikely(LOAD_ACQUIRE(topic->shared->room.writable) & EVENT_BITS))
        subscriber_pass_slowly(topic, passed);
}
/* Returns when it is worth while to look for the subscriber's next message again. */
int subscriber_wait(kin_subscriber *subscriber, kin_time until);
/* Arms it: behind this, who publishes wakes or rings. */
uint32_t subscriber_arm(kin_subscriber *subscriber, uint32_t bits);
/* Whether there is something to be read, or to be found out by trying. Puts the position right where it is damaged. */
bool subscriber_can_read(kin_subscriber *subscriber);

/* ---- topic_subscribe.c ---- */

/* Strikes off the dead among the subscribers that stand at `stuck` or before it. Under the lock. How many; *living is
 * one of the others there, or NULL. */
unsigned topic_strike_dead(kin_topic *topic, uint64_t stuck, bool slow, struct record **living);
/* The subscriber is not in its record: it was struck off though its process lives, and comes back; or -EPERM. */
int subscriber_come_back(kin_subscriber *subscriber);
/* Whether the record is this subscriber's, and that this process's. */
static inline bool subscriber_is_in(const kin_subscriber *subscriber)
{
    return LOAD(subscriber->record->who) == subscriber->who &&
           LOAD(*subscriber->topic->object.domain->own) == WHO_PROCESS(subscriber->who);
}

#endif
