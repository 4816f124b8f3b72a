/* Who waits: for messages, for room, beside others, until the queue is removed. */
#include "queues.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PARTNERS = 4, EACH = 20000 };

struct crowd {
    kin_queue *queue;
    unsigned numbers; /* of the producers, given out */
    uint64_t sum[PARTNERS], count[PARTNERS];
};

static int produce(void *context)
{
    struct crowd *crowd = context;
    uint64_t me = __atomic_fetch_add(&crowd->numbers, 1, __ATOMIC_RELAXED);
    for (uint64_t i = 1; i <= EACH; i++)
        check_is(send_number(crowd->queue, me << 32 | i, NULL, SOON), 0);
    return 0;
}

/* Of each producer, what one consumer gets comes in the order in which it was sent. */
static int consume(void *context)
{
    struct crowd *crowd = context;
    uint64_t last[PARTNERS] = {0};
    for (;;) {
        int64_t number = receive_number(crowd->queue, NULL, SOON);
        check(number >= 0);
        if (number == 0)
            return 0;
        uint64_t producer = (uint64_t)number >> 32, value = number & UINT32_MAX;
        check(producer < PARTNERS && value > last[producer]);
        last[producer] = value;
        __atomic_add_fetch(&crowd->sum[producer], value, __ATOMIC_RELAXED);
        __atomic_add_fetch(&crowd->count[producer], 1, __ATOMIC_RELAXED);
    }
}

static void many_to_many(uint32_t messages)
{
    struct crowd *crowd = test_shared(sizeof *crowd);
    crowd->queue = queue_of("q", messages, 64, 0);
    pid_t producers[PARTNERS], consumers[PARTNERS];
    for (unsigned i = 0; i < PARTNERS; i++)
        consumers[i] = test_child(consume, crowd);
    for (unsigned i = 0; i < PARTNERS; i++)
        producers[i] = test_child(produce, crowd);
    for (unsigned i = 0; i < PARTNERS; i++)
        check_is(test_end(producers[i]), 0);
    for (unsigned i = 0; i < PARTNERS; i++)
        check_is(send_number(crowd->queue, 0, NULL, SOON), 0);
    for (unsigned i = 0; i < PARTNERS; i++)
        check_is(test_end(consumers[i]), 0);
    for (unsigned i = 0; i < PARTNERS; i++) {
        check_is(crowd->count[i], EACH);
        check_is(crowd->sum[i], (uint64_t)EACH * (EACH + 1) / 2);
    }
    check_is(status_of(crowd->queue).queued, 0);
    kin_queue_close(crowd->queue);
}

static void four_to_four_through_a_narrow_queue(void **state)
{
    (void)state;
    many_to_many(2);
}

static void four_to_four_through_a_wide_queue(void **state)
{
    (void)state;
    many_to_many(500);
}

static int receive_one(void *context)
{
    return (int)receive_number(context, NULL, SOON);
}

static int receive_type_two(void *context)
{
    return (int)receive_number(context, KIN_RECEIVE(.type = 2), SOON);
}

static int send_one(void *context)
{
    return -send_number(context, 7, NULL, SOON);
}

static void a_full_queue_waits_and_goes_on(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 1, 64, 0);
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    pid_t sender = test_child(send_one, queue);
    test_asleep(sender);
    check_is(receive_number(queue, NULL, KIN_NOW), 1);
    check_is(test_end(sender), 0);
    check_is(receive_number(queue, NULL, KIN_NOW), 7);
    kin_queue_close(queue);
}

/* In both orders of falling asleep, a message for one must not be swallowed by the other. */
static void a_choosy_receiver_beside_another(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 8, 64, 0);
    for (unsigned turn = 0; turn < 40; turn++) {
        pid_t first = test_child(turn % 2 ? receive_one : receive_type_two, queue);
        test_asleep(first);
        pid_t second = test_child(turn % 2 ? receive_type_two : receive_one, queue);
        test_asleep(second);
        pid_t any = turn % 2 ? first : second, choosy = turn % 2 ? second : first;
        check_is(send_number(queue, 1, KIN_SEND(.type = 1), KIN_NOW), 0);
        check_is(test_end(any), 1);
        check_is(send_number(queue, 3, KIN_SEND(.type = 3), KIN_NOW), 0);
        check_is(send_number(queue, 2, KIN_SEND(.type = 2), KIN_NOW), 0);
        check_is(test_end(choosy), 2);
        check_is(receive_number(queue, NULL, KIN_NOW), 3);
    }
    kin_queue_close(queue);
}

static int sizes_sender(void *context)
{
    struct crowd *crowd = context;
    static const uint64_t sizes[] = {10, 100, 9000, 3000, 16384, 64};
    static unsigned char bytes[16384];
    uint64_t me = __atomic_fetch_add(&crowd->numbers, 1, __ATOMIC_RELAXED);
    for (uint64_t i = 0; i < 1500; i++) {
        uint64_t length = sizes[(i + me) % 6];
        payload_write(bytes, length, me);
        check_is(kin_queue_send(crowd->queue, bytes, length, NULL, SOON), 0);
    }
    return 0;
}

