/* An array in a segment that grows while others use it, and never moves.
 *
 * Layout   extent 0 holds 2^first elements, extent k > 0 the next 2^(first + k - 1): each doubles the whole. An index
 *          finds its extent by the position of its highest bit. The file offsets of the extents stand in the header.
 * States   of an extent: unborn (where 0), placed (where set), usable (count is beyond its start).
 * Always   index 0 is never used, so that 0 can mean "none". count <= limit. Extents do not overlap. A count that is
 *          too small is slow (memory unused), too large would be wrong: it is stored last.
 * Order    reserve, where[k], count; a reader loads count or an index that was stored after it, under the object's
 *          lock.
 * Death    before `where`: the reserved bytes are reserved again at the same place. Before `count`: likewise.
 * Tests    tests/crash/sweep_queue. */
#ifndef SEGMENT_TABLE_H
#define SEGMENT_TABLE_H

#include "segment/segment.h"
#include "sys/atomic.h"

#define TABLE_EXTENTS 25u

struct table_header {
    uint32_t count; /* elements that exist, index 0 included */
    uint32_t limit;
    uint32_t first; /* log2 of the elements in extent 0 */
    uint32_t shift; /* log2 of the bytes of an element */
    uint64_t where[TABLE_EXTENTS];
};
_Static_assert(sizeof(struct table_header) == 216, "one layout for 32 and 64 bits");

/* This process's view. The geometry is a checked copy. */
struct table {
    struct segment *segment;
    struct table_header *shared;
    uint32_t limit, first, shift;
    char *extent[TABLE_EXTENTS];
};

/* Sets up the shared side of a new, empty table. `limit` counts elements, index 0 included. */
void table_format(struct table_header *shared, uint32_t limit, uint32_t first, uint32_t shift);

/* Takes this process's view. -EBADMSG: its numbers cannot be. */
int table_attach(struct table *table, struct segment *segment, struct table_header *shared, uint32_t shift);
void table_unmap(struct table *table);

/* Adds an extent. The caller keeps everybody else from growing the same segment. -ENOSPC: the limit, or tmpfs. */
int table_grow(struct table *table);

/* Maps extent k, if it exists. NULL: it does not, or cannot be mapped. */
char *table_map(struct table *table, uint32_t k);

static inline uint32_t table_extent_of(uint32_t first, uint32_t index)
{
    uint32_t high = index >> first;
    return high ? 32 - (uint32_t)__builtin_clz(high) : 0;
}

static inline uint32_t table_extent_start(uint32_t first, uint32_t k)
{
    return k ? UINT32_C(1) << (first + k - 1) : 0;
}

/* The element, NULL where there is none. */
static inline void *table_at(struct table *table, uint32_t index)
{
    if (unlikely(index >= table->limit))
        return NULL;
    uint32_t k = table_extent_of(table->first, index);
    char *base = LOAD_ACQUIRE(table->extent[k]);
    if (unlikely(!base)) {
        base = table_map(table, k);
        if (!base)
            return NULL;
    }
    return base + ((size_t)(index - table_extent_start(table->first, k)) << table->shift);
}

#endif
