#include "topics.h"
#include <string.h>

kin_topic *topic_of(uint32_t messages, uint32_t message_max, uint32_t policy)
{
    kin_topic *topic;
    check_is(kin_topic_open(NULL, "t", KIN_TOPIC(.messages = messages, .message_max = message_max, .policy = policy),
                            &topic),
             0);
    return topic;
}

kin_subscriber *subscriber_of(kin_topic *topic, uint32_t from, uint64_t position)
{
    kin_subscriber *subscriber;
    check_is(kin_topic_subscribe(topic, KIN_SUBSCRIBE(.from = from, .position = position), &subscriber), 0);
    return subscriber;
}

int64_t publish_number(kin_topic *topic, uint64_t number, kin_time until)
{
    uint64_t position;
    int result = kin_topic_publish(topic, &number, sizeof number, NULL, until, &position);
    return result < 0 ? result : (int64_t)position;
}

int64_t next_number(kin_subscriber *subscriber, kin_time until, struct kin_sample *sample)
{
    uint64_t number;
    struct kin_sample own;
    sample = sample ? sample : &own;
    int result = kin_subscriber_next(subscriber, &number, sizeof number, until, sample);
    if (result == 0)
        check_is(sample->length, sizeof number);
    return result < 0 ? result : (int64_t)number;
}

static uint32_t write_letter(struct letter letter, unsigned char *bytes)
{
    uint32_t length = sizeof letter + (uint32_t)((letter.number * 7919 + letter.publisher) % (LETTER_MOST - 16));
    struct dice dice = {(letter.number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ letter.publisher};
    memcpy(bytes, &letter, sizeof letter);
    for (uint32_t i = sizeof letter; i < length; i++)
        bytes[i] = (unsigned char)dice_roll(&dice, 256);
    return length;
}

int publish_letter(kin_topic *topic, struct letter letter, kin_time until)
{
    unsigned char bytes[LETTER_MOST];
    return kin_topic_publish(topic, bytes, write_letter(letter, bytes), NULL, until, NULL);
}

int next_letter(kin_subscriber *subscriber, kin_time until, struct letter *letter, struct kin_sample *sample)
{
    unsigned char bytes[LETTER_MOST], wanted[LETTER_MOST];
    struct kin_sample own;
    sample = sample ? sample : &own;
    int result = kin_subscriber_next(subscriber, bytes, sizeof bytes, until, sample);
    if (result < 0)
        return result;
    check(sample->length >= sizeof *letter);
    memcpy(letter, bytes, sizeof *letter);
    check_is(sample->length, write_letter(*letter, wanted));
    check(memcmp(bytes, wanted, sample->length) == 0);
    return 0;
}
