/* kin/once.h - something that is done once, by one, to its end.
 *
 * All who come ask for the same to be done: one runs the function, the others wait until it has. If the one who runs it
 * dies inside, at any instruction, the next one runs it, and is told that somebody had begun.
 *
 *     static int prepare(void *context, int begun)
 *     {
 *         struct table *table = context;
 *         if (begun)
 *             memset(table->entries, 0, sizeof table->entries);
 *         ...
 *         return 0;
 *     }
 *     ...
 *     kin_once_run(segment, &table->once, prepare, table, KIN_FOREVER);
 *
 * Afterwards it costs one load. While the function runs, it counts as one of the 16 things that a thread may hold. */
#ifndef KIN_ONCE_H
#define KIN_ONCE_H

#include <kin/segment.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* 64 bytes, the same in every process. The members are kin's own. */
typedef struct kin_once {
    uint32_t word;
    uint32_t magic;
    uint32_t done;
    uint32_t begun;
    uint32_t spare[12];
} kin_once;

/* Prepares one in the segment's memory, not done. For a segment's `setup`, or before any other process may see it.
 * -EINVAL: not inside the segment, or not aligned to 8. */
int kin_once_init(kin_segment *segment, kin_once *once);

/* Returns 0 when it has been done, by whomever. The function's negative result leaves it undone and is returned; the
 * next one runs it, with `begun` as after a death. -EDEADLK: this thread is inside it; -ETIMEDOUT: somebody else is
 * still at it; -EIDRM: the segment was removed; -ENOLCK: this thread holds 16 things already; -EBADMSG: there is no
 * once in that memory.
 * Death: inside the function, the next one runs it with `begun` 1. */
int kin_once_run(kin_segment *segment, kin_once *once, int (*run)(void *context, int begun), void *context,
                 kin_time until);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
