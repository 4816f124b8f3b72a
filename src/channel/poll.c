/* A queue that is polled. The six headings are in channel/queue.h, those of the table of pollers in sync/poll.h. */
#include "channel/queue.h"
#include "sys/reason.h"
#include <errno.h>

/* Under the lock, as senders look at `armed` under it. Who cannot get it is told to try, and learns why. */
static bool is_ready(struct pollable *thing, bool slow)
{
    kin_queue *queue = thing->handle;
    struct seat *seat;
    struct standing standing;
    if (queue_enter(queue, &seat, KIN_NOW) < 0)
        return true;
    queue_settle(queue, seat, slow, &standing);
    bool now = !queue_lacks(queue, (enum kin_ready)thing->what);
    queue_unlock(queue, seat);
    return now;
}

static int pollable_of(kin_queue *queue, enum kin_ready what, struct pollable *out)
{
    if (what != KIN_CAN_RECEIVE && what != KIN_CAN_SEND)
        return reason(-EINVAL, "ask for KIN_CAN_RECEIVE or KIN_CAN_SEND, not for %d", (int)what);
    *out = (struct pollable){
        .object = &queue->object,
        .table = queue_pollers(queue),
        .bit = what,
        .ready = is_ready,
        .handle = queue,
        .what = what,
    };
    return 0;
}

int kin_queue_fd(kin_queue *queue, enum kin_ready what)
{
    struct pollable thing;
    int result = pollable_of(queue, what, &thing);
    return result < 0 ? result : poll_fd(&queue->fds, &thing);
}

int kin_queue_clear(kin_queue *queue, enum kin_ready what)
{
    struct pollable thing;
    int result = pollable_of(queue, what, &thing);
    return result < 0 ? result : poll_clear(&queue->fds, &thing, "queue");
}

int kin_poll_add_queue(kin_poll *poll, kin_queue *queue, enum kin_ready what)
{
    struct pollable thing;
    int result = pollable_of(queue, what, &thing);
    return result < 0 ? result : poll_add(poll, &thing);
}