/* Two of the largest fill it: senders of all sizes wait for bytes and for records, and all get through. */
static void bytes_that_are_short_starve_nobody(void **state)
{
    (void)state;
    struct crowd *crowd = test_shared(sizeof *crowd);
    static unsigned char bytes[16384];
    crowd->queue = queue_of("q", 6, 16384, 32768);
    pid_t senders[PARTNERS];
    for (unsigned i = 0; i < PARTNERS; i++)
        senders[i] = test_child(sizes_sender, crowd);
    for (unsigned i = 0; i < PARTNERS * 1500; i++) {
        struct kin_message out;
        check_is(kin_queue_receive(crowd->queue, bytes, sizeof bytes, NULL, SOON, &out), 0);
        check(out.length < 8 || payload_is(bytes, out.length, bytes[0]));
    }
    for (unsigned i = 0; i < PARTNERS; i++)
        check_is(test_end(senders[i]), 0);
    check_is(status_of(crowd->queue).queued, 0);
    kin_queue_close(crowd->queue);
}

static int get_and_expect_removal(void *context)
{
    check_refused(receive_number(context, NULL, SOON), -EIDRM, "");
    return 0;
}

static int choose_and_expect_removal(void *context)
{
    check_is(receive_number(context, KIN_RECEIVE(.type = 4), SOON), -EIDRM);
    return 0;
}

static int send_and_expect_removal(void *context)
{
    check_is(send_number(context, 1, NULL, SOON), -EIDRM);
    return 0;
}

static void removing_tells_those_who_wait(void **state)
{
    (void)state;
    kin_queue *empty = queue_of("empty", 4, 64, 0), *full = queue_of("full", 1, 64, 0);
    check_is(send_number(full, 1, NULL, KIN_NOW), 0);
    pid_t children[] = {test_child(get_and_expect_removal, empty), test_child(choose_and_expect_removal, empty),
                        test_child(send_and_expect_removal, full)};
    for (unsigned i = 0; i < 3; i++)
        test_asleep(children[i]);
    check_refused(kin_remove(NULL, "empty", 0), -EBUSY, "waits for it");
    check_refused(kin_remove(NULL, "full", 0), -EBUSY, "waits for it");
    check_is(kin_remove(NULL, "empty", KIN_EVEN_HELD), 0);
    check_is(kin_remove(NULL, "full", KIN_EVEN_HELD), 0);
    for (unsigned i = 0; i < 3; i++)
        check_is(test_end(children[i]), 0);
    check_refused(kin_remove(NULL, "full", 0), -ENOENT, "full");
    check_refused(send_number(empty, 1, NULL, SOON), -EIDRM, "was removed");
    check_is(receive_number(full, NULL, KIN_NOW), -EIDRM);
    struct kin_queue_status status;
    check_is(kin_queue_status(full, &status), -EIDRM);
    kin_queue *anew = queue_of("full", 4, 64, 0);
    check_is(send_number(anew, 1, NULL, KIN_NOW), 0);
    kin_queue_close(anew);
    kin_queue_close(empty);
    kin_queue_close(full);
}

static int remove_it(void *context)
{
    return -kin_remove(NULL, context, 0);
}

static void what_is_held_is_not_removed(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 64, 0);
    struct kin_message lease, loan;
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    check_is(kin_queue_take(queue, NULL, KIN_NOW, &lease), 0);
    check_is(test_end(test_child(remove_it, "q")), EBUSY);
    check_is(kin_queue_loan(queue, 8, KIN_NOW, &loan), 0);
    check_is(kin_queue_done(queue, &lease), 0);
    check_is(test_end(test_child(remove_it, "q")), EBUSY);
    check_is(kin_queue_release(queue, &loan), 0);
    check_is(test_end(test_child(remove_it, "q")), 0);
    check_is(send_number(queue, 1, NULL, KIN_NOW), -EIDRM);
    kin_queue_close(queue);
}

static int delete_entry(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about, (void)type, (void)place;
    return remove(path);
}

static void a_domain_deleted_underneath(void **state)
{
    kin_domain *domain;
    kin_queue *empty = queue_of("empty", 4, 64, 0), *full = queue_of("full", 1, 64, 0), *another;
    check_is(kin_domain_open(NULL, NULL, &domain), 0);
    check_is(send_number(full, 1, NULL, KIN_NOW), 0);
    pid_t children[] = {test_child(get_and_expect_removal, empty), test_child(choose_and_expect_removal, empty),
                        test_child(send_and_expect_removal, full)};
    for (unsigned i = 0; i < 3; i++)
        test_asleep(children[i]);
    check_is(nftw(*state, delete_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    for (unsigned i = 0; i < 3; i++)
        check_is(test_end(children[i]), 0);
    check_refused(kin_queue_open(domain, "empty", NULL, &another), -ESTALE, "was deleted underneath");
    check_is(kin_queue_open(domain, "empty", KIN_QUEUE(.flags = KIN_MUST_EXIST), &another), -ESTALE);
    kin_domain_close(domain);
    kin_queue_close(empty);
    kin_queue_close(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(four_to_four_through_a_narrow_queue), TEST(four_to_four_through_a_wide_queue),
        TEST(a_full_queue_waits_and_goes_on),      TEST(a_choosy_receiver_beside_another),
        TEST(bytes_that_are_short_starve_nobody),  TEST(removing_tells_those_who_wait),
        TEST(what_is_held_is_not_removed),         TEST(a_domain_deleted_underneath),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
