/* What the dead had in hand. */
#include "queues.h"
#include <stdlib.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct scene {
    kin_queue *queue;
    int ready; /* children that hold what they should */
};

static void is_ready(struct scene *scene)
{
    __atomic_add_fetch(&scene->ready, 1, __ATOMIC_RELEASE);
}

static void until_ready(struct scene *scene, int count)
{
    test_until(__atomic_load_n(&scene->ready, __ATOMIC_ACQUIRE) == count);
}

static struct scene *scene_of(uint32_t messages)
{
    struct scene *scene = test_shared(sizeof *scene);
    scene->queue = queue_of("q", messages, 4096, 0);
    return scene;
}

static int hold_one_of_each(void *context)
{
    struct scene *scene = context;
    struct kin_message message;
    check_is(kin_queue_take(scene->queue, NULL, KIN_NOW, &message), 0);
    check_is(kin_queue_borrow(scene->queue, NULL, KIN_NOW, &message), 0);
    check_is(kin_queue_loan(scene->queue, 1000, KIN_NOW, &message), 0);
    is_ready(scene);
    pause();
    return 0;
}

static void a_lease_comes_back_a_loan_is_freed_a_borrow_is_consumed(void **state)
{
    (void)state;
    struct scene *scene = scene_of(4);
    kin_queue *queue = scene->queue;
    for (uint64_t i = 1; i <= 3; i++)
        check_is(send_number(queue, i, NULL, KIN_NOW), 0);
    pid_t child = test_child(hold_one_of_each, scene);
    until_ready(scene, 1);
    struct kin_queue_status status = status_of(queue);
    check(status.leased == 1 && status.borrowed == 1 && status.loaned == 1 && status.queued == 1);
    check_is(send_number(queue, 4, NULL, KIN_NOW), -ETIMEDOUT);
    test_kill(child);
    test_until(status_of(queue).leased == 0);
    struct kin_message message;
    check_is(kin_queue_take(queue, NULL, SOON, &message), 0);
    check(payload_is(message.data, 8, 1) && message.attempts == 1);
    check_is(kin_queue_done(queue, &message), 0);
    check_is(receive_number(queue, NULL, KIN_NOW), 3);
    status = status_of(queue);
    check(status.leased + status.borrowed + status.loaned + status.queued == 0);
    for (uint64_t i = 1; i <= 4; i++)
        check_is(send_number(queue, i, NULL, KIN_NOW), 0);
    kin_queue_close(queue);
}

static int64_t peek(kin_queue *queue)
{
    return receive_number(queue, KIN_RECEIVE(.flags = KIN_PEEK), KIN_NOW);
}

static int sleep_elsewhere(void *context)
{
    (void)context;
    return (int)receive_number(queue_of("elsewhere", 0, 0, 0), NULL, SOON);
}

/* Nobody finds the queue empty here, and yet the job must come back: to its place, before what is younger. The death is
 * announced by a stranger who sleeps on another queue. */
static void a_dead_ones_job_comes_before_younger_ones(void **state)
{
    if (getenv("KIN_FALLBACK"))
        test_skip("without a robust list a death that nobody waits for is noticed when the queue runs dry");
    (void)state;
    struct scene *scene = scene_of(8);
    for (uint64_t i = 1; i <= 5; i++)
        check_is(send_number(scene->queue, i, NULL, KIN_NOW), 0);
    pid_t child = test_child(hold_one_of_each, scene);
    until_ready(scene, 1);
    test_asleep(test_child(sleep_elsewhere, NULL));
    test_kill(child);
    test_until(peek(scene->queue) == 1);
    check_is(receive_number(scene->queue, NULL, KIN_NOW), 1);
    check_is(receive_number(scene->queue, NULL, KIN_NOW), 3);
    kin_queue_close(scene->queue);
}

static int take_one(void *context)
{
    struct kin_message message;
    check_is(kin_queue_take(context, NULL, SOON, &message), 0);
    return (int)message.attempts;
}

