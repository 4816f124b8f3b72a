/* One process: positions, places to begin at, gaps, limits, refusals. */
#include "topics.h"
#include <errno.h>
#include <string.h>
#include <time.h>

#define KEPT 16u

static void each_subscriber_gets_each_message(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(KEPT, 8, KIN_TOPIC_DROP_OLDEST);
    kin_subscriber *subscribers[3];
    for (unsigned i = 0; i < 3; i++)
        subscribers[i] = subscriber_of(topic, KIN_FROM_NOW, 0);
    for (uint64_t number = 0; number < 10 * KEPT; number++) {
        check_is(publish_number(topic, number + 1000, KIN_NOW), number);
        for (unsigned i = 0; i < 3; i++) {
            struct kin_sample sample;
            check_is(next_number(subscribers[i], KIN_NOW, &sample), number + 1000);
            check_is(sample.position, number);
            check_is(sample.missed, 0);
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        check_refused(next_number(subscribers[i], KIN_NOW, NULL), -ETIMEDOUT, "no message");
        kin_subscriber_close(subscribers[i]);
    }
    kin_topic_close(topic);
}

static void check_begins(kin_topic *topic, uint32_t from, uint64_t position, uint64_t first, uint64_t missed)
{
    struct kin_sample sample;
    kin_subscriber *subscriber = subscriber_of(topic, from, position);
    check_is(next_number(subscriber, KIN_NOW, &sample), first);
    check_is(sample.position, first);
    check_is(sample.missed, missed);
    check_is(kin_subscriber_position(subscriber), first + 1);
    kin_subscriber_close(subscriber);
}

static void a_newcomer_chooses_where_it_begins(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(KEPT, 8, KIN_TOPIC_DROP_OLDEST);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_LAST, 1);
    check_is(next_number(subscriber, KIN_NOW, NULL), -ETIMEDOUT);
    kin_subscriber_close(subscriber);
    for (uint64_t number = 0; number < 5; number++)
        publish_number(topic, number, KIN_NOW);
    check_begins(topic, KIN_FROM_OLDEST, 0, 0, 0);
    check_begins(topic, KIN_FROM_LAST, 100, 0, 0);
    for (uint64_t number = 5; number < 40; number++)
        publish_number(topic, number, KIN_NOW);
    check_begins(topic, KIN_FROM_OLDEST, 0, 40 - KEPT, 0);
    check_begins(topic, KIN_FROM_LAST, 1, 39, 0);
    check_begins(topic, KIN_FROM_LAST, 100, 40 - KEPT, 0);
    check_begins(topic, KIN_FROM_POSITION, 30, 30, 0);
    check_begins(topic, KIN_FROM_POSITION, 3, 40 - KEPT, 40 - KEPT - 3);
    check_is(kin_topic_position(topic), 40);
    subscriber = subscriber_of(topic, KIN_FROM_POSITION, 40);
    check_is(next_number(subscriber, KIN_NOW, NULL), -ETIMEDOUT);
    check_is(publish_number(topic, 40, KIN_NOW), 40);
    check_is(next_number(subscriber, KIN_NOW, NULL), 40);
    kin_subscriber_close(subscriber);
    check_refused(kin_topic_subscribe(topic, KIN_SUBSCRIBE(.from = KIN_FROM_POSITION, .position = 42), &subscriber),
                  -ERANGE, "no position 42 yet");
    check_refused(kin_topic_subscribe(topic, KIN_SUBSCRIBE(.from = 9), &subscriber), -EINVAL, "kin_from");
    kin_topic_close(topic);
}

