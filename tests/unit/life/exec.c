/* exec: from the leader and from another thread. */
#include "lives.h"
#include <pthread.h>

static void become(const char *role)
{
    execl("/proc/self/exe", "exec", role, (char *)NULL);
    _exit(99);
}

/* The roles of the program after exec. */
static void stay(void)
{
    flag_raise(desk_open(), 2);
    for (;;)
        pause();
}

/* Uses kin and ends in order. */
static void use_and_end(void)
{
    kin_segment *segment = desk_open();
    check_is(kin_lock_acquire(segment, &desk_of(segment)->other, SOON), 0);
    check_is(kin_lock_release(segment, &desk_of(segment)->other), 0);
    flag_raise(segment, 2);
    flag_await(segment, 3);
    exit(0);
}

static int leader_holds_and_becomes(kin_segment *segment, const char *role)
{
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, SOON), 0);
    flag_raise(segment, 0);
    flag_await(segment, 1);
    become(role);
    return 0;
}

static int leader_becomes_stay(void *segment)
{
    return leader_holds_and_becomes(segment, "stay");
}

static int leader_becomes_use(void *segment)
{
    return leader_holds_and_becomes(segment, "use");
}

/* The thread that held it has gone with the old program: a waiter gets the lock though the process lives on. */
static void exec_of_the_leader_ends_its_life(void **state)
{
    (void)state;
    if (getenv("KIN_FALLBACK"))
        test_skip("without a robust list nothing tells an exec of the leader");
    kin_segment *segment = desk_open();
    pid_t child = test_child(leader_becomes_stay, segment);
    flag_await(segment, 0);
    pid_t waiter = test_child(acquire_the_lock, segment);
    test_asleep(waiter);
    flag_raise(segment, 1);
    check_is(test_end(waiter), KIN_RECOVERED);
    flag_await(segment, 2);
    check_is(kill(child, 0), 0);
    test_kill(child);
    kin_segment_close(segment);
}

static void the_lock_comes_free_when_the_new_program_used_kin(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    pid_t child = test_child(leader_becomes_use, segment);
    flag_await(segment, 0);
    flag_raise(segment, 1);
    flag_await(segment, 2);
    flag_raise(segment, 3);
    check_is(test_end(child), 0);
    struct kin_owner owner;
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, SOON), KIN_RECOVERED);
    check_is(kin_lock_dead_owner(segment, &desk_of(segment)->lock, &owner), 0);
    check_is(owner.pid, child);
    check_is(kin_lock_release(segment, &desk_of(segment)->lock), 0);
    kin_segment_close(segment);
}

static void *thread_becomes_stay(void *segment)
{
    leader_holds_and_becomes(segment, "stay");
    return NULL;
}

static void *thread_becomes_use(void *segment)
{
    leader_holds_and_becomes(segment, "use");
    return NULL;
}

static int in_a_thread(void *(*run)(void *), void *segment)
{
    pthread_t thread;
    check_is(pthread_create(&thread, NULL, run, segment), 0);
    for (;;)
        pause();
}

static int thread_stay(void *segment)
{
    return in_a_thread(thread_becomes_stay, segment);
}

static int thread_use(void *segment)
{
    return in_a_thread(thread_becomes_use, segment);
}

/* The kernel marks nobody, as the thread has another number by then: the backstop proves it. */
static void exec_of_another_thread_is_proved(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    pid_t child = test_child(thread_stay, segment);
    flag_await(segment, 0);
    pid_t waiter = test_child(acquire_the_lock, segment);
    test_asleep(waiter);
    flag_raise(segment, 1);
    check_is(test_end(waiter), KIN_RECOVERED);
    flag_await(segment, 2);
    check_is(kill(child, 0), 0);
    test_kill(child);
    kin_segment_close(segment);
}

/* Nobody asks before the new program has used kin and ended in order. */
static void exec_of_another_thread_is_proved_when_the_process_has_gone(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    pid_t child = test_child(thread_use, segment);
    flag_await(segment, 0);
    flag_raise(segment, 1);
    flag_await(segment, 2);
    flag_raise(segment, 3);
    check_is(test_end(child), 0);
    check_is(acquire_and_release(segment, kin_after(20 * SECOND)), KIN_RECOVERED);
    kin_segment_close(segment);
}

static int lease_and_become(struct lessee *lessee, const char *role)
{
    struct kin_message message;
    check_is(kin_queue_take(lessee->queue, NULL, SOON, &message), 0);
    become(role);
    return 0;
}

static int lease_and_stay(void *lessee)
{
    return lease_and_become(lessee, "stay");
}

static int lease_and_use(void *lessee)
{
    return lease_and_become(lessee, "use");
}

/* As SEM_UNDO does: what the process holds stays with it until it ends. */
static void a_lease_survives_exec(int (*run)(void *lessee), bool orderly)
{
    struct lessee lessee = {desk_open(), queue_of("jobs", 4)};
    struct kin_message message;
    check_is(send_number(lessee.queue, 7), 0);
    pid_t child = test_child(run, &lessee);
    flag_await(lessee.segment, 2);
    check_is(kin_queue_take(lessee.queue, NULL, kin_after(SECOND), &message), -ETIMEDOUT); /* four backstops */
    flag_raise(lessee.segment, 3);
    if (orderly)
        check_is(test_end(child), 0);
    else
        test_kill(child);
    check_is(kin_queue_take(lessee.queue, NULL, SOON, &message), 0);
    check_is(message.attempts, 1);
    check_is(kin_queue_done(lessee.queue, &message), 0);
    kin_queue_close(lessee.queue);
    kin_segment_close(lessee.segment);
}

static void a_lease_survives_exec_of_a_program_without_kin(void **state)
{
    (void)state;
    a_lease_survives_exec(lease_and_stay, false);
}

static void a_lease_survives_exec_of_a_program_that_uses_kin(void **state)
{
    (void)state;
    a_lease_survives_exec(lease_and_use, true);
}

int main(int count, char **arguments)
{
    if (count > 1)
        strcmp(arguments[1], "use") == 0 ? use_and_end() : stay();
    const struct CMUnitTest tests[] = {
        TEST(exec_of_the_leader_ends_its_life),
        TEST(the_lock_comes_free_when_the_new_program_used_kin),
        TEST(exec_of_another_thread_is_proved),
        TEST(exec_of_another_thread_is_proved_when_the_process_has_gone),
        TEST(a_lease_survives_exec_of_a_program_without_kin),
        TEST(a_lease_survives_exec_of_a_program_that_uses_kin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
