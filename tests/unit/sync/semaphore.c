/* kin_semaphore while everybody lives: the rows of System V's and POSIX's semaphores. */
#include "support.h"
#include <errno.h>
#include <kin/semaphore.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNDO KIN_SEMAPHORE_UNDO
#define NO_WAIT KIN_SEMAPHORE_NO_WAIT
#define OPS(...) (const struct kin_semaphore_op[]){__VA_ARGS__}, COUNT_OF(struct kin_semaphore_op, __VA_ARGS__)
#define COUNT_OF(type, ...) (sizeof((const type[]){__VA_ARGS__}) / sizeof(type))
#define SOON kin_after(30000000)

static kin_segment *home;
static kin_semaphore *set;

static void open_set(const struct kin_semaphore_options *options)
{
    check_is(kin_semaphore_open(NULL, "s", options, &home, &set), 0);
}

static unsigned value_of(unsigned number)
{
    struct kin_semaphore_value value;
    check_is(kin_semaphore_get(home, set, number, &value), 0);
    return value.value;
}

static void units_are_taken_and_given(void **state)
{
    (void)state;
    open_set(KIN_SEMAPHORE(.value = 2));
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), 0);
    check_is(kin_semaphore_acquire(home, set, KIN_FOREVER), 0);
    check_refused(kin_semaphore_acquire(home, set, KIN_NOW), -ETIMEDOUT, "has less than 1");
    check_refused(kin_semaphore_acquire(home, set, SOON), -ETIMEDOUT, "has less than 1");
    check_is(value_of(0), 0);
    for (unsigned i = 0; i < 3; i++) /* the last one is a new unit */
        check_is(kin_semaphore_release(home, set), 0);
    check_is(value_of(0), 3);
    for (unsigned i = 0; i < 1000; i++) {
        check_is(kin_semaphore_acquire(home, set, KIN_NOW), 0);
        check_is(kin_semaphore_release(home, set), 0);
    }
    struct kin_semaphore_value value;
    check_is(kin_semaphore_get(home, set, 0, &value), 0);
    check_is(value.value, 3);
    check_is(value.pid, getpid());
    kin_segment_close(home);
}

static void an_array_is_done_in_its_order_or_not_at_all(void **state)
{
    (void)state;
    open_set(KIN_SEMAPHORE(.count = 3, .values = (const uint16_t[]){1, 0, 5}));
    check_is(kin_semaphore_operate(home, set, OPS({0, -1, 0}, {1, 2, 0}, {2, -5, 0}, {2, 0, 0}), KIN_NOW), 0);
    check_is(value_of(0) * 100 + value_of(1) * 10 + value_of(2), 20);
    /* The order matters: what comes first makes room for what follows. */
    check_is(kin_semaphore_operate(home, set, OPS({1, -2, 0}, {1, 0, 0}, {1, 2, 0}), KIN_NOW), 0);
    check_refused(kin_semaphore_operate(home, set, OPS({1, 0, 0}, {1, -2, 0}), KIN_NOW), -ETIMEDOUT, "is not 0");
    check_refused(kin_semaphore_operate(home, set, OPS({0, 1, 0}, {1, -3, 0}), KIN_NOW), -ETIMEDOUT, "less than 3");
    check_is(value_of(0), 0);
    check_is(kin_semaphore_operate(home, set, OPS({0, 1, 0}, {0, -1, 0}, {0, 7, 0}, {0, -3, 0}), KIN_NOW), 0);
    check_is(value_of(0), 4);
    /* 64 numbers apart share a bit of what was seen. */
    check_is(kin_semaphore_operate(home, set, OPS({0, -1, NO_WAIT}, {2, 1, 0}), KIN_FOREVER), 0);
    check_is(kin_semaphore_operate(home, set, OPS({2, -1, 0}, {1, -9, NO_WAIT}), KIN_FOREVER), -EAGAIN);
    check_is(value_of(2), 1);
    kin_segment_close(home);
}

static void numbers_that_share_a_bit_are_told_apart(void **state)
{
    (void)state;
    uint16_t values[200];
    open_set(KIN_SEMAPHORE(.count = 200, .value = 3));
    check_is(kin_semaphore_operate(home, set,
                                   OPS({1, 1, UNDO}, {65, -1, UNDO}, {129, -2, UNDO}, {1, -1, UNDO}, {65, -2, UNDO},
                                       {193, 4, 0}, {65, 0, 0}),
                                   KIN_NOW),
             0);
    check_is(kin_semaphore_get_all(home, set, values), 0);
    for (unsigned i = 0; i < 200; i++)
        check_is(values[i], i == 65 ? 0 : i == 129 ? 1 : i == 193 ? 7 : 3);
    struct kin_semaphore_status status;
    check_is(kin_semaphore_status(home, set, &status), 0);
    check_is(status.count, 200);
    check_is(status.held, 2); /* of 1 nothing is owed in the end */
    kin_segment_close(home);
}

