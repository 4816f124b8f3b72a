/* kin/latch.h - counts down to zero once; many wait for that.
 *
 * Each thing that must be done counts one down. Who is going to do one can say so before, by kin_latch_promise: if he
 * dies with the promise, it is counted down in his stead, and everybody who waits is told KIN_RECOVERED: it is zero,
 * but something was not done. So no death makes the others wait for ever. What nobody promised stays to be counted
 * down by somebody.
 *
 *     kin_latch_promise(segment, &job->ready);
 *     prepare(job);
 *     kin_latch_count_down(segment, &job->ready);
 *     ...
 *     if (kin_latch_wait(segment, &job->ready, KIN_FOREVER) == KIN_RECOVERED)
 *         ... somebody who had promised died ...
 *
 * A latch at zero stays there. A promise is a thread's, and counts as one of the 16 things that it may hold. */
#ifndef KIN_LATCH_H
#define KIN_LATCH_H

#include <kin/segment.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define KIN_LATCH_PROMISES 48

/* 256 bytes, the same in every process. The members are kin's own. */
typedef struct kin_latch {
    uint32_t word;
    uint32_t magic;
    uint64_t state;
    uint32_t event;
    uint32_t spare[11];
    uint32_t promises[KIN_LATCH_PROMISES];
} kin_latch;

/* Prepares one that waits for so many. For a segment's `setup`, or before any other process may see it.
 * -EINVAL: not inside the segment, or not aligned to 8. */
int kin_latch_init(kin_segment *segment, kin_latch *latch, uint32_t count);

/* This thread is going to count one down. -EALREADY: it promised one; -ERANGE: nothing is left that is not promised;
 * -ENOSPC: 48 have promised; -ENOLCK: this thread holds 16 things already; -EBADMSG: there is no latch in that memory.
 * Death: it is counted down, and who waits is told. */
int kin_latch_promise(kin_segment *segment, kin_latch *latch);

/* Counts one down: this thread's promise, if it has one. -ERANGE: nothing is left that others did not promise.
 * Death: a promise is kept or it is not, then it is counted down and told; without one, as if the call had either not
 * begun or been done. */
int kin_latch_count_down(kin_segment *segment, kin_latch *latch);

/* Waits for zero. KIN_RECOVERED: it is zero, but some who had promised are dead. -ETIMEDOUT; -EIDRM: the segment was
 * removed. At zero it takes no lock. */
int kin_latch_wait(kin_segment *segment, kin_latch *latch, kin_time until);

/* How many are missing. */
int64_t kin_latch_count(kin_segment *segment, const kin_latch *latch);

/* A descriptor for poll, epoll or an event loop, readable when it is zero: kin_latch_wait returns at once. One a
 * latch and handle of the segment; do not close it. kin_latch_clear() empties it before each try. -EBUSY: 64 others
 * poll things of this segment. Fork: the child asks for one of its own. */
int kin_latch_fd(kin_segment *segment, kin_latch *latch);
int kin_latch_clear(kin_segment *segment, kin_latch *latch);

struct kin_latch_options {
    size_t size;
    unsigned flags; /* of enum kin_open */
    unsigned mode;  /* default 0600 */
    uint32_t count; /* of a new one */
};
#define KIN_LATCH(...) (&(struct kin_latch_options){.size = sizeof(struct kin_latch_options), __VA_ARGS__})

/* One by name: a segment that holds nothing else. Close with kin_segment_close(home). */
int kin_latch_open(kin_domain *domain, const char *name, const struct kin_latch_options *options, kin_segment **home,
                   kin_latch **out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
