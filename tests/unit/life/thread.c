/* Threads that end in other ways than by a kill of their process. */
#include "lives.h"
#include <pthread.h>

static pid_t thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

struct worker {
    struct lessee lessee;
    pid_t thread;
    int result;
};

static void *lease_and_stay(void *context)
{
    hold_a_lease(context);
    return NULL;
}

static int leader_leaves(void *context)
{
    pthread_t thread;
    struct lessee *lessee = context;
    check_is(pthread_create(&thread, NULL, lease_and_stay, lessee), 0);
    flag_await(lessee->segment, 1);
    check_is(acquire_and_release(lessee->segment, SOON), 0); /* so that the leader has a life as well */
    pthread_exit(NULL);
}

static bool is_zombie(pid_t process)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    FILE *file = fopen(path, "r");
    int found = file ? fscanf(file, "%*d (%*[^)]) %c", &state) : 0;
    if (file)
        fclose(file);
    return found == 1 && state == 'Z';
}

/* 'Z' is not dead: other threads of the process go on. */
static void a_leader_that_left_is_no_death(void **state)
{
    (void)state;
    struct lessee lessee = {desk_open(), queue_of("jobs", 4)};
    struct kin_message message;
    check_is(send_number(lessee.queue, 1), 0);
    pid_t child = test_child(leader_leaves, &lessee);
    test_until(is_zombie(child));
    check_is(kin_queue_take(lessee.queue, NULL, kin_after(SECOND), &message), -ETIMEDOUT);
    check_is(kin_domain_clean(NULL, 0, NULL, NULL), 0);
    test_kill(child);
    check_is(kin_queue_take(lessee.queue, NULL, SOON, &message), 0);
    check_is(message.attempts, 1);
    kin_queue_close(lessee.queue);
    kin_segment_close(lessee.segment);
}

/* The same, but the thread that has the lease never used kin: the process has no life left, and lives. */
static void *stay(void *segment)
{
    flag_raise(segment, 2);
    pause();
    return NULL;
}

static int leader_takes_and_leaves(void *context)
{
    pthread_t thread;
    struct lessee *lessee = context;
    struct kin_message message;
    check_is(kin_queue_take(lessee->queue, NULL, SOON, &message), 0);
    check_is(pthread_create(&thread, NULL, stay, lessee->segment), 0);
    pthread_exit(NULL);
}

static void a_process_without_a_life_keeps_its_leases(void **state)
{
    (void)state;
    struct lessee lessee = {desk_open(), queue_of("jobs", 4)};
    struct kin_message message;
    check_is(send_number(lessee.queue, 1), 0);
    pid_t child = test_child(leader_takes_and_leaves, &lessee);
    flag_await(lessee.segment, 2);
    test_until(is_zombie(child));
    check_is(kin_queue_take(lessee.queue, NULL, kin_after(SECOND), &message), -ETIMEDOUT);
    clean();
    check_is(kin_queue_take(lessee.queue, NULL, KIN_NOW, &message), -ETIMEDOUT);
    pid_t waiter = test_child(hold_a_lease, &lessee);
    test_asleep(waiter);
    test_kill(child); /* nobody rings: the waiter asks */
    flag_await(lessee.segment, 1);
    kin_queue_close(lessee.queue);
    kin_segment_close(lessee.segment);
}

static void *acquire_here(void *context)
{
    struct worker *worker = context;
    STORE_RELEASE(worker->thread, thread_id());
    worker->result = acquire_and_release(worker->lessee.segment, SOON);
    return NULL;
}

/* kin's calls are no cancellation points: a cancelled waiter goes on waiting, or ends; nothing may stay behind. */
static void a_cancelled_waiter_leaves_nothing(void **state)
{
    (void)state;
    struct worker worker = {.lessee = {desk_open(), NULL}};
    kin_segment *segment = worker.lessee.segment;
    pthread_t thread;
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, KIN_NOW), 0);
    check_is(pthread_create(&thread, NULL, acquire_here, &worker), 0);
    test_until(LOAD_ACQUIRE(worker.thread) != 0);
    test_asleep(worker.thread);
    check_is(pthread_cancel(thread), 0);
    check_is(kin_lock_acquire(segment, &desk_of(segment)->other, KIN_NOW), 0);
    check_is(kin_lock_release(segment, &desk_of(segment)->other), 0);
    pid_t other = test_child(acquire_the_lock, segment);
    test_asleep(other);
    check_is(kin_lock_release(segment, &desk_of(segment)->lock), 0);
    check_is(test_end(other), 0);
    check_is(pthread_join(thread, NULL), 0);
    check_is(acquire_and_release(segment, KIN_NOW), 0);
    kin_domain *domain = domain_here();
    clean();
    check_is(lives_living(domain), 1);
    check_is(lives_dead(domain), 0);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

static void *hold_and_be_cancelled(void *context)
{
    struct worker *worker = context;
    kin_segment *segment = worker->lessee.segment;
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, SOON), 0);
    flag_raise(segment, 0);
    pause();
    return NULL;
}

static void a_cancelled_owner_gives_it_on(void **state)
{
    (void)state;
    struct worker worker = {.lessee = {desk_open(), NULL}};
    pthread_t thread;
    check_is(pthread_create(&thread, NULL, hold_and_be_cancelled, &worker), 0);
    flag_await(worker.lessee.segment, 0);
    pid_t waiter = test_child(acquire_the_lock, worker.lessee.segment);
    test_asleep(waiter);
    check_is(pthread_cancel(thread), 0);
    check_is(pthread_join(thread, NULL), 0);
    check_is(test_end(waiter), KIN_RECOVERED);
    kin_segment_close(worker.lessee.segment);
}

