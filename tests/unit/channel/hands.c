/* Messages in hand: loaned, borrowed, leased; done-and-send, the dead-letter queue, handles, fork. */
#include "queues.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct kin_message nothing;

static void take_one(kin_queue *queue, uint64_t number, struct kin_message *out)
{
    check_is(kin_queue_take(queue, NULL, KIN_NOW, out), 0);
    check_is(out->length, sizeof number);
    check(payload_is(out->data, sizeof number, number));
}

static void a_loan_takes_its_place_when_it_is_sent(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 200, 0);
    struct kin_message message = nothing;
    check_is(kin_queue_loan(queue, 100, KIN_NOW, &message), 0);
    check_is(message.length, 100);
    check_is(status_of(queue).loaned, 1);
    payload_write(message.data, 100, 7);
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    message.length = 90;
    check_is(kin_queue_send_loan(queue, &message, KIN_SEND(.type = 5)), 0);
    check_is(receive_number(queue, NULL, KIN_NOW), 1);
    unsigned char bytes[200];
    struct kin_message out;
    check_is(kin_queue_receive(queue, bytes, sizeof bytes, NULL, KIN_NOW, &out), 0);
    check(out.length == 90 && out.type == 5 && payload_is(bytes, 90, 7));
    check_is(status_of(queue).loaned, 0);
    kin_queue_close(queue);
}

static void a_loan_cannot_grow(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 200, 0);
    struct kin_message message;
    check_is(kin_queue_loan(queue, 20, KIN_NOW, &message), 0);
    message.length = 21;
    check_refused(kin_queue_send_loan(queue, &message, NULL), -EMSGSIZE, "20 bytes");
    check_refused(kin_queue_loan(queue, 201, KIN_NOW, &message), -EMSGSIZE, "201 bytes");
    message.length = 20;
    check_refused(kin_queue_send_loan(queue, &message, KIN_SEND(.type = -1)), -EINVAL, "type");
    check_refused(kin_queue_send_loan(queue, &message, KIN_SEND(.priority = KIN_PRIORITY_MAX + 1)), -EINVAL,
                  "priority");
    check_is(kin_queue_release(queue, &message), 0);
    check_is(status_of(queue).loaned, 0);
    kin_queue_close(queue);
}

static void what_is_not_in_hand_is_refused(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 8, 64, 0), *other = queue_of("other", 8, 64, 0);
    struct kin_message loan, lease, borrow, wrong;
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    check_is(send_number(queue, 2, NULL, KIN_NOW), 0);
    check_is(kin_queue_loan(queue, 8, KIN_NOW, &loan), 0);
    take_one(queue, 1, &lease);
    check_is(kin_queue_borrow(queue, NULL, KIN_NOW, &borrow), 0);
    check_refused(kin_queue_done(queue, &loan), -EINVAL, "not in this process's hand");
    check_is(kin_queue_put_back(queue, &loan), -EINVAL);
    check_is(kin_queue_put_back(queue, &borrow), -EINVAL);
    check_is(kin_queue_done(queue, &borrow), -EINVAL);
    check_is(kin_queue_send_loan(queue, &lease, NULL), -EINVAL);
    check_is(kin_queue_release(queue, &lease), -EINVAL);
    check_is(kin_queue_done(other, &lease), -EINVAL);
    check_is(kin_queue_done_and_send(queue, &loan, queue, &lease, NULL), -EINVAL);
    check_is(kin_queue_done_and_send(queue, &lease, other, &loan, NULL), -EINVAL);
    check_is(kin_queue_done_and_send(queue, &lease, queue, &borrow, NULL), -EINVAL);
    wrong = lease;
    wrong.slot = UINT32_MAX;
    check_is(kin_queue_done(queue, &wrong), -EINVAL);
    wrong = lease;
    wrong.sequence++;
    check_is(kin_queue_done(queue, &wrong), -EINVAL);
    check_is(kin_queue_done(queue, &(struct kin_message){0}), -EINVAL);
    check_is(kin_queue_done(queue, &lease), 0);
    check_is(kin_queue_done(queue, &lease), -EINVAL);
    check_is(kin_queue_release(queue, &borrow), 0);
    check_is(kin_queue_send_loan(queue, &loan, NULL), 0);
    kin_queue_close(queue);
    kin_queue_close(other);
}

