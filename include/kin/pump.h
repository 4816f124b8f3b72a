/* kin/pump.h - moves bytes along several ways at once, so that full pipes never deadlock.
 *
 * Who writes all of a child's input and then reads its output hangs as soon as both pipes are full: the child waits to
 * write, and we do. The pump serves whichever is ready. A flow leads from memory or a descriptor to a descriptor or
 * memory; the three macros make the useful kinds.
 *
 *     struct kin_flow flows[] = {KIN_FEED(input, text, length), KIN_COLLECT(output, 0), KIN_COLLECT(errors, 0)};
 *     if (kin_pump(flows, 3, kin_after(10 * second)) < 0)
 *         errx(1, "%s", kin_reason());
 *     fwrite(flows[1].text, 1, flows[1].length, stdout);
 *     free(flows[1].text);
 *     free(flows[2].text);
 *
 * A flow ends when its source does, or when nobody reads what it leads to. Then both its descriptors are closed: that
 * is how the child learns of the end, and how a writer learns that nobody reads. KIN_FLOW_KEEP leaves them open.
 * SIGPIPE is not raised. */
#ifndef KIN_PUMP_H
#define KIN_PUMP_H

#include <kin/base.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define KIN_MEMORY (-1)

enum kin_flow_flag { KIN_FLOW_KEEP = 1 /* close neither descriptor at the end */ };

struct kin_flow {
    int from;           /* the descriptor that is read; KIN_MEMORY: the bytes at `data` */
    int to;             /* the descriptor that is written; KIN_MEMORY: `text` collects them */
    unsigned flags;     /* of enum kin_flow_flag */
    const void *data;   /* from memory: what is fed, ... */
    size_t size;        /* ... and how much it is */
    char *text;         /* to memory: what was collected, with a NUL behind it; the caller frees it. NULL: nothing */
    size_t length;      /* how much that is */
    size_t most;        /* -EMSGSIZE ends a flow that brings more than that to memory; 0: no such limit */
    bool ended;
    int error;          /* why it has ended. 0: its source has; -EPIPE: nobody reads its target; -EMSGSIZE; or what
                         * else a read or write gave */
    uint64_t moved;     /* bytes that have arrived */
};

/* All of `bytes` to the descriptor, then its end. */
#define KIN_FEED(descriptor, bytes, count) {.from = KIN_MEMORY, .to = (descriptor), .data = (bytes), .size = (count)}
/* Everything from the descriptor, but not more than `limit` bytes when that is not 0. */
#define KIN_COLLECT(descriptor, limit) {.from = (descriptor), .to = KIN_MEMORY, .most = (limit)}
/* From one descriptor to the other. */
#define KIN_RELAY(source, target) {.from = (source), .to = (target)}

/* Moves until all flows have ended: 0, however they ended (see `error` of each). -ETIMEDOUT: the same call goes on
 * where this one stopped; who gives up instead closes the descriptors and frees each `text`, a relay's too: it holds
 * what is under way. -EBADF: a descriptor is not open, or not for that; -EINVAL: a flow from memory to memory. */
int kin_pump(struct kin_flow *flows, size_t count, kin_time until);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