/* A cancellation that is pending when a call of kin begins must not leave kin's own locks held. */
static void *open_cancelled(void *context)
{
    (void)context;
    kin_domain *domain;
    pthread_cancel(pthread_self());
    if (kin_domain_open(NULL, NULL, &domain) == 0)
        kin_domain_close(domain);
    return NULL;
}

static int open_cancelled_then_here(void *context)
{
    pthread_t thread;
    (void)context;
    check_is(pthread_create(&thread, NULL, open_cancelled, NULL), 0);
    check_is(pthread_join(thread, NULL), 0);
    kin_domain_close(domain_here());
    return 0;
}

static void a_cancelled_open_does_not_stop_others(void **state)
{
    (void)state;
    check_is(test_end(test_child(open_cancelled_then_here, NULL)), 0);
}

static void *lock_cancelled(void *segment)
{
    pthread_cancel(pthread_self());
    acquire_and_release(segment, SOON);
    return NULL;
}

static int lock_cancelled_then_here(void *segment)
{
    pthread_t thread;
    check_is(pthread_create(&thread, NULL, lock_cancelled, segment), 0);
    check_is(pthread_join(thread, NULL), 0);
    check_is(acquire_and_release(segment, SOON), 0);
    return 0;
}

static void a_cancelled_attach_does_not_stop_others(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    check_is(test_end(test_child(lock_cancelled_then_here, segment)), 0);
    check_is(acquire_and_release(segment, SOON), 0);
    kin_segment_close(segment);
}

static void a_stopped_owner_keeps_it(void **state)
{
    (void)state;
    struct lessee lessee = {desk_open(), queue_of("jobs", 4)};
    struct kin_message message;
    check_is(send_number(lessee.queue, 1), 0);
    pid_t owner = test_child(hold_the_lock, lessee.segment), taker = test_child(hold_a_lease, &lessee);
    flag_await(lessee.segment, 0);
    flag_await(lessee.segment, 1);
    kill(owner, SIGSTOP);
    kill(taker, SIGSTOP);
    check_is(acquire_and_release(lessee.segment, kin_after(SECOND)), -ETIMEDOUT); /* four backstops */
    check_is(kin_queue_take(lessee.queue, NULL, kin_after(SECOND), &message), -ETIMEDOUT);
    check_is(clean(), 0);
    test_kill(owner);
    test_kill(taker);
    check_is(acquire_and_release(lessee.segment, SOON), KIN_RECOVERED);
    check_is(kin_queue_take(lessee.queue, NULL, SOON, &message), 0);
    kin_queue_close(lessee.queue);
    kin_segment_close(lessee.segment);
}

/* A stopped sleeper swallows the wake that was for him: the others find it at the backstop. */
static void a_stopped_waiter_stops_nobody(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    pid_t owner = test_child(hold_the_lock, segment);
    flag_await(segment, 0);
    pid_t stopped = test_child(acquire_the_lock, segment);
    test_asleep(stopped);
    kill(stopped, SIGSTOP);
    pid_t waiter = test_child(acquire_the_lock, segment);
    test_asleep(waiter);
    test_kill(owner);
    check_is(test_end(waiter), KIN_RECOVERED);
    kill(stopped, SIGCONT);
    check_is(test_end(stopped), 0);
    kin_segment_close(segment);
}

static void *hold_and_end(void *segment)
{
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, SOON), 0);
    return NULL;
}

/* A thread of it ended as a death before: the process's end in order still gives back its lease. */
static int end_with_a_lease(void *context)
{
    struct lessee *lessee = context;
    struct kin_message message;
    pthread_t thread;
    check_is(pthread_create(&thread, NULL, hold_and_end, lessee->segment), 0);
    check_is(pthread_join(thread, NULL), 0);
    check_is(kin_queue_take(lessee->queue, NULL, SOON, &message), 0);
    exit(0);
}

static void an_exit_that_holds_is_a_death(void **state)
{
    (void)state;
    need_marks();
    struct lessee lessee = {desk_open(), queue_of("jobs", 4)};
    kin_domain *domain = domain_here();
    struct kin_message message;
    check_is(send_number(lessee.queue, 1), 0);
    pid_t child = test_child(end_with_a_lease, &lessee);
    check_is(test_end(child), 0);
    check_is(lives_dead(domain), 2); /* so the kernel rang for the lease */
    check_is(kin_queue_take(lessee.queue, NULL, SOON, &message), 0);
    kin_domain_close(domain);
    kin_queue_close(lessee.queue);
    kin_segment_close(lessee.segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_leader_that_left_is_no_death),
        TEST(a_process_without_a_life_keeps_its_leases),
        TEST(a_cancelled_waiter_leaves_nothing),
        TEST(a_cancelled_owner_gives_it_on),
        TEST(a_cancelled_open_does_not_stop_others),
        TEST(a_cancelled_attach_does_not_stop_others),
        TEST(a_stopped_owner_keeps_it),
        TEST(a_stopped_waiter_stops_nobody),
        TEST(an_exit_that_holds_is_a_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