static void a_job_put_back_keeps_its_place(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 8, 64, 0);
    struct kin_message first, second;
    for (uint64_t i = 1; i <= 3; i++)
        check_is(send_number(queue, i, KIN_SEND(.priority = 9), KIN_NOW), 0);
    take_one(queue, 1, &first);
    take_one(queue, 2, &second);
    check_is(first.attempts, 0);
    check_is(kin_queue_put_back(queue, &second), 0);
    check_is(kin_queue_put_back(queue, &first), 0);
    take_one(queue, 1, &first);
    check_is(first.attempts, 1);
    check_is(kin_queue_put_back(queue, &first), 0);
    struct kin_message out;
    uint64_t number;
    check_is(kin_queue_receive(queue, &number, sizeof number, NULL, KIN_NOW, &out), 0);
    check(number == 1 && out.attempts == 2 && out.priority == 9);
    check_is(receive_number(queue, NULL, KIN_NOW), 2);
    check_is(receive_number(queue, NULL, KIN_NOW), 3);
    kin_queue_close(queue);
}

static void a_result_is_sent_as_the_job_is_done(void **state)
{
    (void)state;
    kin_queue *jobs = queue_of("jobs", 4, 64, 0), *results = queue_of("results", 4, 4096, 0);
    struct kin_message job, result;
    check_is(send_number(jobs, 1, NULL, KIN_NOW), 0);
    take_one(jobs, 1, &job);
    check_is(kin_queue_loan(results, 4096, KIN_NOW, &result), 0);
    payload_write(result.data, 3000, 77);
    result.length = 4097;
    check_refused(kin_queue_done_and_send(jobs, &job, results, &result, NULL), -EMSGSIZE, "4096");
    result.length = 3000;
    check_refused(kin_queue_done_and_send(jobs, &job, results, &result, KIN_SEND(.type = -2)), -EINVAL, "type");
    check_is(kin_queue_done_and_send(jobs, &job, results, &result, KIN_SEND(.type = 3, .priority = 400)), 0);
    check_is(kin_queue_done_and_send(jobs, &job, results, &result, NULL), -EINVAL);
    check(status_of(jobs).leased == 0 && status_of(jobs).queued == 0 && status_of(results).queued == 1);
    unsigned char bytes[4096];
    struct kin_message out;
    check_is(kin_queue_receive(results, bytes, sizeof bytes, NULL, KIN_NOW, &out), 0);
    check(out.length == 3000 && out.type == 3 && out.priority == 400 && payload_is(bytes, 3000, 77));
    kin_queue_close(jobs);
    kin_queue_close(results);
}

static void a_queue_may_feed_itself(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 2, 64, 0);
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    for (uint64_t i = 1; i < 1000; i++) {
        struct kin_message job, result;
        take_one(queue, i, &job);
        check_is(kin_queue_loan(queue, 8, KIN_NOW, &result), 0);
        payload_write(result.data, 8, i + 1);
        check_is(kin_queue_done_and_send(queue, &job, queue, &result, NULL), 0);
    }
    check_is(receive_number(queue, NULL, KIN_NOW), 1000);
    kin_queue_close(queue);
}