static void bounds_are_told(void **state)
{
    (void)state;
    static struct kin_semaphore_op many[KIN_SEMAPHORE_OPS_MAX + 1];
    open_set(KIN_SEMAPHORE(.count = 2, .values = (const uint16_t[]){32767, 0}));
    check_refused(kin_semaphore_operate(home, set, OPS({1, 1, 0}, {0, 1, 0}), KIN_NOW), -ERANGE, "beyond 32767");
    check_is(value_of(1), 0);
    check_refused(kin_semaphore_operate(home, set, OPS({2, 1, 0}), KIN_NOW), -EFBIG, "set of 2");
    check_refused(kin_semaphore_operate(home, set, many, 0, KIN_NOW), -EINVAL, "no operation");
    check_refused(kin_semaphore_operate(home, set, many, KIN_SEMAPHORE_OPS_MAX + 1, KIN_NOW), -E2BIG, "too many");
    check_refused(kin_semaphore_operate(home, set, OPS({0, 1, 64}), KIN_NOW), -EINVAL, "flags");
    for (unsigned i = 0; i < KIN_SEMAPHORE_OPS_MAX; i++)
        many[i] = (struct kin_semaphore_op){1, (int16_t)(i % 2 ? -1 : 1), UNDO};
    check_is(kin_semaphore_operate(home, set, many, KIN_SEMAPHORE_OPS_MAX, KIN_NOW), 0);
    check_refused(kin_semaphore_set(home, set, 0, 32768), -ERANGE, "32768");
    check_refused(kin_semaphore_set(home, set, 2, 1), -EFBIG, "set of 2");
    check_refused(kin_semaphore_set_all(home, set, (const uint16_t[]){1, 40000}), -ERANGE, "40000");
    /* What undo owes has the same bound. */
    check_is(kin_semaphore_operate(home, set, OPS({0, -32767, UNDO}), KIN_NOW), 0);
    check_is(kin_semaphore_operate(home, set, OPS({0, 1, 0}), KIN_NOW), 0);
    check_is(kin_semaphore_operate(home, set, OPS({0, -1, UNDO}), KIN_NOW), -ERANGE);
    check_is(value_of(0), 1);
    kin_segment_close(home);
    kin_semaphore *other;
    check_refused(kin_semaphore_open(NULL, "t", KIN_SEMAPHORE(.count = 32001), &home, &other), -EINVAL, "32001");
    check_refused(kin_semaphore_open(NULL, "t", KIN_SEMAPHORE(.value = 32768), &home, &other), -ERANGE, "32768");
    check_refused(kin_semaphore_open(NULL, "t", KIN_SEMAPHORE(.holders = 70000), &home, &other), -EINVAL, "70000");
    check_refused(kin_semaphore_open(NULL, "s", KIN_SEMAPHORE(.count = 3), &home, &other), -EINVAL, "set of 2");
    check_refused(kin_semaphore_open(NULL, "t", KIN_SEMAPHORE(.flags = KIN_MUST_EXIST), &home, &other), -ENOENT,
                  "no semaphore named t");
    check_is(kin_semaphore_open(NULL, "t", KIN_SEMAPHORE(.count = 32000, .value = 1), &home, &other), 0);
    check_is(kin_semaphore_operate(home, other, OPS({31999, -1, UNDO}), KIN_NOW), 0);
    kin_segment_close(home);
}

static void born_once_with_its_values(void **state)
{
    (void)state;
    kin_segment *second;
    kin_semaphore *again;
    open_set(KIN_SEMAPHORE(.value = 9));
    check_is(kin_semaphore_open(NULL, "s", KIN_SEMAPHORE(.value = 4, .holders = 9), &second, &again), 0);
    struct kin_semaphore_value value;
    check_is(kin_semaphore_get(second, again, 0, &value), 0);
    check_is(value.value, 9);
    kin_segment_close(second);
    check_is(kin_semaphore_open(NULL, "s", KIN_SEMAPHORE(.flags = KIN_MUST_CREATE), &second, &again), -EEXIST);
    struct kin_object object;
    check_is(kin_object_find(NULL, "s", &object), 0);
    check_is(object.kind, KIN_KIND_SEMAPHORE);
    kin_segment_close(home);
}

