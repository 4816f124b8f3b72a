/* kin/segment.h - named shared memory.
 *
 * A segment is a file in the domain whose bytes all processes that open it share. It is born whole: sized, zeroed, set
 * up by `setup`, then linked into place, so nobody ever sees one that is half made. The address differs between
 * processes: store offsets, not pointers.
 *
 *     struct account { kin_lock lock; long balance; };
 *     kin_segment *segment;
 *     kin_segment_open(NULL, "account", KIN_SEGMENT(.bytes = sizeof(struct account), .setup = setup), &segment);
 *     struct account *account = kin_segment_data(segment);
 */
#ifndef KIN_SEGMENT_H
#define KIN_SEGMENT_H

#include <kin/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_segment kin_segment;

struct kin_segment_options {
    size_t size;
    unsigned flags; /* of enum kin_open */
    unsigned mode;  /* default 0600 */
    uint64_t bytes; /* of a new segment; of an old one the least that it must have, 0: any */
    /* Runs once, in the process that makes the segment, before anybody else can see it. */
    int (*setup)(void *context, kin_segment *segment);
    void *context;
};
#define KIN_SEGMENT(...) (&(struct kin_segment_options){.size = sizeof(struct kin_segment_options), __VA_ARGS__})

/* Opens or makes a segment. -EINVAL: no bytes given for a new one; -EMSGSIZE: the old one is smaller; -ENOSPC: the
 * tmpfs is full (the pages are reserved here, so that they cannot be missing later). */
int kin_segment_open(kin_domain *domain, const char *name, const struct kin_segment_options *options,
                     kin_segment **out);
void kin_segment_close(kin_segment *segment);

/* The first byte, aligned to 64; the same for all calls on this handle. */
void *kin_segment_data(const kin_segment *segment);
uint64_t kin_segment_bytes(const kin_segment *segment);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