static void two_domains_cannot_change_in_one_step(void **state)
{
    char path[128];
    snprintf(path, sizeof path, "%s/inner", (char *)*state);
    kin_domain *inner;
    kin_queue *far, *near = queue_of("near", 2, 64, 0);
    struct kin_message job, result;
    check_is(kin_domain_open(path, NULL, &inner), 0);
    check_is(kin_queue_open(inner, "far", NULL, &far), 0);
    check_is(send_number(near, 1, NULL, KIN_NOW), 0);
    take_one(near, 1, &job);
    check_is(kin_queue_loan(far, 8, KIN_NOW, &result), 0);
    check_refused(kin_queue_done_and_send(near, &job, far, &result, NULL), -EXDEV, "different domains");
    check_is(kin_queue_done(near, &job), 0);
    check_is(kin_queue_release(far, &result), 0);
    kin_queue_close(near);
    kin_queue_close(far);
    kin_domain_close(inner);
}

static void after_some_attempts_a_message_goes_to_the_dead_letters(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 8, 4096, 0), *dead = queue_of("dead", 8, 4096, 0);
    struct kin_receive how = {.size = sizeof how, .attempts = 2, .dead_letter = dead};
    struct kin_message message;
    unsigned char bytes[4096];
    payload_write(bytes, 3000, 42);
    check_is(kin_queue_send(queue, bytes, 3000, KIN_SEND(.type = 8, .priority = 3), KIN_NOW), 0);
    for (uint32_t i = 0; i < 2; i++) {
        check_is(kin_queue_take(queue, &how, KIN_NOW, &message), 0);
        check_is(message.attempts, i);
        check_is(kin_queue_put_back(queue, &message), 0);
    }
    check_is(kin_queue_take(queue, &how, KIN_NOW, &message), -ETIMEDOUT);
    struct kin_message out;
    check_is(kin_queue_receive(dead, bytes, sizeof bytes, NULL, KIN_NOW, &out), 0);
    check(out.length == 3000 && out.type == 8 && out.priority == 3 && payload_is(bytes, 3000, 42));
    check_is(status_of(queue).leased + status_of(queue).aside, 0);
    kin_queue_close(queue);
    kin_queue_close(dead);
}

static void a_message_set_aside_goes_on_when_there_is_room(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 8, 64, 0), *dead = queue_of("dead", 1, 64, 0);
    struct kin_receive how = {.size = sizeof how, .attempts = 1, .dead_letter = dead};
    struct kin_message message;
    check_is(send_number(dead, 100, NULL, KIN_NOW), 0);
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    check_is(send_number(queue, 2, NULL, KIN_NOW), 0);
    take_one(queue, 1, &message);
    check_is(kin_queue_put_back(queue, &message), 0);
    check_is(kin_queue_take(queue, &how, KIN_NOW, &message), 0);
    check(payload_is(message.data, 8, 2)); /* 1 was set aside: it does not stop the others */
    check_is(kin_queue_done(queue, &message), 0);
    check_is(status_of(queue).aside, 1);
    check_is(status_of(queue).queued, 0);
    check_is(receive_number(dead, NULL, KIN_NOW), 100);
    check_is(kin_queue_take(queue, &how, KIN_NOW, &message), -ETIMEDOUT);
    check_is(status_of(queue).aside, 0);
    check_is(receive_number(dead, NULL, KIN_NOW), 1);
    kin_queue_close(queue);
    kin_queue_close(dead);
}

static void closing_gives_back_what_was_taken_through_that_handle(void **state)
{
    (void)state;
    kin_queue *one = queue_of("q", 8, 64, 0), *two = queue_of("q", 8, 64, 0);
    struct kin_message lease, kept, loan, borrow;
    for (uint64_t i = 1; i <= 4; i++)
        check_is(send_number(one, i, NULL, KIN_NOW), 0);
    take_one(one, 1, &lease);
    take_one(two, 2, &kept);
    check_is(kin_queue_borrow(one, NULL, KIN_NOW, &borrow), 0);
    check_is(kin_queue_loan(one, 8, KIN_NOW, &loan), 0);
    kin_queue_close(one);
    struct kin_queue_status status = status_of(two);
    check(status.leased == 1 && status.loaned == 0 && status.borrowed == 0 && status.queued == 2);
    take_one(two, 1, &lease);
    check_is(lease.attempts, 1);
    check_is(kin_queue_done(two, &lease), 0);
    check_is(kin_queue_done(two, &kept), 0);
    check_is(receive_number(two, NULL, KIN_NOW), 4);
    kin_queue_close(two);
    kin_queue_close(NULL);
}