static void who_was_overtaken_is_told_exactly_how_many_it_missed(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(KEPT, 8, KIN_TOPIC_DROP_OLDEST);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
    struct dice dice = dice_new();
    uint64_t published = 0, next = 0;
    for (unsigned round = 0; round < 2000; round++) {
        for (uint64_t more = dice_roll(&dice, 3 * KEPT); more > 0; more--)
            publish_number(topic, published++, KIN_NOW);
        for (uint64_t reads = dice_roll(&dice, 2 * KEPT); reads > 0 && next < published; reads--) {
            struct kin_sample sample;
            int64_t number = next_number(subscriber, KIN_NOW, &sample);
            check(number >= (int64_t)next);
            check_is(sample.position, number);
            check_is(sample.missed, (uint64_t)number - next);
            check_is(number, next < published - (published < KEPT ? published : KEPT) ? published - KEPT : next);
            next = (uint64_t)number + 1;
        }
    }
    kin_subscriber_close(subscriber);
    kin_topic_close(topic);
}

static void messages_of_any_size_pass(void **state)
{
    (void)state;
    static const uint32_t longest[] = {1, 8, 32, 33, 64, 96, 97, 1000, 4096, 5000, 70000};
    static unsigned char data[70001], buffer[70001];
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 31 + i / 256);
    for (unsigned i = 0; i < sizeof longest / sizeof *longest; i++) {
        kin_topic *topic = topic_of(8, longest[i], KIN_TOPIC_DROP_OLDEST);
        kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
        uint32_t lengths[] = {0, 1, longest[i] / 2, longest[i]};
        for (unsigned k = 0; k < 40; k++) {
            uint32_t length = lengths[k % 4];
            struct kin_sample sample;
            check_is(kin_topic_publish(topic, data + k % 2, length, KIN_PUBLISH(.type = -(int)k), KIN_NOW, NULL), 0);
            buffer[length] = 0x5a;
            check_is(kin_subscriber_next(subscriber, buffer, length, KIN_NOW, &sample), 0);
            check_is(sample.length, length);
            check_is(sample.type, -(int)k);
            check_is(sample.time, 0);
            check(memcmp(buffer, data + k % 2, length) == 0);
            check_is(buffer[length], 0x5a);
        }
        check_refused(kin_topic_publish(topic, data, longest[i] + 1, NULL, KIN_NOW, NULL), -EMSGSIZE, "message_max");
        kin_subscriber_close(subscriber);
        kin_topic_close(topic);
        check_is(kin_remove(NULL, "t", 0), 0);
    }
}

static void a_short_buffer_loses_nothing(void **state)
{
    (void)state;
    char small[3], large[8];
    struct kin_sample sample;
    kin_topic *topic = topic_of(8, 8, KIN_TOPIC_DROP_OLDEST);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
    check_is(kin_topic_publish(topic, "12345678", 8, NULL, KIN_NOW, NULL), 0);
    check_refused(kin_subscriber_next(subscriber, small, sizeof small, KIN_NOW, &sample), -E2BIG, "stays the next");
    check_is(sample.length, 8);
    check_is(kin_subscriber_next(subscriber, large, sizeof large, KIN_NOW, NULL), 0);
    check(memcmp(large, "12345678", 8) == 0);
    kin_subscriber_close(subscriber);
    kin_topic_close(topic);
}

static void messages_tell_their_time_if_that_was_asked_for(void **state)
{
    (void)state;
    kin_topic *topic;
    struct timespec before, after;
    struct kin_sample sample;
    check_is(kin_topic_open(NULL, "t", KIN_TOPIC(.times = 1), &topic), 0);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
    clock_gettime(CLOCK_REALTIME, &before);
    check_is(publish_number(topic, 1, KIN_NOW), 0);
    clock_gettime(CLOCK_REALTIME, &after);
    check_is(next_number(subscriber, KIN_NOW, &sample), 1);
    check(sample.time >= before.tv_sec * SECOND + before.tv_nsec &&
          sample.time <= after.tv_sec * SECOND + after.tv_nsec);
    kin_subscriber_close(subscriber);
    kin_topic_close(topic);
}

