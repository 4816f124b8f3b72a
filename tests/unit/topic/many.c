/* Many publishers, many subscribers, at once: order, content, exact counts. */
#include "topics.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define PUBLISHERS_MOST 3
#define SUBSCRIBERS_MOST 4

struct load {
    uint32_t policy, kept;
    unsigned publishers, subscribers;
    uint64_t messages; /* of each publisher */
    unsigned numbered; /* publishers that have taken a number */
    unsigned ready;
};

static int publish_many(void *context)
{
    struct load *load = context;
    uint64_t me = __atomic_fetch_add(&load->numbered, 1, __ATOMIC_RELAXED);
    kin_topic *topic = topic_of(load->kept, LETTER_MOST, load->policy);
    for (uint64_t i = 0; i < load->messages; i++)
        check_is(publish_letter(topic, (struct letter){me, i}, SOON), 0);
    kin_topic_close(topic);
    return 0;
}

/* With drop-oldest what came and what was missed add up; with block all came. */
static int read_many(void *context)
{
    struct load *load = context;
    uint64_t all = load->messages * load->publishers, came = 0, missed = 0, next[PUBLISHERS_MOST] = {0};
    kin_topic *topic = topic_of(load->kept, LETTER_MOST, load->policy);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
    __atomic_fetch_add(&load->ready, 1, __ATOMIC_RELEASE);
    while (came + missed < all) {
        struct letter letter;
        struct kin_sample sample;
        check_is(next_letter(subscriber, SOON, &letter, &sample), 0);
        check(letter.publisher < load->publishers && letter.number >= next[letter.publisher]);
        next[letter.publisher] = letter.number + 1;
        missed += sample.missed;
        check_is(sample.position, came + missed);
        came++;
    }
    check_is(next_number(subscriber, KIN_NOW, NULL), -ETIMEDOUT);
    if (load->policy == KIN_TOPIC_BLOCK)
        check_is(missed, 0);
    kin_subscriber_close(subscriber);
    kin_topic_close(topic);
    return 0;
}

static void run(struct load load)
{
    pid_t readers[SUBSCRIBERS_MOST], publishers[PUBLISHERS_MOST];
    struct load *shared = test_shared(sizeof load);
    *shared = load;
    for (unsigned i = 0; i < load.subscribers; i++)
        readers[i] = test_child(read_many, shared);
    test_until(__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) == load.subscribers);
    for (unsigned i = 0; i < load.publishers; i++)
        publishers[i] = test_child(publish_many, shared);
    for (unsigned i = 0; i < load.publishers; i++)
        check_is(test_end(publishers[i]), 0);
    for (unsigned i = 0; i < load.subscribers; i++)
        check_is(test_end(readers[i]), 0);
    check_is(kin_remove(NULL, "t", 0), 0);
}

static void all_come_in_order_while_publishers_wait(void **state)
{
    (void)state;
    run((struct load){KIN_TOPIC_BLOCK, 1024, 1, 2, 50000});
    run((struct load){KIN_TOPIC_BLOCK, 64, 3, 4, 5000});
    run((struct load){KIN_TOPIC_BLOCK, 8, 2, 3, 2000});
}

static void what_comes_and_what_is_missed_add_up(void **state)
{
    (void)state;
    run((struct load){KIN_TOPIC_DROP_OLDEST, 1024, 1, 2, 50000});
    run((struct load){KIN_TOPIC_DROP_OLDEST, 64, 3, 4, 20000});
    run((struct load){KIN_TOPIC_DROP_OLDEST, 8, 2, 3, 20000});
}

static int echo(void *context)
{
    kin_topic *back = context, *forth;
    check_is(kin_topic_open(NULL, "forth", NULL, &forth), 0);
    kin_subscriber *subscriber = subscriber_of(forth, KIN_FROM_OLDEST, 0);
    int64_t number;
    do {
        number = next_number(subscriber, SOON, NULL);
        check(number >= 0);
        check(publish_number(back, (uint64_t)number, SOON) >= 0);
    } while (number != 0);
    kin_subscriber_close(subscriber);
    return 0;
}

/* Each message finds the other asleep. */
static void who_sleeps_is_woken(void **state)
{
    (void)state;
    kin_topic *forth, *back = topic_of(0, 0, 0);
    check_is(kin_topic_open(NULL, "forth", NULL, &forth), 0);
    kin_subscriber *subscriber = subscriber_of(back, KIN_FROM_NOW, 0);
    pid_t child = test_child(echo, back);
    for (uint64_t i = 100; i-- > 0;) {
        test_asleep(child);
        check(publish_number(forth, i, KIN_NOW) >= 0);
        check_is(next_number(subscriber, SOON, NULL), i);
    }
    check_is(test_end(child), 0);
    kin_subscriber_close(subscriber);
    kin_topic_close(forth);
    kin_topic_close(back);
}

#define CROWD 1500u

static void a_crowd_subscribes_and_reads(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(8, 8, KIN_TOPIC_BLOCK);
    struct kin_topic_status status;
    kin_subscriber **crowd = calloc(CROWD, sizeof(kin_subscriber *));
    check(crowd);
    for (unsigned i = 0; i < CROWD; i++)
        crowd[i] = subscriber_of(topic, KIN_FROM_NOW, 0);
    for (uint64_t number = 0; number < 8; number++)
        check_is(publish_number(topic, number, KIN_NOW), number);
    check_is(publish_number(topic, 8, KIN_NOW), -ETIMEDOUT);
    check_is(kin_topic_status(topic, &status), 0);
    check_is(status.subscribers, CROWD);
    check_is(status.slowest, 8);
    for (unsigned i = 0; i < CROWD; i++)
        for (uint64_t number = 0; number < 8; number++)
            check_is(next_number(crowd[i], KIN_NOW, NULL), number);
    check_is(publish_number(topic, 8, KIN_NOW), 8);
    for (unsigned i = 0; i < CROWD; i++)
        kin_subscriber_close(crowd[i]);
    check_is(kin_topic_status(topic, &status), 0);
    check_is(status.subscribers, 0);
    free(crowd);
    kin_topic_close(topic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_come_in_order_while_publishers_wait),
        TEST(what_comes_and_what_is_missed_add_up),
        TEST(who_sleeps_is_woken),
        TEST(a_crowd_subscribes_and_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
