/* kin_segment: an object whose bytes are the user's. They begin on the second page of the file.
 *
 * What of kin lies inside those bytes and may hold something of the dead, is registered in the first page, so that a
 * sweep, which has nothing but the segment's name, finds it. (A kin_lock is not: its owner's life names it.)
 *
 * Layout   data_header, in the first page. All of the file, header too, is one mapping, as long as it can ever grow. An
 *          entry of `objects` is one word: what it is in the highest byte, its offset below.
 * States   made {bytes} -> grown {bytes, more}. Of an entry: free (0), registered.
 * Always   the file has at least SEGMENT_DATA_AT + bytes bytes, reserved unless NO_RESERVE says otherwise. bytes <=
 *          bytes_max. Wrong when it is not: whoever reads there is ended by SIGBUS; so a new `bytes` is believed when
 *          the file has them. The times and numbers are for those who look: nobody trusts them.
 *          An entry without its object is slow: whoever walks the table checks the object's magic number. An object
 *          without its entry is wrong: what a dead process held of it comes back only when somebody waits for it.
 * Order    to grow: the file, then `bytes`. Registered before its magic number is stored; the magic number is wiped
 *          before the entry is freed.
 * Death    while growing: the file is longer than it says, and the next growth takes that over. Of an entry: before or
 *          after the one store (a CAS): nothing is half done.
 * Tests    tests/unit/life, tests/crash/sweep_life. */
#ifndef LIFE_SEGMENT_H
#define LIFE_SEGMENT_H

#include "life/bell.h"
#include "life/object.h"
#include "sys/atomic.h"
#include <kin/lock.h>

#define SEGMENT_DATA_AT 4096u
#define SEGMENT_BYTES_MAX (UINT64_C(1) << 46)

#define SEGMENT_OBJECTS_MAX 256u

struct data_header {
    struct segment_header base;
    uint64_t bytes;
    uint64_t bytes_max;
    int64_t attached_at, detached_at, changed_at;
    uint32_t creator, last; /* pids */
    uint32_t flags;
    uint32_t spare;
    uint64_t objects[SEGMENT_OBJECTS_MAX];
    uint64_t armed;
    struct poller pollers[POLLERS_MAX]; /* of all that lies in the segment and can be polled */
};
_Static_assert(sizeof(struct data_header) <= SEGMENT_DATA_AT, "the header is before the data");

/* What an entry of `objects` can be. */
enum inner { INNER_SEMAPHORE = 1, INNER_ARENA = 2 };

struct kin_segment {
    struct object object;
    char *data;
    uint64_t length;    /* the user's bytes, as far as this handle knows */
    uint64_t bytes;     /* in how many of them kin's own structures can be: none, where it may only read */
    uint64_t bytes_max; /* checked copy */
    uint32_t attachment;
    bool may_write, may_execute;
    kin_repair repair;
    void *repair_context;
    uint32_t named_by;                     /* the process record that names this segment as held ... */
    uint32_t named_when;                   /* ... unless domain->forgotten has moved on */
    void (*give_up)(kin_segment *segment); /* before it is closed; NULL: nothing was held through this handle */
    struct poll_fds fds;
    int check_cycles; /* kin_lock_check_cycles */
};

static inline struct data_header *segment_shared(const kin_segment *segment)
{
    return (struct data_header *)(void *)segment->object.segment.header;
}

/* As kin_segment_open, for an object of the given kind, and counted as nobody's attachment. */
int segment_handle_open(kin_domain *domain, const char *name, unsigned kind, const struct kin_segment_options *options,
                        kin_segment **out);

/* Registers what lies at that offset; once is enough. -ENOSPC: the table is full. */
int segment_register(kin_segment *segment, enum inner what, uint64_t offset);
void segment_unregister(kin_segment *segment, enum inner what, uint64_t offset);
/* Calls visit for each entry of that sort until it returns other than 0; returns that. */
int segment_each_inner(kin_segment *segment, enum inner what,
                       int (*visit)(void *context, kin_segment *segment, uint64_t offset), void *context);

/* Looks whether it has grown; the bytes it has now. */
uint64_t segment_look_again(kin_segment *segment);

/* Whether something of kin's of that size can lie there. */
static inline bool segment_can_hold(const kin_segment *segment, uint64_t offset, uint64_t size)
{
    uint64_t bytes = LOAD(segment->bytes);
    if (unlikely((offset >= bytes || bytes - offset < size) && segment->may_write))
        bytes = segment_look_again((kin_segment *)(uintptr_t)segment);
    return offset < bytes && bytes - offset >= size;
}

/* Gives the handle its view: data, bytes, address, protection. Of a file whose header is mapped and checked. */
int segment_place(kin_segment *segment, const struct kin_segment_options *options);

#endif
