/* Which message comes next, what fits, and when one gives up. */
#include "queues.h"
#include <errno.h>
#include <string.h>
#include <time.h>

static const struct timespec *wall(int64_t from_now)
{
    static struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    int64_t whole = (int64_t)time.tv_sec * SECOND + time.tv_nsec + from_now;
    time.tv_sec = whole / SECOND;
    time.tv_nsec = whole % SECOND;
    return &time;
}

static int64_t now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

/* Two messages of each priority there is, sent in a scattered order. 20011 is prime to 32768. */
static void every_priority_in_order(void **state)
{
    (void)state;
    enum { ALL = KIN_PRIORITY_MAX + 1 };
    kin_queue *queue = queue_of("q", 2 * ALL, 64, 0);
    for (uint64_t age = 0; age < 2; age++)
        for (uint64_t i = 0; i < ALL; i++) {
            uint32_t priority = (uint32_t)(i * 20011 % ALL);
            check_is(send_number(queue, age << 32 | priority, KIN_SEND(.priority = priority), KIN_NOW), 0);
        }
    check_is(send_number(queue, 0, NULL, KIN_NOW), -ETIMEDOUT);
    for (uint64_t i = 0; i < 2 * ALL; i++) {
        struct kin_message message;
        uint64_t number, expected = (i % 2) << 32 | (ALL - 1 - i / 2);
        check_is(kin_queue_receive(queue, &number, sizeof number, NULL, KIN_NOW, &message), 0);
        check_is(number, expected);
        check_is(message.priority, expected & UINT32_MAX);
    }
    check_is(receive_number(queue, NULL, KIN_NOW), -ETIMEDOUT);
    kin_queue_close(queue);
}

static void send_types(kin_queue *queue, const int64_t *types, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        check_is(send_number(queue, i + 1, KIN_SEND(.type = types[i]), KIN_NOW), 0);
}

static void types_choose_as_msgrcv_does(void **state)
{
    (void)state;
    static const int64_t types[] = {5, 3, 9, 3, INT64_MAX, 5, 0};
    kin_queue *queue = queue_of("q", 16, 64, 0);
    send_types(queue, types, 7);
    check_is(receive_number(queue, KIN_RECEIVE(.type = 4), KIN_NOW), -ETIMEDOUT);
    check_is(receive_number(queue, KIN_RECEIVE(.type = 3), KIN_NOW), 2);
    check_is(receive_number(queue, KIN_RECEIVE(.type = 5, .flags = KIN_EXCEPT), KIN_NOW), 3);
    check_is(receive_number(queue, KIN_RECEIVE(.type = -4), KIN_NOW), 7); /* sent as 0: type 1 */
    check_is(receive_number(queue, KIN_RECEIVE(.type = -4), KIN_NOW), 4);
    check_is(receive_number(queue, KIN_RECEIVE(.type = -4), KIN_NOW), -ETIMEDOUT);
    check_is(receive_number(queue, KIN_RECEIVE(.type = -INT64_MAX), KIN_NOW), 1);
    check_is(receive_number(queue, KIN_RECEIVE(.type = INT64_MAX), KIN_NOW), 5);
    check_is(receive_number(queue, KIN_RECEIVE(.type = 5, .flags = KIN_EXCEPT), KIN_NOW), -ETIMEDOUT);
    check_is(receive_number(queue, KIN_RECEIVE(.type = 0), KIN_NOW), 6);
    kin_queue_close(queue);
}

