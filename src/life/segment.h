/* kin_segment: an object whose bytes are the user's. They begin on the second page of the file.
 *
 * What of kin lies inside those bytes and may hold something of the dead, is registered in the first page, so that a
 * sweep, which has nothing but the segment's name, finds it. (A kin_lock is not: its owner's life names it.)
 *
 * Layout   data_header below. An entry of `objects` is one word: what it is in the highest byte, its offset below.
 * States   of an entry: free (0), registered.
 * Always   an entry without its object is slow: whoever walks the table checks the object's magic number. An object
 *          without its entry is wrong: what a dead process held of it comes back only when somebody waits for it.
 * Order    registered before its magic number is stored; the magic number is wiped before the entry is freed.
 * Death    before or after the one store (a CAS): nothing is half done.
 * Tests    tests/unit/life. */
#ifndef LIFE_SEGMENT_H
#define LIFE_SEGMENT_H

#include "life/object.h"
#include <kin/lock.h>

#define SEGMENT_DATA_AT 4096u

#define SEGMENT_OBJECTS_MAX 256u

struct data_header {
    struct segment_header base;
    uint64_t bytes;
    uint64_t objects[SEGMENT_OBJECTS_MAX];
};
_Static_assert(sizeof(struct data_header) <= SEGMENT_DATA_AT, "the header is before the data");

/* What an entry of `objects` can be. */
enum inner { INNER_SEMAPHORE = 1 };

struct kin_segment {
    struct object object;
    char *data;
    uint64_t bytes;
    kin_repair repair;
    void *repair_context;
    uint32_t named_by;                     /* the process record that names this segment as held ... */
    uint32_t named_when;                   /* ... unless domain->forgotten has moved on */
    void (*give_up)(kin_segment *segment); /* before it is closed; NULL: nothing was held through this handle */
};

/* As kin_segment_open, for an object of the given kind. */
int segment_handle_open(kin_domain *domain, const char *name, unsigned kind, const struct kin_segment_options *options,
                        kin_segment **out);

/* Registers what lies at that offset; once is enough. -ENOSPC: the table is full. */
int segment_register(kin_segment *segment, enum inner what, uint64_t offset);
void segment_unregister(kin_segment *segment, enum inner what, uint64_t offset);
/* Calls visit for each entry of that sort until it returns other than 0; returns that. */
int segment_each_inner(kin_segment *segment, enum inner what,
                       int (*visit)(void *context, kin_segment *segment, uint64_t offset), void *context);

#endif
