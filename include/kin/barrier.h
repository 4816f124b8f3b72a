/* kin/barrier.h - everybody waits until everybody is there, round after round.
 *
 * A barrier has a number of seats. A thread sits down when it first waits, or before by kin_barrier_join, and keeps its
 * seat from round to round. A round ends when all seats are taken and all who sit there have arrived. Exactly one is
 * told KIN_SERIAL: it does what is to be done once a round.
 *
 * A party that dies, arrived or not, loses its seat, and nobody waits for it any more: the round ends without it, and
 * everybody in it is told KIN_RECOVERED, so that all can decide alike. Its work in this round may be missing. The
 * barrier goes on with one seat fewer until somebody takes the empty seat by waiting or joining. When no party is left
 * the barrier starts over and waits for all seats.
 *
 *     int result = kin_barrier_wait(segment, &grid->barrier, KIN_FOREVER);
 *     if (result < 0)
 *         errx(1, "%s", kin_reason());
 *     if (result & KIN_RECOVERED)
 *         ... a party died in this round: somebody must take over its part ...
 *     if (result & KIN_SERIAL)
 *         ... one of us ...
 *
 * A party that dies before it ever sat down is not known: the others wait for it, or for who comes in its stead, until
 * their deadline. So let each party join as the first thing it does. Who leaves without kin_barrier_leave, by ending
 * its thread or process, counts as dead. A seat counts as one of the 16 things that a thread may hold. */
#ifndef KIN_BARRIER_H
#define KIN_BARRIER_H

#include <kin/segment.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define KIN_SERIAL 2 /* a bit beside KIN_RECOVERED */
#define KIN_BARRIER_SEATS 64

/* 576 bytes, the same in every process. The members are kin's own. */
typedef struct kin_barrier {
    uint32_t word;
    uint32_t magic;
    uint32_t parties;
    uint32_t event;
    uint64_t state;
    uint64_t spare[5];
    uint64_t seats[KIN_BARRIER_SEATS];
} kin_barrier;

/* Prepares one for so many parties, 1 to 64. For a segment's `setup`, or before any other process may see it.
 * -EINVAL: not inside the segment, or not aligned to 8; or that many parties cannot be. */
int kin_barrier_init(kin_segment *segment, kin_barrier *barrier, unsigned parties);

/* Sits down without waiting. -EBUSY: all seats are taken by the living; -EALREADY: this thread has one; -ENOLCK: it
 * holds 16 things already; -EBADMSG: there is no barrier in that memory.
 * Death: the seat is free, and the round's parties are told. */
int kin_barrier_join(kin_segment *segment, kin_barrier *barrier);

/* Arrives and waits for the end of the round. 0 or more: it ended: KIN_SERIAL for one, KIN_RECOVERED for all if a party
 * died in it. -ETIMEDOUT: it did not, and this thread has not arrived: it may wait again; -EIDRM: the segment was
 * removed; and the errors of join.
 * Death: the round ends without him, with KIN_RECOVERED. If the round had ended already it is told in the next; so the
 * one with KIN_SERIAL who dies before he did what is to be done is known a round later. */
int kin_barrier_wait(kin_segment *segment, kin_barrier *barrier, kin_time until);

/* Gives the seat up: from this round on nobody waits for it, and it may be taken again. -EPERM: this thread has none.
 * Death: as if he had not left: the others are told. */
int kin_barrier_leave(kin_segment *segment, kin_barrier *barrier);

/* A descriptor for poll, epoll or an event loop, readable when all others have arrived, or have died: kin_barrier_wait
 * ends the round at once. So one party of a round can poll, while the others wait. One a barrier and handle of the
 * segment; do not close it. kin_barrier_clear() empties it before each try. -EBUSY: 64 others poll things of this
 * segment. Fork: the child asks for one of its own. */
int kin_barrier_fd(kin_segment *segment, kin_barrier *barrier);
int kin_barrier_clear(kin_segment *segment, kin_barrier *barrier);

struct kin_barrier_options {
    size_t size;
    unsigned flags;   /* of enum kin_open */
    unsigned mode;    /* default 0600 */
    unsigned parties; /* of a new one */
};
#define KIN_BARRIER(...) (&(struct kin_barrier_options){.size = sizeof(struct kin_barrier_options), __VA_ARGS__})

/* One by name: a segment that holds nothing else. Close with kin_segment_close(home). */
int kin_barrier_open(kin_domain *domain, const char *name, const struct kin_barrier_options *options,
                     kin_segment **home, kin_barrier **out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