static void types_within_priorities(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 16, 64, 0);
    check_is(send_number(queue, 1, KIN_SEND(.type = 2), KIN_NOW), 0);
    check_is(send_number(queue, 2, KIN_SEND(.type = 2, .priority = 7), KIN_NOW), 0);
    check_is(send_number(queue, 3, KIN_SEND(.type = 3, .priority = 32767), KIN_NOW), 0);
    check_is(send_number(queue, 4, KIN_SEND(.type = 1), KIN_NOW), 0);
    check_is(send_number(queue, 5, KIN_SEND(.type = 1, .priority = 31), KIN_NOW), 0);
    check_is(receive_number(queue, KIN_RECEIVE(.type = 2), KIN_NOW), 2);
    check_is(receive_number(queue, KIN_RECEIVE(.type = -3), KIN_NOW), 5);
    check_is(receive_number(queue, KIN_RECEIVE(.type = -3), KIN_NOW), 4);
    check_is(receive_number(queue, KIN_RECEIVE(.type = 1, .flags = KIN_EXCEPT), KIN_NOW), 3);
    check_is(receive_number(queue, KIN_RECEIVE(.type = -3), KIN_NOW), 1);
    kin_queue_close(queue);
}

static void what_cannot_be_asked_is_refused(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 100, 0);
    char bytes[101] = {0};
    check_refused(kin_queue_send(queue, bytes, 101, NULL, KIN_NOW), -EMSGSIZE, "101 bytes");
    check_refused(kin_queue_send(queue, bytes, UINT64_MAX, NULL, KIN_NOW), -EMSGSIZE, "too long");
    check_refused(kin_queue_send(queue, bytes, 1, KIN_SEND(.type = -1), KIN_NOW), -EINVAL, "type -1");
    check_refused(kin_queue_send(queue, bytes, 1, KIN_SEND(.priority = 32768), KIN_NOW), -EINVAL, "32768");
    check_refused(receive_number(queue, KIN_RECEIVE(.type = INT64_MIN), KIN_NOW), -EINVAL, "type");
    check_refused(receive_number(queue, KIN_RECEIVE(.flags = KIN_EXCEPT), KIN_NOW), -EINVAL, "KIN_EXCEPT");
    check_is(status_of(queue).queued, 0);
    kin_queue_close(queue);
}

/* Out stays as it was when the call failed, but where E2BIG tells the length. */
static void a_short_buffer(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 6000, 0);
    static unsigned char bytes[6000], got[6000];
    static const uint64_t lengths[] = {1, 64, 65, 2048, 2049, 6000};
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint64_t length = lengths[i];
        struct kin_message out = {.length = 12345};
        payload_write(bytes, length, i);
        check_is(kin_queue_send(queue, bytes, length, NULL, KIN_NOW), 0);
        check_refused(kin_queue_receive(queue, got, length - 1, NULL, KIN_NOW, &out), -E2BIG, "stays in the queue");
        check_is(out.length, length);
        check_is(kin_queue_receive(queue, got, length - 1, NULL, KIN_NOW, NULL), -E2BIG);
        check_is(kin_queue_receive(queue, got, length, KIN_RECEIVE(.flags = KIN_PEEK), KIN_NOW, &out), 0);
        check(payload_is(got, length, i) && status_of(queue).queued == 1);
        memset(got, 0xaa, sizeof got);
        check_is(kin_queue_receive(queue, got, length / 2, KIN_RECEIVE(.flags = KIN_PEEK | KIN_SHORTEN), KIN_NOW, &out),
                 0);
        check(payload_is(got, length / 2, i) && got[length / 2] == 0xaa && out.length == length);
        check_is(kin_queue_receive(queue, got, length / 2, KIN_RECEIVE(.flags = KIN_SHORTEN), KIN_NOW, &out), 0);
        check(payload_is(got, length / 2, i) && got[length / 2] == 0xaa);
        check_is(out.length, length);
        check_is(status_of(queue).queued, 0);
    }
    kin_queue_close(queue);
}

static void messages_of_no_bytes(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 64, 0);
    struct kin_message out;
    check_is(kin_queue_send(queue, NULL, 0, KIN_SEND(.type = 4), KIN_NOW), 0);
    check_is(kin_queue_send(queue, NULL, 0, KIN_SEND(.type = 5), KIN_NOW), 0);
    check_is(kin_queue_receive(queue, NULL, 0, NULL, KIN_NOW, &out), 0);
    check(out.length == 0 && out.type == 4 && !out.data);
    check_is(kin_queue_take(queue, NULL, KIN_NOW, &out), 0);
    check(out.length == 0 && out.type == 5);
    check_is(kin_queue_done(queue, &out), 0);
    kin_queue_close(queue);
}

