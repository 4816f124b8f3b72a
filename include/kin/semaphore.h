/* kin/semaphore.h - semaphores, and sets of them, whose units come back from the dead.
 *
 * A semaphore is a number from 0 to 32767. To acquire takes a unit from it and waits while there is none; to release
 * puts one in. What a process takes with undo is noted down beside the number in the same step: when the process ends,
 * in whatever way, it comes back, and whoever waits for it goes on. Undo belongs to the process: any thread of it may
 * release, and an exec keeps it; a child of fork has none of its parent's.
 *
 * A set is several of them, numbered from 0. One call changes as many as it likes by an array of operations, in their
 * order, all or nothing: who is killed inside it has done all of them or none.
 *
 * One lives inside your own struct in a segment, or by itself under a name. It is born whole: with its values.
 *
 *     kin_segment *home;
 *     kin_semaphore *slots;
 *     kin_semaphore_open(NULL, "slots", KIN_SEMAPHORE(.value = 4), &home, &slots);
 *     if (kin_semaphore_acquire(home, slots, kin_after(5 * 1000000000LL)) == 0) {
 *         work();
 *         kin_semaphore_release(home, slots);
 *     }
 *
 * Who signals by units, and never takes back what it put in, leaves undo away: {.by = 1} here, {.by = -1} there.
 *
 * How many processes can hold units at once is limited: 48 of a kin_semaphore in your struct, else what you ask for; in
 * a set each semaphore that a process holds something of counts. One segment has room for 256 semaphores or sets.
 * Waiters are not served in the order in which they came. */
#ifndef KIN_SEMAPHORE_H
#define KIN_SEMAPHORE_H

#include <kin/segment.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define KIN_SEMAPHORE_VALUE_MAX 32767
#define KIN_SEMAPHORE_COUNT_MAX 32000 /* in a set */
#define KIN_SEMAPHORE_OPS_MAX 500     /* in one call */

/* 512 bytes, the same in every process: one semaphore, or the beginning of a larger set. The members are kin's own. */
typedef struct kin_semaphore {
    uint64_t kin[64];
} kin_semaphore;

struct kin_semaphore_options {
    size_t size;
    unsigned flags;         /* of enum kin_open; not for init */
    unsigned mode;          /* default 0600; not for init */
    unsigned count;         /* how many are in a new set, default 1; of an old one the least that it must have */
    unsigned value;         /* of each of them at birth */
    const uint16_t *values; /* or one for each */
    unsigned holders;       /* how many can be held with undo at once, default as many as there is room for; 1024 of a
                               named one, more where count is more */
    uint64_t bytes;         /* init: how much memory there is, default sizeof(kin_semaphore) */
    unsigned times;         /* 1: keep the time of the last operation for kin_semaphore_status; costs some ns each */
};
#define KIN_SEMAPHORE(...) (&(struct kin_semaphore_options){.size = sizeof(struct kin_semaphore_options), __VA_ARGS__})

/* How much memory a set needs; 0: more than can be. */
uint64_t kin_semaphore_bytes(unsigned count, unsigned holders);

/* Prepares one in the segment's memory. For a segment's `setup`, or before any other process may see it. Aligned to 64
 * it is fastest. -EINVAL: not inside the segment, not aligned to 8, too little memory; -ERANGE: a value beyond 32767;
 * -ENOSPC: the segment has 256 already.
 * Death: the memory is no semaphore yet, or is one. */
int kin_semaphore_init(kin_segment *segment, kin_semaphore *semaphore, const struct kin_semaphore_options *options);

/* Ends one: waiters, and whoever uses it afterwards, get -EIDRM or -EBADMSG. Nothing is given back. */
void kin_semaphore_fini(kin_segment *segment, kin_semaphore *semaphore);

/* One by name: a segment that holds nothing else. Close with kin_segment_close(home): what this process holds it keeps
 * until it ends. -EINVAL: an old set has fewer than `count`. */
int kin_semaphore_open(kin_domain *domain, const char *name, const struct kin_semaphore_options *options,
                       kin_segment **home, kin_semaphore **out);

/* Takes one unit of semaphore 0, with undo. -ETIMEDOUT; -EIDRM: it was removed; -ENOSPC: so many processes hold units
 * already that no more can be noted down; -EBADMSG: there is no semaphore in that memory.
 * Death: the unit comes back when the process has ended; waiters wake. */
int kin_semaphore_acquire(kin_segment *segment, kin_semaphore *semaphore, kin_time until);

/* Gives one unit back to semaphore 0: one that this process took with undo, if it has any, else a new one, for good.
 * Never waits. -ERANGE: it is at 32767. */
int kin_semaphore_release(kin_segment *segment, kin_semaphore *semaphore);

/* A descriptor for poll, epoll or an event loop, readable when it is worth while to try to acquire a unit (KIN_NOW);
 * after a try that failed, when one is released, or given back for a process that died. One a semaphore and handle
 * of the segment; do not close it. kin_semaphore_clear() empties it before each try. -EBUSY: 64 others poll things
 * of this segment. Fork: the child asks for one of its own. */
int kin_semaphore_fd(kin_segment *segment, kin_semaphore *semaphore);
int kin_semaphore_clear(kin_segment *segment, kin_semaphore *semaphore);

enum kin_semaphore_flag {
    KIN_SEMAPHORE_UNDO = 1,   /* taken back when the process ends */
    KIN_SEMAPHORE_NO_WAIT = 2 /* -EAGAIN instead of waiting for this one */
};

/* by > 0: puts that many in. by < 0: waits until there are that many, and takes them. 0: waits until there are none. */
struct kin_semaphore_op {
    uint16_t number;
    int16_t by;
    uint16_t flags; /* of enum kin_semaphore_flag */
};

/* Does them all, in their order, in one step; each sees what those before it have done (semop of System V). While one
 * of them has to wait, none is done. -EAGAIN: one that must not wait would; -EFBIG: no such number in the set; -ERANGE:
 * a value, or what undo would have to give back, beyond 32767; -E2BIG: more than 500 of them; -EINVAL: none; and what
 * acquire gives.
 * Death: all of them happened or none; what was done with undo is taken back when the process has ended. */
int kin_semaphore_operate(kin_segment *segment, kin_semaphore *semaphore, const struct kin_semaphore_op *ops,
                          size_t count, kin_time until);

/* Sets one, or all of them from an array as long as the set. Undo of every process for it is forgotten, waiters look
 * again. -ERANGE, -EFBIG. */
int kin_semaphore_set(kin_segment *segment, kin_semaphore *semaphore, unsigned number, unsigned value);
int kin_semaphore_set_all(kin_segment *segment, kin_semaphore *semaphore, const uint16_t *values);

struct kin_semaphore_value {
    unsigned value;
    pid_t pid;              /* who operated on it last; 0: nobody */
    unsigned waiting, zero; /* threads asleep until there is more, until there is none */
};

/* Looks at one. Units of the dead are given back first. */
int kin_semaphore_get(kin_segment *segment, kin_semaphore *semaphore, unsigned number, struct kin_semaphore_value *out);
/* All values at one moment, into an array as long as the set. */
int kin_semaphore_get_all(kin_segment *segment, kin_semaphore *semaphore, uint16_t *values);

struct kin_semaphore_status {
    unsigned count;
    unsigned holders, held; /* how many can be held with undo at once, and are */
    int64_t operated;       /* CLOCK_REALTIME, ns: the last operation; 0: none, or `times` was not asked for */
    int64_t changed;        /* birth, or the last time that values were set */
};
int kin_semaphore_status(kin_segment *segment, kin_semaphore *semaphore, struct kin_semaphore_status *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
