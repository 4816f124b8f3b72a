/* What the topic's tests share: opening, messages that can be checked. */
#ifndef TESTS_TOPICS_H
#define TESTS_TOPICS_H

#include "../channel_spsc/channels.h"
#include <kin/topic.h>

/* Opens or makes the topic "t" in the test's domain. */
kin_topic *topic_of(uint32_t messages, uint32_t message_max, uint32_t policy);
kin_subscriber *subscriber_of(kin_topic *topic, uint32_t from, uint64_t position);

/* One message of 8 bytes, the number itself. The position, or the number; or the negative error. */
int64_t publish_number(kin_topic *topic, uint64_t number, kin_time until);
int64_t next_number(kin_subscriber *subscriber, kin_time until, struct kin_sample *sample);

/* A message in which a tear is seen: its length and every byte follow from who published it, and its number with him.
 * */
#define LETTER_MOST 400u
struct letter {
    uint64_t publisher, number;
};
int publish_letter(kin_topic *topic, struct letter letter, kin_time until);
/* The next, which is checked. The result of the call. */
int next_letter(kin_subscriber *subscriber, kin_time until, struct letter *letter, struct kin_sample *sample);

#endif
