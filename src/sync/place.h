/* A thing of kin's in a user's segment, at an offset that the user chose, or alone in a segment under a name.
 *
 * Layout   each begins with a mutex word (sync/mutex.h) and a magic number.
 * States   of the magic number: 0 before init, its own after.
 * Always   a life that holds something of the thing, or is taking it, names {object, offset} in life.holds. What has
 *          another magic number is refused.
 * Order    the magic number is stored last, with release.
 * Death    before the magic number is stored: there is no thing. Whatever a dead life names is settled by the kind that
 *          stands there, found by its magic number.
 * Tests    tests/unit/sync, tests/crash/sweep_life, tests/crash/sweep_sync. */
#ifndef SYNC_PLACE_H
#define SYNC_PLACE_H

#include "life/life.h"
#include "life/segment.h"
#include "sync/poll.h"

#define MAGIC_LOCK 0x6b636f6cu
#define MAGIC_RWLOCK 0x6c777272u
#define MAGIC_CONDITION 0x646e6f63u
#define MAGIC_BARRIER 0x72726162u
#define MAGIC_LATCH 0x6374616cu
#define MAGIC_ONCE 0x65636e6fu

struct head {
    uint32_t word;
    uint32_t magic;
};

/* What is the same for all things of a kind. */
struct make {
    const char *noun;
    uint32_t magic;
    uint32_t bytes;
    uint32_t magic_at;
    poll_ready *ready; /* NULL: it cannot be polled */
};

/* Settles what a dead life left in the thing. The caller's life does not name the thing yet. */
typedef int place_settle(kin_segment *segment, struct seat *seat, void *at, uint32_t dead);
place_settle lock_settle, rwlock_settle, barrier_settle, latch_settle, once_settle;

static inline bool place_inside(const kin_segment *segment, const void *at, const struct make *make, uint64_t *offset)
{
    *offset = (uint64_t)((uintptr_t)at - (uintptr_t)segment->data);
    return segment_can_hold(segment, *offset, make->bytes) && *offset % 8 == 0;
}

static inline bool place_is(const kin_segment *segment, const void *at, const struct make *make, uint64_t *offset)
{
    return place_inside(segment, at, make, offset) &&
           LOAD(*(const uint32_t *)(const void *)((const char *)at + make->magic_at)) == make->magic;
}

/* The same without a call, as far as the handle knows the segment: false may also mean that others made that longer,
 * and place_inside and place_is know. */
static inline bool place_is_inside(const kin_segment *segment, const void *at, const struct make *make,
                                   uint64_t *offset)
{
    uint64_t bytes = LOAD(segment->bytes);
    *offset = (uint64_t)((uintptr_t)at - (uintptr_t)segment->data);
    return likely(*offset < bytes) && likely(bytes - *offset >= make->bytes) && likely(*offset % 8 == 0);
}

static inline bool place_is_known(const kin_segment *segment, const void *at, const struct make *make, uint64_t *offset)
{
    return place_is_inside(segment, at, make, offset) &&
           LOAD(*(const uint32_t *)(const void *)((const char *)at + make->magic_at)) == make->magic;
}

/* Why there is none: -EINVAL, -EBADMSG. */
int place_refuse(const kin_segment *segment, const void *at, const struct make *make);

/* The calling thread's life, where that thing stands, at *offset. NULL: *result says why. */
struct seat *place_enter(kin_segment *segment, const void *at, const struct make *make, uint64_t *offset, int *result);
/* The number of the entry by which this thread's life names the thing as held; -EPERM, and the errors of
 * place_enter. */
int place_held(kin_segment *segment, const void *at, const struct make *make, uint64_t *offset, struct seat **out);
int place_not_held(const kin_segment *segment, const struct make *make);

/* Zeroes it. The caller fills it and then stores the magic number by place_ready. */
int place_clear(const kin_segment *segment, void *at, const struct make *make);
void place_ready(void *at, const struct make *make);

/* kin_NOUN_fd, kin_NOUN_clear, kin_poll_add_NOUN. `what` tells those of one thing apart. What has to be seen happening
 * is seen from then on. */
int place_fd(kin_segment *segment, void *at, const struct make *make, uint32_t what);
int place_clear_fd(kin_segment *segment, void *at, const struct make *make, uint32_t what);
int place_poll(kin_poll *set, kin_segment *segment, void *at, const struct make *make, uint32_t what);

/* One under a name: a segment that holds nothing else, made by `setup`. */
struct named {
    unsigned kind, flags, mode;
    uint32_t bytes;
    int (*setup)(void *context, kin_segment *segment);
    void *context;
};
int place_open(kin_domain *domain, const char *name, const struct named *named, kin_segment **home, void **out);

/* Whether that life is gone: dead, or none that could be. QUICK looks at its word; FAIR asks the kernel about those
 * that nobody marks when they die; SLOW about all. */
enum effort { EFFORT_QUICK, EFFORT_FAIR, EFFORT_SLOW };
bool place_is_gone(const struct seat *seat, uint32_t id, enum effort effort);
/* Whether that life names the thing. */
bool place_is_named(const struct seat *seat, uint32_t id, uint64_t object, uint64_t offset);

#endif
