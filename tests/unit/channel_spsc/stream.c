/* What goes in comes out: order and content, in both placements, for all sizes. */
#include "channels.h"
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct load {
    uint64_t messages;
    uint32_t capacity, longest;
    unsigned cpus[2];
};

static uint32_t length_of(const struct load *load, uint64_t number)
{
    return (uint32_t)(number * 7919 % (load->longest + 1));
}

static int produce(void *context)
{
    const struct load *load = context;
    run_on(load->cpus[0]);
    kin_channel *channel = channel_of(load->capacity, load->longest);
    for (uint64_t i = 0; i < load->messages; i++)
        check_is(send_numbered(channel, i, length_of(load, i), SOON), 0);
    kin_channel_close(channel);
    return 0;
}

static int consume(void *context)
{
    const struct load *load = context;
    run_on(load->cpus[1]);
    kin_channel *channel = channel_of(load->capacity, load->longest);
    for (uint64_t i = 0; i < load->messages; i++)
        check_is(receive_numbered(channel, i, length_of(load, i), SOON), length_of(load, i));
    check_is(kin_channel_receive(channel, NULL, 0, KIN_NOW), -ETIMEDOUT);
    kin_channel_close(channel);
    return 0;
}

static void run(struct load load)
{
    pid_t producer = test_child(produce, &load);
    check_is(test_end(test_child(consume, &load)), 0);
    check_is(test_end(producer), 0);
}

static void a_stream_between_processors_is_in_order_and_whole(void **state)
{
    (void)state;
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        test_skip("one processor here");
    run((struct load){300000, 1024, 64, {0, 1}});
}

static void a_stream_on_one_processor_is_in_order_and_whole(void **state)
{
    (void)state;
    run((struct load){300000, 1024, 64, {0, 0}});
}

static void a_ring_of_one_message_passes_a_stream(void **state)
{
    (void)state;
    unsigned other = sysconf(_SC_NPROCESSORS_ONLN) > 1;
    run((struct load){2000, 1, 64, {0, 0}});
    run((struct load){10000, 1, 64, {0, other}});
}

static void messages_of_any_size_pass(void **state)
{
    (void)state;
    static const uint32_t longest[] = {1, 8, 9, 24, 56, 57, 120, 121, 1000, 4096, LENGTH_MOST};
    for (unsigned i = 0; i < sizeof longest / sizeof *longest; i++) {
        kin_channel *channel = channel_of(3, longest[i]);
        uint32_t lengths[] = {0, 1, longest[i] / 2, longest[i]};
        for (uint64_t number = 0; number < 40; number += 4) {
            for (unsigned k = 0; k < 4; k++)
                check_is(send_numbered(channel, number + k, lengths[k], KIN_NOW), 0);
            check_is(send_numbered(channel, 0, 0, KIN_NOW), -ETIMEDOUT); /* 3 were asked for, so there are 4 */
            for (unsigned k = 0; k < 4; k++)
                check_is(receive_numbered(channel, number + k, lengths[k], KIN_NOW), lengths[k]);
        }
        kin_channel_close(channel);
        check_is(kin_remove(NULL, "c", 0), 0);
    }
}

static void a_message_that_does_not_fit_is_refused_and_harms_nothing(void **state)
{
    (void)state;
    char data[65] = {0}, small[7];
    kin_channel *channel = channel_of(0, 0);
    check_refused(kin_channel_send(channel, data, 65, KIN_NOW), -EMSGSIZE, "takes 64");
    check_is(kin_channel_send(channel, "12345678", 8, KIN_NOW), 0);
    check_refused(kin_channel_receive(channel, small, sizeof small, KIN_NOW), -E2BIG, "stays in the channel");
    check_is(kin_channel_receive(channel, data, sizeof data, KIN_NOW), 8);
    check(memcmp(data, "12345678", 8) == 0);
    check_is(kin_channel_send(channel, NULL, 0, KIN_NOW), 0);
    check_is(kin_channel_receive(channel, NULL, 0, KIN_NOW), 0);
    kin_channel_close(channel);
}

static int echo(void *context)
{
    kin_channel *forth = channel_of(0, 0), *back = context;
    int64_t number;
    do {
        number = receive_number(forth, SOON);
        check(number >= 0);
        check_is(send_number(back, (uint64_t)number, SOON), 0);
    } while (number != 0);
    kin_channel_close(forth);
    kin_channel_close(back);
    return 0;
}

/* Each message finds the other asleep. */
static void who_sleeps_is_woken(void **state)
{
    (void)state;
    kin_channel *forth = channel_of(0, 0), *back;
    check_is(kin_channel_open(NULL, "back", NULL, &back), 0);
    pid_t child = test_child(echo, back);
    for (uint64_t i = 100; i-- > 0;) {
        test_asleep(child);
        check_is(send_number(forth, i, SOON), 0);
        check_is(receive_number(back, SOON), i);
    }
    check_is(test_end(child), 0);
    kin_channel_close(forth);
    kin_channel_close(back);
}

static int send_two(void *context)
{
    kin_channel *channel = channel_of(1, 8);
    (void)context;
    check_is(send_number(channel, 1, KIN_NOW), 0);
    check_is(send_number(channel, 2, SOON), 0);
    kin_channel_close(channel);
    return 0;
}

static void a_sender_who_sleeps_on_a_full_ring_is_woken(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(1, 8);
    for (unsigned i = 0; i < 50; i++) {
        pid_t child = test_child(send_two, NULL);
        test_asleep(child);
        check_is(receive_number(channel, KIN_NOW), 1);
        check_is(receive_number(channel, SOON), 2);
        check_is(test_end(child), 0);
    }
    kin_channel_close(channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_between_processors_is_in_order_and_whole),
        TEST(a_stream_on_one_processor_is_in_order_and_whole),
        TEST(a_ring_of_one_message_passes_a_stream),
        TEST(messages_of_any_size_pass),
        TEST(a_message_that_does_not_fit_is_refused_and_harms_nothing),
        TEST(who_sleeps_is_woken),
        TEST(a_sender_who_sleeps_on_a_full_ring_is_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
