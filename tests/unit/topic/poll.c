/* Every one of a crowd of subscribers is polled at once. */
#include "topics.h"
#include <errno.h>
#include <kin/poll.h>
#include <poll.h>
#include <stdlib.h>

#define CROWD 1000u

static void a_set_of_a_thousand_subscribers_tells_of_each(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(8, 8, KIN_TOPIC_DROP_OLDEST);
    kin_subscriber **crowd = calloc(CROWD, sizeof(kin_subscriber *));
    unsigned char *told = calloc(CROWD, 1);
    kin_poll *set;
    int which;
    check(crowd && told);
    check_is(kin_poll_create(&set), 0);
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i] = subscriber_of(topic, KIN_FROM_NOW, 0);
        check_is(kin_poll_add_subscriber(set, crowd[i]), i);
    }
    check_is(kin_poll_wait(set, KIN_NOW, &which), -ETIMEDOUT);
    publish_number(topic, 7, KIN_NOW);
    for (unsigned i = 0; i < CROWD; i++) {
        check_is(kin_poll_wait(set, SOON, &which), 0);
        check(!told[which]);
        told[which] = 1;
        check_is(next_number(crowd[which], KIN_NOW, NULL), 7);
    }
    check_is(kin_poll_wait(set, KIN_NOW, &which), -ETIMEDOUT);
    kin_poll_destroy(set);
    for (unsigned i = 0; i < CROWD; i++)
        kin_subscriber_close(crowd[i]);
    free(crowd);
    free(told);
    kin_topic_close(topic);
}

static int wait_by_descriptor(void *context)
{
    kin_topic *topic = topic_of(8, 8, KIN_TOPIC_DROP_OLDEST);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
    struct pollfd fd = {.fd = kin_subscriber_fd(subscriber), .events = POLLIN};
    check(fd.fd >= 0);
    check_is(kin_subscriber_clear(subscriber), 0);
    check_is(poll(&fd, 1, 0), 0);
    __atomic_fetch_add((unsigned *)context, 1, __ATOMIC_RELEASE);
    int64_t number;
    do {
        check_is(poll(&fd, 1, -1), 1);
        check_is(kin_subscriber_clear(subscriber), 0);
        number = next_number(subscriber, KIN_NOW, NULL);
    } while (number == -ETIMEDOUT);
    check_is(number, 7);
    kin_subscriber_close(subscriber);
    kin_topic_close(topic);
    return 0;
}

/* More than the places of any other object's table of pollers. */
static void a_hundred_processes_poll_a_descriptor_each(void **state)
{
    (void)state;
    pid_t children[100];
    unsigned *ready = test_shared(sizeof *ready);
    kin_topic *topic = topic_of(8, 8, KIN_TOPIC_DROP_OLDEST);
    for (unsigned i = 0; i < 100; i++)
        children[i] = test_child(wait_by_descriptor, ready);
    test_until(__atomic_load_n(ready, __ATOMIC_ACQUIRE) == 100);
    publish_number(topic, 7, KIN_NOW);
    for (unsigned i = 0; i < 100; i++)
        check_is(test_end(children[i]), 0);
    kin_topic_close(topic);
}

static int wait_in_a_set(void *context)
{
    kin_poll *set;
    int which;
    (void)context;
    kin_topic *topic = topic_of(8, 8, KIN_TOPIC_DROP_OLDEST);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
    check_is(kin_poll_create(&set), 0);
    check_is(kin_poll_add_subscriber(set, subscriber), 0);
    for (uint64_t number = 0; number < 50; number++) {
        check_is(kin_poll_wait(set, SOON, &which), 0);
        check_is(next_number(subscriber, KIN_NOW, NULL), number);
    }
    kin_poll_destroy(set);
    kin_subscriber_close(subscriber);
    kin_topic_close(topic);
    return 0;
}

static void who_sleeps_in_a_set_is_rung(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(8, 8, KIN_TOPIC_DROP_OLDEST);
    pid_t child = test_child(wait_in_a_set, NULL);
    for (uint64_t number = 0; number < 50; number++) {
        test_asleep(child);
        publish_number(topic, number, KIN_NOW);
    }
    check_is(test_end(child), 0);
    kin_topic_close(topic);
}

static void a_removal_is_told(void **state)
{
    (void)state;
    kin_poll *set;
    int which;
    kin_topic *topic = topic_of(8, 8, KIN_TOPIC_DROP_OLDEST);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
    check_is(kin_poll_create(&set), 0);
    check_is(kin_poll_add_subscriber(set, subscriber), 0);
    check_is(kin_poll_wait(set, KIN_NOW, &which), -ETIMEDOUT);
    check_is(kin_remove(NULL, "t", KIN_EVEN_HELD), 0);
    check_is(kin_poll_wait(set, SOON, &which), 0);
    check_is(next_number(subscriber, KIN_NOW, NULL), -EIDRM);
    kin_poll_destroy(set);
    kin_subscriber_close(subscriber);
    kin_topic_close(topic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_set_of_a_thousand_subscribers_tells_of_each),
        TEST(a_hundred_processes_poll_a_descriptor_each),
        TEST(who_sleeps_in_a_set_is_rung),
        TEST(a_removal_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
