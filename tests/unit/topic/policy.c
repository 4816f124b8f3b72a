/* Who gives way when the log is full: the oldest message, or the publisher. */
#include "topics.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT 8u

static int subscribe_and_stop(void *context)
{
    subscriber_of(context, KIN_FROM_NOW, 0);
    raise(SIGSTOP);
    pause();
    return 0;
}

static void until_stopped(pid_t child)
{
    int status;
    check(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
}

static void fill(kin_topic *topic)
{
    for (uint64_t number = 0; number < KEPT; number++)
        check_is(publish_number(topic, number, KIN_NOW), number);
}

static void a_stopped_subscriber_stops_no_publisher_that_drops(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(KEPT, 8, KIN_TOPIC_DROP_OLDEST);
    pid_t child = test_child(subscribe_and_stop, topic);
    until_stopped(child);
    for (uint64_t number = 0; number < 100 * KEPT; number++)
        check_is(publish_number(topic, number, KIN_NOW), number);
    test_kill(child);
    kin_topic_close(topic);
}

static void a_stopped_subscriber_holds_up_a_publisher_that_blocks(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(KEPT, 8, KIN_TOPIC_BLOCK);
    pid_t child = test_child(subscribe_and_stop, topic);
    until_stopped(child);
    fill(topic);
    check_refused(publish_number(topic, 9, KIN_NOW), -ETIMEDOUT, "is full");
    check_refused(publish_number(topic, 9, kin_after(SECOND / 100)), -ETIMEDOUT, "is full");
    test_kill(child);
    check_is(publish_number(topic, 9, SOON), KEPT);
    kin_topic_close(topic);
}

static int publish_all(void *context)
{
    kin_topic *topic = context;
    for (uint64_t number = 0; number < 2 * KEPT; number++)
        check_is(publish_number(topic, number, SOON), number);
    return 0;
}

static void a_publisher_asleep_is_woken_by_the_slowest(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        kin_topic *topic = topic_of(KEPT, 8, KIN_TOPIC_BLOCK);
        kin_subscriber *fast = subscriber_of(topic, KIN_FROM_NOW, 0), *slow = subscriber_of(topic, KIN_FROM_NOW, 0);
        pid_t child = test_child(publish_all, topic);
        for (uint64_t number = 0; number < KEPT; number++)
            check_is(next_number(fast, SOON, NULL), number);
        test_asleep(child);
        for (uint64_t number = 0; number < 2 * KEPT; number++) {
            check_is(next_number(slow, SOON, NULL), number);
            test_until(kin_topic_position(topic) > number + KEPT || number >= KEPT);
        }
        check_is(test_end(child), 0);
        for (uint64_t number = KEPT; number < 2 * KEPT; number++)
            check_is(next_number(fast, KIN_NOW, NULL), number);
        kin_subscriber_close(fast);
        kin_subscriber_close(slow);
        kin_topic_close(topic);
        check_is(kin_remove(NULL, "t", 0), 0);
    }
}

static void a_publisher_asleep_is_woken_when_the_slowest_dies_or_closes(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(KEPT, 8, KIN_TOPIC_BLOCK);
    pid_t stopped = test_child(subscribe_and_stop, topic);
    until_stopped(stopped);
    pid_t child = test_child(publish_all, topic);
    test_asleep(child);
    test_kill(stopped);
    check_is(test_end(child), 0);

    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
    for (uint64_t number = 0; number < KEPT; number++)
        check_is(publish_number(topic, number, KIN_NOW), 2 * KEPT + number);
    check_is(publish_number(topic, 0, KIN_NOW), -ETIMEDOUT);
    kin_subscriber_close(subscriber);
    check_is(publish_number(topic, 0, KIN_NOW), 3 * KEPT);
    kin_topic_close(topic);
}

static void a_newcomer_is_waited_for(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(KEPT, 8, KIN_TOPIC_BLOCK);
    fill(topic);
fill_again:
    for (unsigned i = 0; i < 3; i++)
        check(publish_number(topic, i, KIN_NOW) >= 0); /* nobody subscribes: nobody is waited for */
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_OLDEST, 0);
    check_is(publish_number(topic, 0, KIN_NOW), -ETIMEDOUT);
    check(next_number(subscriber, KIN_NOW, NULL) >= 0);
    check(publish_number(topic, 0, KIN_NOW) >= 0);
    check_is(publish_number(topic, 0, KIN_NOW), -ETIMEDOUT);
    kin_subscriber_close(subscriber);
    if (kin_topic_position(topic) < 50)
        goto fill_again;
    kin_topic_close(topic);
}

static int use_the_parents(void *context)
{
    check_refused(next_number(context, KIN_NOW, NULL), -EPERM, "child of fork");
    kin_subscriber_close(context);
    return 0;
}

static void a_child_of_fork_has_none_of_its_parents_subscribers(void **state)
{
    (void)state;
    kin_topic *topic = topic_of(KEPT, 8, KIN_TOPIC_BLOCK);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_NOW, 0);
    check_is(test_end(test_child(use_the_parents, subscriber)), 0);
    fill(topic);
    check_is(publish_number(topic, 0, KIN_NOW), -ETIMEDOUT);
    check_is(next_number(subscriber, KIN_NOW, NULL), 0);
    kin_subscriber_close(subscriber);
    kin_topic_close(topic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stopped_subscriber_stops_no_publisher_that_drops),
        TEST(a_stopped_subscriber_holds_up_a_publisher_that_blocks),
        TEST(a_publisher_asleep_is_woken_by_the_slowest),
        TEST(a_publisher_asleep_is_woken_when_the_slowest_dies_or_closes),
        TEST(a_newcomer_is_waited_for),
        TEST(a_child_of_fork_has_none_of_its_parents_subscribers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
