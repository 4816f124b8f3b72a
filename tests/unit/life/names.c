/* Two PID namespaces on one domain, and numbers that are used again. */
#include "lives.h"
#include "namespace.h"

static int end_holding_both(void *context)
{
    struct lessee *lessee = context;
    struct kin_message message;
    check_is(kin_lock_acquire(lessee->segment, &desk_of(lessee->segment)->lock, SOON), 0);
    check_is(kin_queue_take(lessee->queue, NULL, KIN_NOW, &message), 0);
    return 0; /* and _exit(), as number 1 cannot kill itself: a death like any other */
}

static void a_death_in_another_namespace(void **state)
{
    (void)state;
    need_marks();
    struct lessee lessee = {desk_open(), queue_of("q", 4)};
    struct kin_message message;
    check_is(send_number(lessee.queue, 1), 0);
    check_is(acquire_and_release(lessee.segment, KIN_NOW), 0); /* its number in here may be theirs in there */
    int result = test_in_namespace(end_holding_both, &lessee);
    test_need_namespaces(result);
    check_is(result, 0);
    check_is(acquire_and_release(lessee.segment, SOON), KIN_RECOVERED);
    check_is(kin_queue_take(lessee.queue, NULL, SOON, &message), 0);
    check_is(message.attempts, 1);
    check_is(kin_queue_done(lessee.queue, &message), 0);
    clean();
    kin_domain *domain = domain_here();
    check_is(lives_dead(domain), 0);
    check_is(processes_used(domain), 1);
    kin_domain_close(domain);
    kin_queue_close(lessee.queue);
    kin_segment_close(lessee.segment);
}

/* Each is number 1 of its namespace, in one domain at the same time. */
static int be_number_one(void *context)
{
    struct lessee *lessee = context;
    struct kin_message message;
    for (unsigned i = 0; i < 50; i++) {
        check(acquire_and_release(lessee->segment, SOON) >= 0);
        check_is(kin_queue_take(lessee->queue, NULL, SOON, &message), 0);
        check_is(kin_queue_done(lessee->queue, &message), 0);
        check_is(send_number(lessee->queue, i + 1), 0);
    }
    check_is(kin_lock_acquire(lessee->segment, &desk_of(lessee->segment)->lock, SOON) < 0, 0);
    return 0;
}

static int in_its_namespace(void *context)
{
    return test_in_namespace(be_number_one, context);
}

static void two_number_ones(void **state)
{
    (void)state;
    need_marks();
    struct lessee lessee = {desk_open(), queue_of("q", 8)};
    pid_t children[3];
    for (unsigned i = 0; i < 3; i++)
        check_is(send_number(lessee.queue, i + 1), 0);
    for (unsigned i = 0; i < 3; i++)
        children[i] = test_child(in_its_namespace, &lessee);
    int results[3];
    for (unsigned i = 0; i < 3; i++)
        results[i] = test_end(children[i]);
    test_need_namespaces(results[0]);
    for (unsigned i = 0; i < 3; i++)
        check_is(results[i], 0);
    check_is(acquire_and_release(lessee.segment, SOON), KIN_RECOVERED);
    for (unsigned i = 0; i < 3; i++)
        check(receive_number(lessee.queue, KIN_NOW) > 0);
    check_is(receive_number(lessee.queue, KIN_NOW), -ETIMEDOUT);
    kin_queue_close(lessee.queue);
    kin_segment_close(lessee.segment);
}

/* Somebody of another namespace lives and holds, as long as the waiter looks. */
static int hold_until_told(void *context)
{
    struct lessee *lessee = context;
    struct kin_message message;
    check_is(kin_lock_acquire(lessee->segment, &desk_of(lessee->segment)->lock, SOON), 0);
    check_is(kin_queue_take(lessee->queue, NULL, KIN_NOW, &message), 0);
    flag_raise(lessee->segment, 0);
    flag_await(lessee->segment, 2);
    return 0;
}

static int hold_in_its_namespace(void *context)
{
    return test_in_namespace(hold_until_told, context);
}

static int end_at_once(void *context)
{
    (void)context;
    return 0;
}

static void the_living_of_another_namespace_keep_theirs(void **state)
{
    (void)state;
    need_marks();
    test_need_namespaces(test_in_namespace(end_at_once, NULL));
    struct lessee lessee = {desk_open(), queue_of("q", 8)};
    struct kin_message message;
    check_is(send_number(lessee.queue, 1), 0);
    pid_t child = test_child(hold_in_its_namespace, &lessee);
    flag_await(lessee.segment, 0);
    check_is(acquire_and_release(lessee.segment, kin_after(SECOND)), -ETIMEDOUT); /* four backstops */
    check_is(kin_queue_take(lessee.queue, NULL, kin_after(SECOND), &message), -ETIMEDOUT);
    check_is(clean(), 0);
    flag_raise(lessee.segment, 2);
    check_is(test_end(child), 0);
    check_is(acquire_and_release(lessee.segment, SOON), KIN_RECOVERED);
    check_is(kin_queue_take(lessee.queue, NULL, SOON, &message), 0);
    kin_queue_close(lessee.queue);
    kin_segment_close(lessee.segment);
}

/* The number of a dead process, given to another one: its start tells them apart. */
enum { NUMBER = 4242 };

static void run_as_number(int (*run)(struct lessee *lessee), struct lessee *lessee, int wanted)
{
    int status;
    pid_t child = test_child_with_number(NUMBER);
    if (child == 0)
        _exit(run(lessee));
    check_is(child, NUMBER);
    check_is(waitpid(child, &status, 0), child);
    check_is(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), wanted);
}

/* Leaves a record that nobody marked: as a raw clone it has no robust list. */
static int hold_unmarked(struct lessee *lessee)
{
    struct kin_message message;
    check_is(kin_lock_acquire(lessee->segment, &desk_of(lessee->segment)->lock, SOON), 0);
    check_is(kin_queue_take(lessee->queue, NULL, KIN_NOW, &message), 0);
    raise(SIGKILL);
    return 0;
}

/* Has the dead one's number, and must not be taken for it by itself or by others. */
static int reuse(struct lessee *lessee)
{
    struct kin_message message;
    kin_domain *domain = domain_here();
    check_is(acquire_and_release(lessee->segment, SOON), KIN_RECOVERED);
    check_is(processes_used(domain), 3); /* the dead one, its successor, the test */
    check_is(kin_queue_take(lessee->queue, NULL, SOON, &message), 0);
    check_is(message.attempts, 1);
    check_is(kin_queue_done(lessee->queue, &message), 0);
    check(clean() >= 1);
    check_is(processes_used(domain), 2);
    return 0;
}

static int use_a_number_twice(void *context)
{
    run_as_number(hold_unmarked, context, -SIGKILL);
    test_next_tick();
    run_as_number(reuse, context, 0);
    return 0;
}

static void a_number_that_is_used_again(void **state)
{
    (void)state;
    struct lessee lessee = {desk_open(), queue_of("q", 4)};
    check_is(send_number(lessee.queue, 1), 0);
    int result = test_in_namespace(use_a_number_twice, &lessee);
    test_need_namespaces(result);
    check_is(result, 0);
    kin_queue_close(lessee.queue);
    kin_segment_close(lessee.segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_death_in_another_namespace),
        TEST(two_number_ones),
        TEST(the_living_of_another_namespace_keep_theirs),
        TEST(a_number_that_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