static int remove_it(void *context)
{
    (void)context;
    return -kin_remove(NULL, "q", 0);
}

/* The second handle's lease must be known to others after the first handle is closed. */
static void closing_one_handle_leaves_the_other_one_named(void **state)
{
    (void)state;
    kin_queue *one = queue_of("q", 8, 64, 0), *two = queue_of("q", 8, 64, 0);
    struct kin_message message;
    check_is(send_number(one, 1, NULL, KIN_NOW), 0);
    check_is(send_number(one, 2, NULL, KIN_NOW), 0);
    take_one(one, 1, &message);
    check_is(kin_queue_done(one, &message), 0);
    take_one(two, 2, &message);
    check_is(kin_queue_put_back(two, &message), 0);
    kin_queue_close(one);
    take_one(two, 2, &message);
    check_is(test_end(test_child(remove_it, NULL)), EBUSY);
    check_is(kin_queue_done(two, &message), 0);
    kin_queue_close(two);
}

struct family {
    kin_queue *queue;
    struct kin_message lease, loan;
};

static int child_of_fork(void *context)
{
    struct family *family = context;
    struct kin_message own;
    check_refused(kin_queue_done(family->queue, &family->lease), -EINVAL, "fork");
    check_is(kin_queue_put_back(family->queue, &family->lease), -EINVAL);
    check_is(kin_queue_send_loan(family->queue, &family->loan, NULL), -EINVAL);
    check_is(kin_queue_release(family->queue, &family->loan), -EINVAL);
    check_is(receive_number(family->queue, NULL, KIN_NOW), 2);
    take_one(family->queue, 3, &own);
    check_is(kin_queue_put_back(family->queue, &own), 0);
    check_is(send_number(family->queue, 4, NULL, KIN_NOW), 0);
    take_one(family->queue, 3, &own);
    kin_queue_close(family->queue);
    return 0;
}

static void a_forked_child_has_hands_of_its_own(void **state)
{
    (void)state;
    struct family family = {.queue = queue_of("q", 8, 64, 0)};
    for (uint64_t i = 1; i <= 3; i++)
        check_is(send_number(family.queue, i, NULL, KIN_NOW), 0);
    take_one(family.queue, 1, &family.lease);
    check_is(kin_queue_loan(family.queue, 8, KIN_NOW, &family.loan), 0);
    check_is(test_end(test_child(child_of_fork, &family)), 0);
    struct kin_queue_status status = status_of(family.queue);
    check(status.leased == 1 && status.loaned == 1 && status.queued == 2);
    check_is(kin_queue_done(family.queue, &family.lease), 0);
    check_is(kin_queue_release(family.queue, &family.loan), 0);
    take_one(family.queue, 3, &family.lease);
    check_is(family.lease.attempts, 2);
    check_is(kin_queue_done(family.queue, &family.lease), 0);
    kin_queue_close(family.queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_loan_takes_its_place_when_it_is_sent),
        TEST(a_loan_cannot_grow),
        TEST(what_is_not_in_hand_is_refused),
        TEST(a_job_put_back_keeps_its_place),
        TEST(a_result_is_sent_as_the_job_is_done),
        TEST(a_queue_may_feed_itself),
        TEST(two_domains_cannot_change_in_one_step),
        TEST(after_some_attempts_a_message_goes_to_the_dead_letters),
        TEST(a_message_set_aside_goes_on_when_there_is_room),
        TEST(closing_gives_back_what_was_taken_through_that_handle),
        TEST(closing_one_handle_leaves_the_other_one_named),
        TEST(a_forked_child_has_hands_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
