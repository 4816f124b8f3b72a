/* The channel's memory: one producer, one consumer, no lock.
 *
 * Messages have positions, counted from 0. The message of position p lies in slot p modulo the capacity, behind a
 * header of one word: its length, and as its sequence the low half of p + 1. Nothing in shared memory tells how far the
 * producer has come: the sequences do. So a send commits by ONE store, of a slot's header, and a receive by ONE store,
 * of `head`.
 *
 * Layout   below; then, from the next page of the file on, the slots.
 * States   of the slot where position p belongs: empty, its sequence that of p - capacity (0 in the first round) ->
 *          full, p + 1 -> empty for p + capacity, when head has passed p.
 *          Of an end: nobody 0 -> a life -> 0 (close) | END_DIED (its record was swept). From 0, END_DIED or a dead
 *          life the next one takes it by CAS. A dead life and END_DIED mean the same: it died, and nobody came. AWAITED
 *          is set beside any of them by the other side's owner, and kept by all but him who wakes.
 * Always   full are exactly the slots of the positions from head to where the producer is, at most `capacity` of them.
 *          An end's owner has a hold {channel, offset of the end} in its life from before the CAS until after it gave
 *          the end back. Only the owner of the one end writes slots, only that of the other head. AWAITED set too much
 *          is slow (a needless wake), unset while somebody sleeps is slow too (he sleeps to the backstop). `fenced`
 *          unset though a process could not join the membarrier: likewise; set: a fence a message.
 * Order    send: payload, header (release; its pair is the consumer's acquire), AWAITED in the own word is looked at.
 *          receive: payload is read, head (release; its pair is the producer's acquire), AWAITED likewise.
 *          sleep: look who has the other end, look at the ring, set AWAITED beside the very owner that was seen,
 *          membarrier, look at the ring once more, sleep on that word. The membarrier stands for the full fence that
 *          send and receive would need between their commit and their look. Where it is not to be had, `fenced` makes
 *          them. Sleeping on the owner's own word, one learns of whoever takes the end after the look.
 *          wake: clear AWAITED, FUTEX_WAKE.
 * Death    of a producer before his commit: half a payload in an empty slot, which the successor fills anew. He finds
 *          his position by the sequences, from head on. Of a consumer before his commit: the message is still there.
 *          Between commit and wake: his own death wakes the other, who sleeps on his life, or on obit.
 * Tests    tests/unit/channel_spsc, tests/crash/sweep_channel, model/spsc.pml. */
#ifndef CHANNEL_SPSC_H
#define CHANNEL_SPSC_H

#include "life/life.h"
#include "life/object.h"
#include "sync/poll.h"
#include "sys/atomic.h"
#include <kin/channel.h>

enum side { PRODUCER, CONSUMER };

#define END_DIED ID_MASK /* no life has this id */
#define AWAITED 0x80000000u
#define END_OWNER(word) ((word)&ID_MASK)

/* On lines of its own: the owner looks at its word after each message. */
struct channel_end {
    uint32_t word; /* the owner's life, 0 or END_DIED; AWAITED: the other side's owner sleeps on it, or polls */
    uint32_t cpu;  /* where the owner ran when he last waited or woke the other */
    uint32_t spare[30];
};
_Static_assert(sizeof(struct channel_end) == 128, "a pair of cache lines");

struct channel_header {
    struct segment_header base;
    uint32_t messages, message_max;
    uint32_t fenced;
    uint32_t spare;
    uint64_t armed; /* of the pollers (sync/poll.h); the bit of an end is 1 << enum side */
    uint32_t spares[10];
    struct channel_end ends[2]; /* by enum side */
    uint64_t head;              /* position of the next message to receive */
    uint64_t rest[15];
    struct poller pollers[POLLERS_MAX];
};
_Static_assert(offsetof(struct channel_header, ends) == 128 && offsetof(struct channel_header, pollers) == 512,
               "one layout for 32 and 64 bits");