static void out_is_untouched_on_failure(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 1, 64, 0);
    struct kin_message out = {.length = 99, .type = 98, .sequence = 97};
    char byte = 'x';
    check_is(kin_queue_receive(queue, &byte, 1, NULL, KIN_NOW, &out), -ETIMEDOUT);
    check_is(kin_queue_take(queue, NULL, KIN_NOW, &out), -ETIMEDOUT);
    check_is(kin_queue_borrow(queue, NULL, KIN_NOW, &out), -ETIMEDOUT);
    check_is(kin_queue_send(queue, &byte, 1, NULL, KIN_NOW), 0);
    check_is(kin_queue_loan(queue, 1, KIN_NOW, &out), -ETIMEDOUT);
    check(out.length == 99 && out.type == 98 && out.sequence == 97 && byte == 'x');
    kin_queue_close(queue);
}

static void deadlines_of_both_clocks(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 1, 64, 0);
    int64_t span = SECOND / 50;
    int64_t begun = now(CLOCK_MONOTONIC);
    check_refused(receive_number(queue, NULL, kin_after(span)), -ETIMEDOUT, "no message");
    check(now(CLOCK_MONOTONIC) >= begun + span);
    begun = now(CLOCK_REALTIME);
    check_is(receive_number(queue, NULL, kin_at(wall(span))), -ETIMEDOUT);
    check(now(CLOCK_REALTIME) >= begun + span);
    check_is(receive_number(queue, NULL, kin_at(wall(-span))), -ETIMEDOUT); /* long past */
    check_is(receive_number(queue, NULL, 1), -ETIMEDOUT);
    check_is(send_number(queue, 1, NULL, 1), 0); /* too late, but nothing to wait for */
    begun = now(CLOCK_MONOTONIC);
    check_refused(send_number(queue, 2, NULL, kin_after(span)), -ETIMEDOUT, "full");
    check(now(CLOCK_MONOTONIC) >= begun + span);
    struct kin_message message;
    check_is(kin_queue_loan(queue, 1, kin_at(wall(span)), &message), -ETIMEDOUT);
    check_is(receive_number(queue, NULL, kin_at(wall(-span))), 1);
    check_is(kin_queue_take(queue, NULL, kin_after(span), &message), -ETIMEDOUT);
    check_is(kin_queue_borrow(queue, NULL, kin_after(span), &message), -ETIMEDOUT);
    kin_queue_close(queue);
}

static void status_says_what_is_there(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 100, 1000, 1 << 20);
    struct kin_queue_status status = status_of(queue);
    check(status.messages == 100 && status.message_max == 1000 && status.bytes >= 100 * 1000);
    check_is(status.sent, 0);
    static char bytes[1000];
    for (unsigned i = 0; i < 10; i++)
        check_is(kin_queue_send(queue, bytes, 60 + i, NULL, KIN_NOW), 0);
    status = status_of(queue);
    check(status.queued == 10 && status.sent == 10 && status.reserved > 0);
    kin_queue_close(queue);
}

/* A loan that was never sent is not counted as sent. */
static void a_released_loan_was_not_sent(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 100, 4000, 0);
    struct kin_message loan;
    static char bytes[4000];
    check_is(kin_queue_loan(queue, 8, KIN_NOW, &loan), 0);
    check_is(kin_queue_release(queue, &loan), 0);
    check_is(status_of(queue).sent, 0);
    check_is(kin_queue_send(queue, bytes, sizeof bytes, NULL, KIN_NOW), 0);
    check_is(status_of(queue).sent, 1);
    kin_queue_close(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_priority_in_order),
        TEST(types_choose_as_msgrcv_does),
        TEST(types_within_priorities),
        TEST(what_cannot_be_asked_is_refused),
        TEST(a_short_buffer),
        TEST(messages_of_no_bytes),
        TEST(out_is_untouched_on_failure),
        TEST(deadlines_of_both_clocks),
        TEST(status_says_what_is_there),
        TEST(a_released_loan_was_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
