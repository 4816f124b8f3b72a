/* One side is killed again and again, at random moments; the other goes on, and sees no hole, no tear, no double. */
#include "channels.h"
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#define KILLS 200
#define WORDS 8

struct run {
    uint64_t sent[KILLS + 1]; /* sends that returned, by each producer */
    uint64_t received;        /* receives that returned, by all consumers */
    unsigned producer;        /* number of the one to start */
    int over;
};

struct message {
    uint64_t producer, number;
    uint64_t filling[WORDS - 2];
};

static struct message message_of(uint64_t producer, uint64_t number)
{
    struct message message = {.producer = producer, .number = number};
    for (unsigned i = 0; i < WORDS - 2; i++)
        message.filling[i] = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ producer << i;
    return message;
}

static bool is_whole(const struct message *message)
{
    struct message wanted = message_of(message->producer, message->number);
    return memcmp(message, &wanted, sizeof wanted) == 0;
}

static uint64_t count_of(const uint64_t *count)
{
    return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

static void set(uint64_t *count, uint64_t value)
{
    __atomic_store_n(count, value, __ATOMIC_RELEASE);
}

static int send_for_ever(void *context)
{
    struct run *run = context;
    unsigned me = run->producer;
    kin_channel *channel = channel_of(64, sizeof(struct message));
    for (uint64_t number = 0;; number++) {
        struct message message = message_of(me, number);
        int result;
        do
            result = kin_channel_send(channel, &message, sizeof message, SOON);
        while (result == -EPIPE); /* the next consumer comes */
        check_is(result, 0);
        set(&run->sent[me], number + 1);
    }
}

static void receive_message(kin_channel *channel, struct message *message)
{
    int result;
    do
        result = kin_channel_receive(channel, message, sizeof *message, SOON);
    while (result == -EPIPE); /* the next producer comes */
    check_is(result, sizeof *message);
    check(is_whole(message));
}

/* How many messages of a dead producer came: as many as sends returned, or the one more that he was killed in. */
static void check_count(const struct run *run, uint64_t producer, uint64_t came)
{
    uint64_t sent = count_of(&run->sent[producer]);
    if (came != sent && came != sent + 1)
        test_failed(__FILE__, __LINE__, "producer %llu: %llu sends returned, %llu messages came",
                    (unsigned long long)producer, (unsigned long long)sent, (unsigned long long)came);
}

static int receive_from_all(void *context)
{
    const struct run *run = context;
    uint64_t producer = 0, came = 0;
    struct message message;
    kin_channel *channel = channel_of(64, sizeof message);
    for (;;) {
        receive_message(channel, &message);
        check(message.producer >= producer);
        while (producer < message.producer) {
            check_count(run, producer++, came);
            came = 0;
        }
        check_is(message.number, came);
        came++;
        if (producer == KILLS)
            return 0;
    }
}

static void a_while(struct dice *dice)
{
    struct timespec pause = {0, (long)dice_roll(dice, 3000000)};
    nanosleep(&pause, NULL);
}

static void killed_producers_leave_a_prefix(void **state)
{
    (void)state;
    struct dice dice = dice_new();
    struct run *run = test_shared(sizeof *run);
    pid_t consumer = test_child(receive_from_all, run);
    for (run->producer = 0; run->producer < KILLS; run->producer++) {
        pid_t producer = test_child(send_for_ever, run);
        if (dice_roll(&dice, 4))
            test_until(count_of(&run->sent[run->producer]));
        a_while(&dice);
        test_kill(producer);
    }
    test_child(send_for_ever, run);
    check_is(test_end(consumer), 0);
    uint64_t all = 0;
    for (unsigned i = 0; i < KILLS; i++)
        all += run->sent[i];
    check(all > KILLS);
}

static int receive_for_ever(void *context)
{
    struct run *run = context;
    struct message message;
    kin_channel *channel = channel_of(64, sizeof message);
    receive_message(channel, &message);
    uint64_t received = count_of(&run->received);
    check(message.number == received ||
          message.number == received + 1); /* the dead one may not have told of his last */
    for (uint64_t wanted = message.number + 1;; wanted++) {
        set(&run->received, wanted);
        if (__atomic_load_n(&run->over, __ATOMIC_ACQUIRE))
            return 0;
        receive_message(channel, &message);
        check_is(message.number, wanted);
    }
}

static void killed_consumers_lose_and_double_nothing(void **state)
{
    (void)state;
    struct dice dice = dice_new();
    struct run *run = test_shared(sizeof *run);
    test_child(send_for_ever, run);
    for (unsigned i = 0; i < KILLS; i++) {
        uint64_t before = count_of(&run->received);
        pid_t consumer = test_child(receive_for_ever, run);
        if (dice_roll(&dice, 4))
            test_until(count_of(&run->received) > before);
        a_while(&dice);
        test_kill(consumer);
    }
    check(run->received > KILLS);
    __atomic_store_n(&run->over, 1, __ATOMIC_RELEASE);
    check_is(test_end(test_child(receive_for_ever, run)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(killed_producers_leave_a_prefix),
        TEST(killed_consumers_lose_and_double_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