#define HEADER_MAKE(length, position) ((uint64_t)(uint32_t)((position) + 1) << 32 | (length))
#define HEADER_LENGTH(header) ((uint32_t)(header))
#define HEADER_SEQUENCE(header) ((uint32_t)((header) >> 32))
#define HEADER_BYTES 8u

/* What this handle knows of an end that was claimed through it. Used by the owner only. */
struct claim {
    uint32_t life; /* that claimed it; 0: none. Nobody else's id matters to a thread but its own */
    int hold;
    uint64_t position; /* of the next message */
    uint64_t head;     /* producer: the consumer had come this far */
} __attribute__((aligned(128)));

struct kin_channel {
    struct object object;
    struct channel_header *shared;
    unsigned char *slots;
    /* Checked copies, and what follows from them. */
    uint32_t capacity, message_max;
    uint32_t payload; /* where it begins in a slot */
    uint64_t stride;
    struct claim claims[2];
    struct poll_fds fds;
};

static inline struct poll_table channel_pollers(kin_channel *channel)
{
    return (struct poll_table){&channel->shared->armed, channel->shared->pollers, POLLERS_MAX};
}

static inline unsigned char *slot_at(const kin_channel *channel, uint64_t position)
{
    return channel->slots + (position & (channel->capacity - 1)) * channel->stride;
}

static inline uint64_t slot_header(const unsigned char *slot)
{
    return LOAD_ACQUIRE(*(const uint64_t *)(const void *)slot);
}

static inline bool slot_is_full(const kin_channel *channel, uint64_t position)
{
    return HEADER_SEQUENCE(slot_header(slot_at(channel, position))) == (uint32_t)(position + 1);
}

/* ---- spsc_end.c ---- */

enum standing { STANDING_NOBODY, STANDING_LIVES, STANDING_DIED };

/* Who has an end, and its word as it was then. `slow` asks the kernel. */
enum standing end_look(kin_channel *channel, enum side side, bool slow, uint32_t *word);
/* Makes the calling thread an end's owner. -EBUSY. */
int end_claim(kin_channel *channel, struct seat *seat, enum side side);
/* Gives the end back, if the calling thread claimed it through this handle. */
void end_release(kin_channel *channel, struct seat *seat, enum side side);

/* The calling thread's life, as the owner of that end. NULL: *result says why. */
static inline struct seat *end_enter(kin_channel *channel, enum side side, int *result)
{
    struct seat *seat = life_enter(channel->object.domain, result);
    if (unlikely(!seat))
        return NULL;
    if (unlikely(LOAD(channel->shared->base.removed)))
        *result = object_removed(&channel->object, false);
    else if (unlikely(LOAD(channel->claims[side].life) != seat->id))
        *result = end_claim(channel, seat, side);
    return likely(*result == 0) ? seat : NULL;
}

/* ---- spsc_wait.c ---- */

/* Returns when the consumer's next message is there, or the producer has room for one. */
int channel_wait(kin_channel *channel, struct seat *seat, enum side side, kin_time until);

/* 1: the next message is there, or there is room for one; 0: not yet; -EBADMSG. */
int channel_look(kin_channel *channel, enum side side);
/* Sets AWAITED in an end's word beside the owner that was seen. Whoever commits after the fence sees it, and who did
 * before is seen by the look behind it. False: somebody changed the word. */
bool channel_arm(kin_channel *channel, uint32_t *place, uint32_t word);

void channel_wake_slowly(kin_channel *channel, enum side side);

/* After a commit of that side's: wakes the other, if he waits for it. */
static inline void channel_wake(kin_channel *channel, enum side side)
{
    KEEP_ORDER();
    if (unlikely(LOAD(channel->shared->fenced)))
        FULL_FENCE();
    if (unlikely(LOAD(channel->shared->ends[side].word) & AWAITED))
        channel_wake_slowly(channel, side);
}

#endif