static void setting_forgets_undo(void **state)
{
    (void)state;
    struct kin_semaphore_status status;
    open_set(KIN_SEMAPHORE(.count = 2, .value = 3, .times = 1));
    check_is(kin_semaphore_status(home, set, &status), 0);
    check(status.operated == 0 && status.changed != 0);
    int64_t born = status.changed;
    check_is(kin_semaphore_operate(home, set, OPS({0, -1, UNDO}, {1, -1, UNDO}), KIN_NOW), 0);
    check_is(kin_semaphore_status(home, set, &status), 0);
    check(status.held == 2 && status.operated >= born && status.changed == born);
    check_is(kin_semaphore_set(home, set, 0, 8), 0);
    check_is(kin_semaphore_status(home, set, &status), 0);
    check(status.held == 1 && status.changed >= born);
    check_is(kin_semaphore_set_all(home, set, (const uint16_t[]){1, 2}), 0);
    check_is(kin_semaphore_status(home, set, &status), 0);
    check_is(status.held, 0);
    check_is(value_of(0) * 10 + value_of(1), 12);
    kin_segment_close(home);
}

/* ---- in one's own struct ---- */

struct account {
    uint64_t balance;
    kin_semaphore slots;
    kin_semaphore set[2];
};

static int set_up(void *context, kin_segment *segment)
{
    struct account *account = kin_segment_data(segment);
    (void)context;
    check_is(kin_semaphore_init(segment, &account->slots, KIN_SEMAPHORE(.value = 1)), 0);
    return kin_semaphore_init(segment, account->set, KIN_SEMAPHORE(.count = 20, .bytes = sizeof account->set));
}

static void inside_a_struct(void **state)
{
    (void)state;
    kin_segment *segment;
    check_is(kin_segment_open(NULL, "a", KIN_SEGMENT(.bytes = sizeof(struct account), .setup = set_up), &segment), 0);
    struct account *account = kin_segment_data(segment);
    home = segment;
    set = &account->slots;
    struct kin_semaphore_status status;
    check_is(kin_semaphore_status(home, set, &status), 0);
    check(status.holders == 48 && status.count == 1);
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), 0);
    check_is(kin_semaphore_operate(home, account->set, OPS({19, 3, UNDO}, {0, 1, 0}), KIN_NOW), 0);
    check_is(value_of(0), 0);
    check_is(kin_semaphore_release(home, set), 0);
    check_refused(kin_semaphore_acquire(home, (kin_semaphore *)(void *)(account->slots.kin + 1), KIN_NOW), -EBADMSG,
                  "kin_semaphore_init");
    check_refused(kin_semaphore_acquire(home, set + 10000, KIN_NOW), -EINVAL, "not inside");
    check_refused(kin_semaphore_init(home, set, KIN_SEMAPHORE(.count = 60)), -EINVAL, "too little");
    check_refused(kin_semaphore_init(home, set, KIN_SEMAPHORE(.holders = 49)), -EINVAL, "too little");
    check_refused(kin_semaphore_init(home, set + 1000000, NULL), -EINVAL, "not inside");
    kin_semaphore_fini(home, set);
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), -EBADMSG);
    check_is(kin_semaphore_init(home, set, NULL), 0);
    check_is(value_of(0), 0);
    kin_segment_close(segment);
}

/* ---- waiting ---- */

static int take_one(void *context)
{
    (void)context;
    return kin_semaphore_acquire(home, set, KIN_FOREVER) || kin_semaphore_release(home, set);
}

static int take_five(void *context)
{
    (void)context;
    return kin_semaphore_operate(home, set, OPS({0, -5, 0}, {0, 5, 0}), KIN_FOREVER);
}

static int await_zero(void *context)
{
    (void)context;
    return kin_semaphore_operate(home, set, OPS({0, 0, 0}), KIN_FOREVER);
}

static void waiters_are_woken_by_what_they_wait_for(void **state)
{
    (void)state;
    struct kin_semaphore_value value;
    open_set(NULL);
    pid_t ones[3], five;
    for (unsigned i = 0; i < 3; i++)
        test_asleep(ones[i] = test_child(take_one, NULL));
    test_asleep(five = test_child(take_five, NULL));
    check_is(kin_semaphore_get(home, set, 0, &value), 0);
    check(value.waiting == 4 && value.zero == 0);
    check_is(kin_semaphore_release(home, set), 0); /* goes from one to the next */
    for (unsigned i = 0; i < 3; i++)
        check_is(test_end(ones[i]), 0);
    check_is(kin_semaphore_operate(home, set, OPS({0, 4, 0}), KIN_NOW), 0);
    check_is(test_end(five), 0);
    check_is(value_of(0), 5);
    pid_t zero[2];
    for (unsigned i = 0; i < 2; i++)
        test_asleep(zero[i] = test_child(await_zero, NULL));
    check_is(kin_semaphore_get(home, set, 0, &value), 0);
    check(value.waiting == 0 && value.zero == 2);
    check_is(kin_semaphore_operate(home, set, OPS({0, -5, UNDO}), KIN_NOW), 0);
    for (unsigned i = 0; i < 2; i++)
        check_is(test_end(zero[i]), 0);
    test_asleep(ones[0] = test_child(take_one, NULL));
    check_is(kin_semaphore_set(home, set, 0, 1), 0);
    check_is(test_end(ones[0]), 0);
    kin_segment_close(home);
}