/* One sleeps for a message, one for room, while a process has all in hand and dies. */
static void a_death_wakes_those_who_wait(void **state)
{
    (void)state;
    struct scene *scene = scene_of(3);
    for (uint64_t i = 1; i <= 2; i++)
        check_is(send_number(scene->queue, i, NULL, KIN_NOW), 0);
    pid_t holder = test_child(hold_one_of_each, scene);
    until_ready(scene, 1);
    pid_t taker = test_child(take_one, scene->queue);
    test_asleep(taker);
    check_is(send_number(scene->queue, 9, NULL, KIN_NOW), -ETIMEDOUT);
    test_kill(holder);
    check_is(test_end(taker), 1);
    kin_queue_close(scene->queue);
}

static void *take_here(void *context)
{
    struct scene *scene = context;
    struct kin_message message;
    check_is(kin_queue_take(scene->queue, NULL, KIN_NOW, &message), 0);
    is_ready(scene);
    pause();
    return NULL;
}

static void *idle(void *context)
{
    struct scene *scene = context;
    kin_queue_close(queue_of("idle", 0, 0, 0)); /* so that it has a life too */
    is_ready(scene);
    pause();
    return NULL;
}

static int take_and_wait_in_another_thread(void *context)
{
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++)
        check_is(pthread_create(&threads[i], NULL, i == 2 ? take_here : idle, context), 0);
    pause();
    return 0;
}

static void a_process_of_many_threads_is_killed(void **state)
{
    (void)state;
    struct scene *scene = scene_of(4);
    for (unsigned turn = 0; turn < 20; turn++) {
        scene->ready = 0;
        check_is(send_number(scene->queue, 1, NULL, KIN_NOW), 0);
        pid_t child = test_child(take_and_wait_in_another_thread, scene);
        until_ready(scene, 4);
        test_kill(child);
        struct kin_message message;
        check_is(kin_queue_take(scene->queue, NULL, SOON, &message), 0);
        check_is(message.attempts, 1);
        check_is(kin_queue_done(scene->queue, &message), 0);
    }
    kin_queue_close(scene->queue);
}

struct taken {
    struct scene *scene;
    struct kin_message message;
};

static void *take_and_end(void *context)
{
    struct taken *taken = context;
    check_is(kin_queue_take(taken->scene->queue, NULL, KIN_NOW, &taken->message), 0);
    return NULL;
}

static void *take_and_be_cancelled(void *context)
{
    take_and_end(context);
    is_ready(((struct taken *)context)->scene);
    pause();
    return NULL;
}

static int expect_nothing(void *context)
{
    check_is(receive_number(context, NULL, KIN_NOW), -ETIMEDOUT);
    check_is(receive_number(context, NULL, kin_after(SECOND / 2)), -ETIMEDOUT); /* two backstops */
    return (int)status_of(context).leased;
}

/* A lease belongs to the process: a thread's end gives nothing back, and any thread may finish it. */
static void a_thread_that_ends_keeps_the_lease(void **state)
{
    (void)state;
    struct scene *scene = scene_of(4);
    for (unsigned turn = 0; turn < 2; turn++) {
        struct taken taken = {.scene = scene};
        pthread_t thread;
        scene->ready = 0;
        check_is(send_number(scene->queue, 1, NULL, KIN_NOW), 0);
        check_is(pthread_create(&thread, NULL, turn ? take_and_be_cancelled : take_and_end, &taken), 0);
        if (turn) {
            until_ready(scene, 1);
            check_is(pthread_cancel(thread), 0);
        }
        check_is(pthread_join(thread, NULL), 0);
        check_is(test_end(test_child(expect_nothing, scene->queue)), 1);
        check_is(kin_queue_done(scene->queue, &taken.message), 0);
        check_is(status_of(scene->queue).leased, 0);
    }
    kin_queue_close(scene->queue);
}

static int main_thread_leaves(void *context)
{
    pthread_t thread;
    check_is(send_number(((struct scene *)context)->queue, 5, NULL, KIN_NOW), 0); /* so that it had a life */
    check_is(pthread_create(&thread, NULL, take_here, context), 0);
    pthread_exit(NULL);
}

