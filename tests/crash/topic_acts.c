#include "topic_acts.h"
#include <errno.h>
#include <kin/poll.h>
#include <string.h>

#define LENGTH 24u

static kin_subscriber *subscriber; /* the victim's */
static struct kin_sample sample;   /* in the victim's hand */

int open_topic(kin_domain *domain, uint32_t policy, kin_topic **out)
{
    OK(kin_topic_open(domain, "topic", KIN_TOPIC(.messages = KEPT, .message_max = LENGTH, .policy = policy), out));
    return 0;
}

static int publish(kin_topic *topic, kin_time until)
{
    unsigned char data[LENGTH];
    memset(data, (int)(topic_head(topic) + 1), LENGTH);
    OK(kin_topic_publish(topic, data, LENGTH, NULL, until, NULL));
    return 0;
}

int publish_next(kin_topic *topic)
{
    return publish(topic, KIN_NOW);
}

int publish_waiting(kin_topic *topic)
{
    return publish(topic, KIN_FOREVER);
}

int read_one(kin_subscriber *reader, kin_time until, uint64_t *missed)
{
    unsigned char data[LENGTH];
    struct kin_sample read;
    int result = kin_subscriber_next(reader, data, LENGTH, until, &read);
    if (result < 0)
        return result;
    *missed = read.missed;
    for (unsigned i = 0; i < LENGTH; i++)
        if (read.length != LENGTH || data[i] != (unsigned char)(read.position + 1))
            return kin_crash_fail("message %u is torn, or another's: byte %u is %u", (unsigned)read.position, i,
                                  data[i]);
    return (int)read.position;
}

static int subscribe_from(kin_topic *topic, uint32_t from)
{
    OK(kin_topic_subscribe(topic, KIN_SUBSCRIBE(.from = from), &subscriber));
    return 0;
}

static int subscribe_now(kin_topic *topic)
{
    return subscribe_from(topic, KIN_FROM_NOW);
}

static int subscribe_oldest(kin_topic *topic)
{
    return subscribe_from(topic, KIN_FROM_OLDEST);
}

static int next(kin_topic *topic)
{
    uint64_t missed;
    (void)topic;
    int position = read_one(subscriber, KIN_NOW, &missed);
    return position < 0 ? kin_crash_fail("nothing to be read: %s", kin_reason()) : 0;
}

static int subscribe_and_be_overtaken(kin_topic *topic)
{
    if (subscribe_oldest(topic) < 0)
        return -1;
    for (unsigned i = 0; i < 3; i++)
        if (publish_next(topic) < 0)
            return -1;
    return 0;
}

static int next_behind_a_gap(kin_topic *topic)
{
    uint64_t missed, begun = subscriber->position;
    (void)topic;
    int position = read_one(subscriber, KIN_NOW, &missed);
    if (position != (int)(begun + 3) || missed != 3)
        return kin_crash_fail("message %d came, and %u missed", position, (unsigned)missed);
    return 0;
}

static int close_subscriber(kin_topic *topic)
{
    (void)topic;
    kin_subscriber_close(subscriber);
    return 0;
}

static int subscribe_and_be_struck_off(kin_topic *topic)
{
    if (subscribe_oldest(topic) < 0)
        return -1;
    subscriber->record->who = 0;
    return 0;
}

static int loan(kin_topic *topic)
{
    OK(kin_topic_loan(topic, LENGTH, KIN_NOW, &sample));
    memset(sample.data, (int)(topic_head(topic) + 1), LENGTH);
    return 0;
}

static int publish_loan(kin_topic *topic)
{
    OK(kin_topic_publish_loan(topic, &sample, NULL, KIN_NOW, NULL));
    return 0;
}

static int release_loan(kin_topic *topic)
{
    OK(kin_topic_release(topic, &sample));
    return 0;
}

static int borrow(kin_topic *topic)
{
    (void)topic;
    OK(kin_subscriber_borrow(subscriber, KIN_NOW, &sample));
    return 0;
}

static int subscribe_and_borrow(kin_topic *topic)
{
    return subscribe_oldest(topic) < 0 ? -1 : borrow(topic);
}

static int release_borrow(kin_topic *topic)
{
    (void)topic;
    OK(kin_subscriber_release(subscriber, &sample));
    return 0;
}

