/* Room for messages in this process's own memory: nothing here is shared. */
#include "channel/topic.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>

#define ALIGN UINT64_C(64)

static int take_private(uint64_t length, struct kin_sample *out)
{
    void *data = aligned_alloc(ALIGN, (length + ALIGN) & ~(ALIGN - 1));
    if (!data)
        return reason(-ENOMEM, "no memory left in this process");
    *out = (struct kin_sample){.data = data, .length = length};
    return 0;
}

static int give_private(struct kin_sample *sample)
{
    free(sample->data);
    sample->data = NULL;
    return 0;
}

static int not_in_hand(const kin_topic *topic)
{
    return reason(-EINVAL, "this sample of %s is not in hand: it was published or given back",
                  topic->object.segment.path);
}

int kin_topic_loan(kin_topic *topic, uint64_t length, kin_time until, struct kin_sample *out)
{
    (void)until;
    if (length > topic->message_max)
        return reason(-EMSGSIZE, "a message of %llu bytes is too long for %s, which takes %u",
                      (unsigned long long)length, topic->object.segment.path, topic->message_max);
    return take_private(length, out);
}

int kin_topic_publish_loan(kin_topic *topic, struct kin_sample *sample, const struct kin_publish *how, kin_time until,
                           uint64_t *position)
{
    if (!sample->data)
        return not_in_hand(topic);
    int result = kin_topic_publish(topic, sample->data, sample->length, how, until, position);
    return result < 0 ? result : give_private(sample);
}

int kin_topic_release(kin_topic *topic, struct kin_sample *sample)
{
    return sample->data ? give_private(sample) : not_in_hand(topic);
}

int kin_subscriber_borrow(kin_subscriber *subscriber, kin_time until, struct kin_sample *out)
{
    struct kin_sample sample = {0}, read;
    int result = take_private(subscriber->topic->message_max, &sample);
    if (result < 0)
        return result;
    result = kin_subscriber_next(subscriber, sample.data, subscriber->topic->message_max, until, &read);
    if (result < 0) {
        give_private(&sample);
        return result;
    }
    *out = read;
    out->data = sample.data;
    return 0;
}

int kin_subscriber_release(kin_subscriber *subscriber, struct kin_sample *sample)
{
    return sample->data ? give_private(sample) : not_in_hand(subscriber->topic);
}