static void a_main_thread_that_left_is_no_death(void **state)
{
    (void)state;
    struct scene *scene = scene_of(4);
    pid_t child = test_child(main_thread_leaves, scene);
    until_ready(scene, 1);
    check_is(expect_nothing(scene->queue), 1);
    test_kill(child);
    check_is(receive_number(scene->queue, NULL, SOON), 5);
    kin_queue_close(scene->queue);
}

static void a_stopped_holder_is_not_dead(void **state)
{
    (void)state;
    struct scene *scene = scene_of(4);
    for (uint64_t i = 1; i <= 2; i++)
        check_is(send_number(scene->queue, i, NULL, KIN_NOW), 0);
    pid_t child = test_child(hold_one_of_each, scene);
    until_ready(scene, 1);
    kill(child, SIGSTOP);
    check_is(expect_nothing(scene->queue), 1);
    test_kill(child);
    check_is(receive_number(scene->queue, NULL, SOON), 1);
    kin_queue_close(scene->queue);
}

static int take_until_killed(void *context)
{
    struct kin_message message;
    check_is(kin_queue_take(context, NULL, SOON, &message), 0);
    raise(SIGKILL);
    return 0;
}

/* The last attempt goes to the dead letters by the next receiver, though every taker was killed. */
static void a_message_that_kills_its_takers_becomes_a_dead_letter(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 64, 0), *dead = queue_of("dead", 4, 64, 0);
    struct kin_message message;
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    for (unsigned i = 0; i < 3; i++)
        check_is(test_end(test_child(take_until_killed, queue)), -SIGKILL);
    check_is(kin_queue_take(queue, KIN_RECEIVE(.attempts = 3, .dead_letter = dead), KIN_NOW, &message), -ETIMEDOUT);
    check_is(receive_number(dead, NULL, KIN_NOW), 1);
    kin_queue_close(queue);
    kin_queue_close(dead);
}

static int take_through_exit(void *context)
{
    struct kin_message message;
    check_is(kin_queue_take(context, NULL, SOON, &message), 0);
    return 0;
}

static void an_orderly_exit_gives_back_as_well(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 64, 0);
    struct kin_message message;
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    for (uint32_t i = 0; i < 20; i++) {
        check_is(test_end(test_child(take_through_exit, queue)), 0);
        check_is(kin_queue_take(queue, NULL, SOON, &message), 0);
        check_is(message.attempts, 2 * i + 1);
        check_is(kin_queue_put_back(queue, &message), 0);
    }
    kin_queue_close(queue);
}

struct log {
    unsigned leases;
    pid_t pid;
};

static int count_leases(void *context, const struct kin_death *death)
{
    struct log *log = context;
    if (test_contains(death->held, "a lease, put back") && strcmp(death->name, "q") == 0) {
        log->leases++;
        log->pid = death->pid;
    }
    return 0;
}

static void the_log_tells_who_died_with_what(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 64, 0);
    struct log log = {0};
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    pid_t child = test_child(take_until_killed, queue);
    check_is(test_end(child), -SIGKILL);
    check_is(receive_number(queue, NULL, SOON), 1);
    check_is(kin_domain_each_death(NULL, 0, count_leases, &log), 0);
    check(log.leases == 1 && log.pid == child);
    kin_queue_close(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lease_comes_back_a_loan_is_freed_a_borrow_is_consumed),
        TEST(a_dead_ones_job_comes_before_younger_ones),
        TEST(a_death_wakes_those_who_wait),
        TEST(a_process_of_many_threads_is_killed),
        TEST(a_thread_that_ends_keeps_the_lease),
        TEST(a_main_thread_that_left_is_no_death),
        TEST(a_stopped_holder_is_not_dead),
        TEST(a_message_that_kills_its_takers_becomes_a_dead_letter),
        TEST(an_orderly_exit_gives_back_as_well),
        TEST(the_log_tells_who_died_with_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