int sweep_domain(kin_topic *topic)
{
    struct sweep swept;
    life_sweep(topic->object.domain, &swept);
    return 0;
}

int wait_for_message(kin_topic *topic)
{
    uint64_t missed;
    if (subscribe_now(topic) < 0)
        return -1;
    int position = read_one(subscriber, KIN_FOREVER, &missed);
    return position == 2 && missed == 0 ? 0 : kin_crash_fail("message %d came: %s", position, kin_reason());
}

static int poll_for_message(kin_topic *topic)
{
    kin_poll *set;
    int which, position = -ETIMEDOUT;
    uint64_t missed;
    if (subscribe_now(topic) < 0)
        return -1;
    OK(kin_poll_create(&set));
    OK(kin_poll_add_subscriber(set, subscriber));
    while (position == -ETIMEDOUT) {
        OK(kin_poll_wait(set, KIN_FOREVER, &which));
        position = read_one(subscriber, KIN_NOW, &missed);
    }
    return position == 2 && missed == 0 ? 0 : kin_crash_fail("message %d came: %s", position, kin_reason());
}

int publish_two(kin_topic *topic)
{
    return publish_next(topic) < 0 ? -1 : publish_next(topic);
}

int publish_around(kin_topic *topic)
{
    for (unsigned i = 0; i <= KEPT; i++)
        if (publish_next(topic) < 0)
            return -1;
    return 0;
}

int read_the_oldest(kin_topic *topic)
{
    uint64_t missed;
    return subscribe_oldest(topic) < 0 || read_one(subscriber, KIN_NOW, &missed) < 0 ? -1 : 0;
}

const struct play plays[] = {
    {"kin_topic_publish, the first", DROP, .operate = publish_next, .adds = 1},
    {"kin_topic_publish, behind others", DROP, 3, .operate = publish_next, .adds = 1, .twice = true},
    {"kin_topic_publish, over the oldest", DROP, 19, .operate = publish_next, .adds = 1, .twice = true},
    {"kin_topic_publish, nobody to wait for", BLOCK, 19, .operate = publish_next, .adds = 1},
    {"kin_topic_publish, full for a dead subscriber", BLOCK, 8, subscribe_oldest, .operate = publish_next, .adds = 1,
     .twice = true},
    {"kin_topic_subscribe, the first", BLOCK, 3, .operate = subscribe_oldest},
    {"kin_topic_subscribe, beside a dead one", DROP, 19, subscribe_oldest, .operate = subscribe_now},
    {"kin_subscriber_next", BLOCK, 8, .arrive = subscribe_oldest, .operate = next},
    {"kin_subscriber_next, overtaken", DROP, 19, .arrive = subscribe_and_be_overtaken, .operate = next_behind_a_gap,
     .adds = 3},
    {"kin_subscriber_next, struck off", BLOCK, 8, .arrive = subscribe_and_be_struck_off, .operate = next},
    {"kin_subscriber_close", BLOCK, 8, .arrive = subscribe_oldest, .operate = close_subscriber},
    {"kin_topic_loan", DROP, 3, .operate = loan},
    {"kin_topic_publish_loan", DROP, 3, .arrive = loan, .operate = publish_loan, .adds = 1},
    {"kin_topic_release", DROP, 3, .arrive = loan, .operate = release_loan},
    {"kin_subscriber_borrow", DROP, 3, .arrive = subscribe_oldest, .operate = borrow},
    {"kin_subscriber_release", DROP, 3, .arrive = subscribe_and_borrow, .operate = release_borrow},
    {"a sweep of dead subscribers", BLOCK, 8, subscribe_oldest, .operate = sweep_domain},
    {"kin_topic_publish, a subscriber sleeps", DROP, 2, .operate = publish_next, .adds = 1, .wait = wait_for_message},
    {"kin_topic_publish, a subscriber polls", DROP, 2, .operate = publish_next, .adds = 1, .wait = poll_for_message},
    {"kin_subscriber_next, a publisher sleeps", BLOCK, 8, .arrive = subscribe_oldest, .operate = next,
     .wait = publish_waiting},
    {"kin_subscriber_close, a publisher sleeps", BLOCK, 8, .arrive = subscribe_oldest, .operate = close_subscriber,
     .wait = publish_waiting},
};
const unsigned play_count = sizeof plays / sizeof *plays;
