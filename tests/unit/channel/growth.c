/* A queue that grows while others have it open, and while they hold parts of it. */
#include "queues.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES 3000
#define MESSAGE_MAX 3000

struct scene {
    kin_queue *queue;
    int stage;
    unsigned char bytes[MESSAGE_MAX];
};

static uint64_t length_of(uint64_t number)
{
    return number * 37 % (MESSAGE_MAX + 1);
}

static void until_stage(struct scene *scene, int stage)
{
    test_until(__atomic_load_n(&scene->stage, __ATOMIC_ACQUIRE) >= stage);
}

static void stage(struct scene *scene, int stage)
{
    __atomic_store_n(&scene->stage, stage, __ATOMIC_RELEASE);
}

/* Opened the queue, and held something of it, before it grew. */
static int read_what_came_later(void *context)
{
    struct scene *scene = context;
    kin_queue *queue = queue_of("q", 0, 0, 0);
    struct kin_message loan;
    static unsigned char bytes[MESSAGE_MAX];
    check_is(kin_queue_loan(queue, 500, KIN_NOW, &loan), 0);
    payload_write(loan.data, 500, 99);
    stage(scene, 1);
    until_stage(scene, 2);
    check(payload_is(loan.data, 500, 99)); /* nothing moved */
    check_is(kin_queue_send_loan(queue, &loan, KIN_SEND(.priority = 30000)), 0);
    check_is(kin_queue_receive(queue, bytes, sizeof bytes, NULL, KIN_NOW, NULL), 0);
    check(payload_is(bytes, 500, 99));
    for (uint64_t number = 0; number < MESSAGES - 1; number++) {
        struct kin_message message;
        check_is(kin_queue_receive(queue, bytes, sizeof bytes, NULL, KIN_NOW, &message), 0);
        check_is(message.length, length_of(number));
        check(payload_is(bytes, message.length, number));
    }
    check_is(receive_number(queue, NULL, KIN_NOW), -ETIMEDOUT);
    for (uint64_t number = 0; number < MESSAGES; number++) {
        payload_write(bytes, length_of(number), number);
        check_is(kin_queue_send(queue, bytes, length_of(number), NULL, KIN_NOW), 0);
    }
    kin_queue_close(queue);
    return 0;
}

static void others_stay_attached_while_it_grows(void **state)
{
    (void)state;
    struct scene *scene = test_shared(sizeof *scene);
    kin_queue *queue = scene->queue = queue_of("q", MESSAGES, MESSAGE_MAX, 0);
    pid_t child = test_child(read_what_came_later, scene);
    until_stage(scene, 1);
    uint64_t before = status_of(queue).reserved;
    for (uint64_t number = 0; number < MESSAGES - 1; number++) {
        payload_write(scene->bytes, length_of(number), number);
        check_is(kin_queue_send(queue, scene->bytes, length_of(number), NULL, KIN_NOW), 0);
    }
    check_is(send_number(queue, 0, NULL, KIN_NOW), -ETIMEDOUT);
    check(status_of(queue).reserved > 10 * before);
    stage(scene, 2);
    check_is(test_end(child), 0);
    for (uint64_t number = 0; number < MESSAGES; number++) {
        check_is(kin_queue_receive(queue, scene->bytes, MESSAGE_MAX, NULL, KIN_NOW, NULL), 0);
        check(payload_is(scene->bytes, length_of(number), number));
    }
    uint64_t grown = status_of(queue).reserved;
    for (unsigned turn = 0; turn < 3; turn++) { /* what was given back is used again */
        for (uint64_t number = 0; number < MESSAGES; number++)
            check_is(kin_queue_send(queue, scene->bytes, length_of(number), NULL, KIN_NOW), 0);
        for (uint64_t number = 0; number < MESSAGES; number++)
            check_is(kin_queue_receive(queue, scene->bytes, MESSAGE_MAX, NULL, KIN_NOW, NULL), 0);
    }
    check_is(status_of(queue).reserved, grown);
    kin_queue_close(queue);
}

/* A queue that is not full always has room for the longest message, whatever else is in it. */
static void room_for_the_longest_in_every_mixture(void **state)
{
    (void)state;
    enum { MANY = 37 };
    kin_queue *queue = queue_of("q", MANY, MESSAGE_MAX, 0);
    struct dice dice = dice_new();
    static unsigned char bytes[MESSAGE_MAX];
    unsigned queued = 0;
    for (unsigned turn = 0; turn < 20000; turn++) {
        bool full = queued == MANY;
        uint64_t length = dice_roll(&dice, 2) ? MESSAGE_MAX : dice_roll(&dice, 1000);
        if (dice_roll(&dice, 100) < 55) {
            check_is(kin_queue_send(queue, bytes, length, KIN_SEND(.type = 1 + (int64_t)dice_roll(&dice, 9)), KIN_NOW),
                     full ? -ETIMEDOUT : 0);
            queued += !full;
        } else {
            struct kin_receive how = {.size = sizeof how, .type = 1 + (int64_t)dice_roll(&dice, 9)};
            queued -= kin_queue_receive(queue, bytes, sizeof bytes, &how, KIN_NOW, NULL) == 0;
        }
        check_is(status_of(queue).queued, queued);
    }
    kin_queue_close(queue);
}

static void the_largest_message_there_is(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 2, 64 << 20, 0);
    struct kin_message message;
    check_is(kin_queue_loan(queue, 64 << 20, KIN_NOW, &message), 0);
    memset(message.data, 0x5a, 64 << 20);
    check_is(kin_queue_send_loan(queue, &message, NULL), 0);
    check_is(kin_queue_borrow(queue, NULL, KIN_NOW, &message), 0);
    check_is(message.length, 64 << 20);
    check(((unsigned char *)message.data)[(64 << 20) - 1] == 0x5a);
    check_is(kin_queue_release(queue, &message), 0);
    kin_queue_close(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(others_stay_attached_while_it_grows),
        TEST(room_for_the_longest_in_every_mixture),
        TEST(the_largest_message_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
