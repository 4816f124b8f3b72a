/* A channel that is polled, by the owner of an end. The six headings are in channel/spsc.h, those of the table of
 * pollers in sync/poll.h. */
#include "channel/spsc.h"
#include "sys/reason.h"
#include <errno.h>

/* The poller is the end's owner, and does what he would do before he sleeps. Whatever is in the way, the try tells. */
static bool is_ready(struct pollable *thing, bool slow)
{
    kin_channel *channel = thing->handle;
    enum side side = (enum side)thing->what;
    int result = 0;
    struct seat *seat = end_enter(channel, side, &result);
    uint32_t word;
    if (!seat || object_removed(&channel->object, slow) < 0)
        return true;
    do {
        enum standing standing = end_look(channel, !side, slow, &word);
        if (channel_look(channel, side) != 0 || standing == STANDING_DIED)
            return true;
    } while (!channel_arm(channel, &channel->shared->ends[!side].word, word));
    return channel_look(channel, side) != 0;
}

static int pollable_of(kin_channel *channel, enum kin_ready what, struct pollable *out)
{
    if (what != KIN_CAN_RECEIVE && what != KIN_CAN_SEND)
        return reason(-EINVAL, "ask for KIN_CAN_RECEIVE or KIN_CAN_SEND, not for %d", (int)what);
    enum side side = what == KIN_CAN_SEND ? PRODUCER : CONSUMER;
    int result = 0;
    if (!end_enter(channel, side, &result))
        return result;
    *out = (struct pollable){
        .object = &channel->object,
        .table = channel_pollers(channel),
        .bit = UINT64_C(1) << side,
        .ready = is_ready,
        .handle = channel,
        .what = side,
    };
    return 0;
}

int kin_channel_fd(kin_channel *channel, enum kin_ready what)
{
    struct pollable thing;
    int result = pollable_of(channel, what, &thing);
    return result < 0 ? result : poll_fd(&channel->fds, &thing);
}

int kin_channel_clear(kin_channel *channel, enum kin_ready what)
{
    struct pollable thing;
    int result = pollable_of(channel, what, &thing);
    return result < 0 ? result : poll_clear(&channel->fds, &thing, "channel");
}

int kin_poll_add_channel(kin_poll *poll, kin_channel *channel, enum kin_ready what)
{
    struct pollable thing;
    int result = pollable_of(channel, what, &thing);
    return result < 0 ? result : poll_add(poll, &thing);
}