static void an_old_topic_keeps_what_it_was_made_with(void **state)
{
    (void)state;
    struct kin_topic_status status;
    kin_topic *topic = topic_of(9, 100, KIN_TOPIC_BLOCK), *again = topic_of(0, 0, 0);
    publish_number(topic, 1, KIN_NOW);
    check_is(kin_topic_status(again, &status), 0);
    check_is(status.messages, 16);
    check_is(status.message_max, 100);
    check_is(status.policy, KIN_TOPIC_BLOCK);
    check_is(status.published, 1);
    check_is(status.oldest, 0);
    check_is(status.subscribers, 0);
    kin_topic_close(again);
    kin_topic_close(topic);
    check_refused(kin_topic_open(NULL, "u", KIN_TOPIC(.policy = 7), &topic), -EINVAL, "KIN_TOPIC_BLOCK");
    check_refused(kin_topic_open(NULL, "u", KIN_TOPIC(.messages = (1u << 24) + 1), &topic), -EINVAL, "too many");
    check_refused(kin_topic_open(NULL, "u", KIN_TOPIC(.message_max = (1u << 30) + 1), &topic), -EINVAL, "too long");
    check_refused(kin_topic_open(NULL, "u", KIN_TOPIC(.messages = 1 << 20, .message_max = 1 << 20), &topic), -EINVAL,
                  "more than");
    check_refused(kin_topic_open(NULL, "u", KIN_TOPIC(.flags = KIN_MUST_EXIST), &topic), -ENOENT, "no topic named u");
}

static void a_loan_and_a_borrow_are_the_message_itself(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(8, 100, KIN_TOPIC_DROP_OLDEST);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
    struct kin_sample loan, borrowed;
    uint64_t position;
    check_refused(kin_topic_loan(topic, 101, KIN_NOW, &loan), -EMSGSIZE, "too long");
    check_is(kin_topic_loan(topic, 100, KIN_NOW, &loan), 0);
    check_is((uintptr_t)loan.data % 64, 0);
    memcpy(loan.data, "loaned", 7);
    loan.length = 7;
    check_is(kin_topic_publish_loan(topic, &loan, KIN_PUBLISH(.type = 3), KIN_NOW, &position), 0);
    check_is(position, 0);
    check_refused(kin_topic_publish_loan(topic, &loan, NULL, KIN_NOW, NULL), -EINVAL, "not in hand");
    check_is(kin_subscriber_borrow(subscriber, KIN_NOW, &borrowed), 0);
    check_is(borrowed.length, 7);
    check_is(borrowed.type, 3);
    check(memcmp(borrowed.data, "loaned", 7) == 0);
    check_is(kin_subscriber_release(subscriber, &borrowed), 0);
    check_refused(kin_subscriber_release(subscriber, &borrowed), -EINVAL, "not in hand");
    check_is(kin_subscriber_borrow(subscriber, KIN_NOW, &borrowed), -ETIMEDOUT);
    check_is(kin_topic_loan(topic, 8, KIN_NOW, &loan), 0);
    check_is(kin_topic_release(topic, &loan), 0);
    kin_subscriber_close(subscriber);
    kin_topic_close(topic);
}

static void a_removed_topic_is_read_to_its_end(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(8, 8, KIN_TOPIC_DROP_OLDEST);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
    publish_number(topic, 5, KIN_NOW);
    check_refused(kin_remove(NULL, "t", 0), -EBUSY, "t");
    check_is(kin_remove(NULL, "t", KIN_EVEN_HELD), 0);
    check_refused(publish_number(topic, 6, KIN_NOW), -EIDRM, "was removed");
    check_is(next_number(subscriber, KIN_NOW, NULL), 5);
    check_is(next_number(subscriber, KIN_NOW, NULL), -EIDRM);
    kin_subscriber_close(subscriber);
    kin_topic_close(topic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_subscriber_gets_each_message),
        TEST(a_newcomer_chooses_where_it_begins),
        TEST(who_was_overtaken_is_told_exactly_how_many_it_missed),
        TEST(messages_of_any_size_pass),
        TEST(a_short_buffer_loses_nothing),
        TEST(messages_tell_their_time_if_that_was_asked_for),
        TEST(an_old_topic_keeps_what_it_was_made_with),
        TEST(a_loan_and_a_borrow_are_the_message_itself),
        TEST(a_removed_topic_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