static int meets_its_end(void *context)
{
    (void)context;
    return -kin_semaphore_acquire(home, set, KIN_FOREVER);
}

static void removal_wakes_and_is_told(void **state)
{
    (void)state;
    open_set(NULL);
    pid_t waiter = test_child(meets_its_end, NULL);
    test_asleep(waiter);
    check_refused(kin_remove(NULL, "s", 0), -EBUSY, "waits for it");
    check_is(kin_remove(NULL, "s", KIN_EVEN_HELD), 0);
    check_is(test_end(waiter), EIDRM);
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), -EIDRM);
    check_is(kin_semaphore_release(home, set), -EIDRM);
    kin_segment_close(home);
    kin_segment *segment;
    check_is(kin_segment_open(NULL, "a", KIN_SEGMENT(.bytes = sizeof(struct account), .setup = set_up), &segment), 0);
    home = segment;
    set = &((struct account *)kin_segment_data(segment))->slots;
    check_is(kin_semaphore_acquire(home, set, KIN_NOW), 0);
    waiter = test_child(meets_its_end, NULL);
    test_asleep(waiter);
    kin_semaphore_fini(home, set);
    check_is(test_end(waiter), EIDRM);
    kin_segment_close(home);
}

/* ---- among threads and processes: a unit is one, whoever asks ---- */

static uint64_t *inside, *rounds;

static void *hammer(void *context)
{
    const struct kin_semaphore_op swap[] = {{0, -1, UNDO}, {1, 1, UNDO}}, back[] = {{1, -1, UNDO}, {0, 1, UNDO}};
    for (unsigned i = 0; i < 3000; i++) {
        if (context)
            check_is(kin_semaphore_operate(home, set, swap, 2, KIN_FOREVER), 0);
        else
            check_is(kin_semaphore_acquire(home, set, KIN_FOREVER), 0);
        check(__atomic_add_fetch(inside, 1, __ATOMIC_ACQ_REL) <= 2);
        __atomic_sub_fetch(inside, 1, __ATOMIC_ACQ_REL);
        __atomic_add_fetch(rounds, 1, __ATOMIC_RELAXED);
        if (context)
            check_is(kin_semaphore_operate(home, set, back, 2, KIN_FOREVER), 0);
        else
            check_is(kin_semaphore_release(home, set), 0);
    }
    return NULL;
}

static int hammer_in_threads(void *context)
{
    pthread_t thread;
    check_is(pthread_create(&thread, NULL, hammer, context), 0);
    hammer(context);
    pthread_join(thread, NULL);
    return 0;
}

static void hammered_by(unsigned count, void *kind)
{
    open_set(KIN_SEMAPHORE(.count = count, .values = (const uint16_t[]){2, 0}));
    inside = test_shared(2 * sizeof *inside);
    rounds = inside + 1;
    pid_t children[2];
    for (unsigned i = 0; i < 2; i++)
        children[i] = test_child(hammer_in_threads, kind);
    for (unsigned i = 0; i < 2; i++)
        check_is(test_end(children[i]), 0);
    check_is(*rounds, 12000);
    check_is(value_of(0), 2);
    kin_segment_close(home);
}

static void two_units_are_never_three(void **state)
{
    (void)state;
    hammered_by(1, NULL);
}

static void nor_in_a_set(void **state)
{
    hammered_by(2, state);
    kin_segment *again;
    check_is(kin_semaphore_open(NULL, "s", NULL, &again, &set), 0);
    home = again;
    check_is(value_of(1), 0);
    kin_segment_close(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(units_are_taken_and_given),
        TEST(an_array_is_done_in_its_order_or_not_at_all),
        TEST(numbers_that_share_a_bit_are_told_apart),
        TEST(bounds_are_told),
        TEST(born_once_with_its_values),
        TEST(setting_forgets_undo),
        TEST(inside_a_struct),
        TEST(waiters_are_woken_by_what_they_wait_for),
        TEST(removal_wakes_and_is_told),
        TEST(two_units_are_never_three),
        TEST(nor_in_a_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
