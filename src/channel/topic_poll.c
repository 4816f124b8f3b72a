/* A subscriber that is polled. The six headings are in channel/topic.h, those of the table of pollers in sync/poll.h.
 * */
#include "channel/topic.h"

/* Whatever is in the way, the try tells. */
static bool is_worth_a_try(struct pollable *thing, bool slow)
{
    kin_subscriber *subscriber = thing->handle;
    kin_topic *topic = subscriber->topic;
    if (!subscriber_is_in(subscriber) || object_removed(&topic->object, slow) < 0 || subscriber_can_read(subscriber))
        return true;
    FETCH_OR(topic->shared->polled[subscriber->number / 64], UINT64_C(1) << subscriber->number % 64);
    subscriber_arm(subscriber, EVENT_PICKY);
    return subscriber_can_read(subscriber);
}

static struct pollable pollable_of(kin_subscriber *subscriber)
{
    return (struct pollable){
        .object = &subscriber->topic->object,
        .table = record_pollers(subscriber->record),
        .bit = 1,
        .ready = is_worth_a_try,
        .handle = subscriber,
    };
}

int kin_subscriber_fd(kin_subscriber *subscriber)
{
    struct pollable thing = pollable_of(subscriber);
    return poll_fd(&subscriber->fds, &thing);
}

int kin_subscriber_clear(kin_subscriber *subscriber)
{
    struct pollable thing = pollable_of(subscriber);
    return poll_clear(&subscriber->fds, &thing, "subscriber");
}

int kin_poll_add_subscriber(kin_poll *poll, kin_subscriber *subscriber)
{
    struct pollable thing = pollable_of(subscriber);
    return poll_add(poll, &thing);
}
