/* Who waits for whom, cycles, and acquires that are refused because they would close one. */
#include "accounts.h"
#include <errno.h>
#include <kin/domain.h>
#include <kin/queue.h>
#include <kin/rwlock.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct ring {
    kin_segment *segment;
    int size;    /* of the ring */
    int ready;   /* have their own */
    int go;      /* may ask for the next one's */
    int refused; /* got -EDEADLK */
    int got_both;
    int check_cycles;
};

static kin_lock *lock_of(const struct ring *ring, int number)
{
    return &account_of(ring->segment)->others[number % ring->size];
}

static void add(int *count)
{
    __atomic_add_fetch(count, 1, __ATOMIC_RELEASE);
}

static int load(const int *count)
{
    return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

/* Member i of a ring holds lock i and asks for lock i + 1. */
static int join(struct ring *ring, int number)
{
    kin_lock_check_cycles(ring->segment, ring->check_cycles);
    check_is(kin_lock_acquire(ring->segment, lock_of(ring, number), KIN_NOW), 0);
    add(&ring->ready);
    test_until(load(&ring->go) > number);
    int result = kin_lock_acquire(ring->segment, lock_of(ring, number + 1), SOON);
    if (result == -EDEADLK) {
        check(test_contains(kin_reason(), "wait for"));
        add(&ring->refused);
    } else {
        check(result >= 0); /* KIN_RECOVERED when the test killed its owner */
        add(&ring->got_both);
        check_is(kin_lock_release(ring->segment, lock_of(ring, number + 1)), 0);
    }
    check_is(kin_lock_release(ring->segment, lock_of(ring, number)), 0);
    return 0;
}

static int join_0(void *ring)
{
    return join(ring, 0);
}

static int join_1(void *ring)
{
    return join(ring, 1);
}

static int join_2(void *ring)
{
    return join(ring, 2);
}

static int join_3(void *ring)
{
    return join(ring, 3);
}

static int (*const members[])(void *) = {join_0, join_1, join_2, join_3};

static struct ring *ring_of(int size, int check_cycles, pid_t *children)
{
    struct ring *ring = test_shared(sizeof *ring);
    ring->segment = accounts_open();
    ring->size = size;
    ring->check_cycles = check_cycles;
    for (int i = 0; i < size; i++)
        children[i] = test_child(members[i], ring);
    test_until(load(&ring->ready) == size);
    return ring;
}

static void tell(struct ring *ring, int number)
{
    __atomic_store_n(&ring->go, number, __ATOMIC_RELEASE);
}

/* One after the other goes to sleep, then the last would close the ring. */
static void the_one_who_would_close_it_is_refused(void **state)
{
    (void)state;
    for (int size = 2; size <= 4; size++) {
        pid_t children[4];
        struct ring *ring = ring_of(size, 1, children);
        for (int i = 1; i < size; i++) {
            tell(ring, i);
            test_asleep(children[i - 1]);
        }
        tell(ring, size);
        for (int i = 0; i < size; i++)
            check_is(test_end(children[i]), 0);
        check_is(ring->refused, 1);
        check_is(ring->got_both, size - 1);
        kin_segment_close(ring->segment);
        check_is(kin_remove(NULL, "accounts", 0), 0);
    }
}

/* All at once: at least one of them sees it, whoever is first. */
static void of_those_who_close_it_together_one_is_refused(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 20; turn++) {
        pid_t children[4];
        struct ring *ring = ring_of(4, 1, children);
        tell(ring, 4);
        for (int i = 0; i < 4; i++)
            check_is(test_end(children[i]), 0);
        check(ring->refused >= 1);
        check_is(ring->refused + ring->got_both, 4);
        kin_segment_close(ring->segment);
        check_is(kin_remove(NULL, "accounts", 0), 0);
    }
}

static void who_waits_without_a_cycle_is_not_refused(void **state)
{
    (void)state;
    pid_t children[4];
    struct ring *ring = ring_of(4, 1, children);
    kin_lock_check_cycles(ring->segment, 1);
    for (int i = 1; i < 4; i++) {
        tell(ring, i);
        test_asleep(children[i - 1]);
    }
    /* I hold nothing, so I am in nobody's way. */
    check_is(kin_lock_acquire(ring->segment, lock_of(ring, 3), kin_after(1000000)), -ETIMEDOUT);
    for (int i = 0; i < 4; i++)
        test_kill(children[i]);
    kin_segment_close(ring->segment);
}

/* ---- with a rwlock ---- */

struct pair {
    kin_segment *door_home, *book_home;
    kin_lock *door;
    kin_rwlock *book;
    int ready;
    int (*hold)(kin_segment *home, kin_rwlock *book, kin_time until); /* the book, by him who has the book first */
    int (*ask)(kin_segment *home, kin_rwlock *book, kin_time until);  /* by him who has the door first */
};

static int book_then_door(void *context)
{
    struct pair *pair = context;
    check_is(pair->hold(pair->book_home, pair->book, KIN_NOW), 0);
    add(&pair->ready);
    check_is(kin_lock_acquire(pair->door_home, pair->door, SOON), 0);
    check_is(kin_lock_release(pair->door_home, pair->door), 0);
    check_is(kin_rwlock_release(pair->book_home, pair->book), 0);
    return 0;
}

/* Held one way and asked for another: whoever closes the cycle is refused, and holds what he held. */
static void cycles_go_through_rwlocks(void **state)
{
    static const struct pair ways[] = {
        {.hold = kin_rwlock_acquire_read, .ask = kin_rwlock_acquire_write},
        {.hold = kin_rwlock_acquire_write, .ask = kin_rwlock_acquire_read},
        {.hold = kin_rwlock_acquire_write, .ask = kin_rwlock_acquire_write},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct pair *pair = test_shared(sizeof *pair);
        *pair = ways[i];
        check_is(kin_lock_open(NULL, "door", NULL, &pair->door_home, &pair->door), 0);
        check_is(kin_rwlock_open(NULL, "book", NULL, &pair->book_home, &pair->book), 0);
        kin_lock_check_cycles(pair->book_home, 1);
        check_is(kin_lock_acquire(pair->door_home, pair->door, KIN_NOW), 0);
        pid_t child = test_child(book_then_door, pair);
        test_until(load(&pair->ready) == 1);
        test_asleep(child);
        check_is(pair->ask(pair->book_home, pair->book, KIN_NOW), -ETIMEDOUT);
        check_is(pair->ask(pair->book_home, pair->book, SOON), -EDEADLK);
        check(test_contains(kin_reason(), "waits for this thread"));
        check_is(kin_lock_release(pair->door_home, pair->door), 0);
        check_is(test_end(child), 0);
        check_is(pair->ask(pair->book_home, pair->book, SOON), 0);
        check_is(kin_rwlock_release(pair->book_home, pair->book), 0);
        kin_segment_close(pair->door_home);
        kin_segment_close(pair->book_home);
    }
}

/* Two read, and each waits for the other to leave: the one for his lock, the other to become the writer. */
static void an_upgrade_is_refused_that_would_wait_for_itself(void **state)
{
    struct pair *pair = test_shared(sizeof *pair);
    (void)state;
    pair->hold = kin_rwlock_acquire_read;
    check_is(kin_lock_open(NULL, "door", NULL, &pair->door_home, &pair->door), 0);
    check_is(kin_rwlock_open(NULL, "book", NULL, &pair->book_home, &pair->book), 0);
    kin_lock_check_cycles(pair->book_home, 1);
    check_is(kin_lock_acquire(pair->door_home, pair->door, KIN_NOW), 0);
    check_is(kin_rwlock_acquire_read(pair->book_home, pair->book, KIN_NOW), 0);
    pid_t child = test_child(book_then_door, pair);
    test_until(load(&pair->ready) == 1);
    test_asleep(child);
    check_is(kin_rwlock_upgrade(pair->book_home, pair->book, SOON), -EDEADLK);
    check_is(kin_lock_release(pair->door_home, pair->door), 0);
    check_is(kin_rwlock_upgrade(pair->book_home, pair->book, SOON), 0);
    check_is(kin_rwlock_release(pair->book_home, pair->book), 0);
    check_is(test_end(child), 0);
    kin_segment_close(pair->door_home);
    kin_segment_close(pair->book_home);
}

struct seen {
    unsigned edges, in_cycle, free;
    struct kin_edge last;
    pid_t waiters[8], holders[8];
};

static int see(void *context, const struct kin_edge *edge)
{
    struct seen *seen = context;
    check(seen->edges < 8);
    seen->waiters[seen->edges] = edge->waiter.pid;
    seen->holders[seen->edges] = edge->holder.pid;
    seen->edges++;
    seen->in_cycle += edge->cycle != 0;
    seen->free += edge->holder.pid == 0;
    seen->last = *edge;
    return 0;
}

static struct seen look(void)
{
    struct seen seen = {0};
    check_is(kin_domain_each_edge(NULL, see, &seen), 0);
    return seen;
}

/* A sleeper looks up four times a second, so what is asked for is seen, if not at once. */
static void a_cycle_is_shown(void **state)
{
    (void)state;
    pid_t children[4];
    struct ring *ring = ring_of(3, 0, children);
    check_is(look().edges, 0);
    tell(ring, 2);
    test_asleep(children[0]);
    test_asleep(children[1]);
    test_until(look().edges == 2);
    check_is(look().in_cycle, 0);
    tell(ring, 3);
    test_asleep(children[2]);
    test_until(look().in_cycle == 3);
    struct seen seen = look();
    test_until((seen = look()).edges == 3);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            check(seen.waiters[i] != children[k] || seen.holders[i] == children[(k + 1) % 3]);
    check(strcmp(seen.last.name, "accounts") == 0 && seen.last.kind == KIN_KIND_SEGMENT);
    check(seen.last.offset >= offsetof(struct account, others));
    check_is(seen.last.waiter.alive, 1);
    /* The death of one breaks it, and all others get what they wait for. */
    test_kill(children[1]);
    check_is(test_end(children[0]), 0);
    check_is(test_end(children[2]), 0);
    check_is(look().edges, 0);
    kin_segment_close(ring->segment);
}

static int receive(void *queue)
{
    char byte;
    check_is(kin_queue_receive(queue, &byte, 1, NULL, SOON, NULL), 0);
    return 0;
}

static void who_waits_for_nobody_in_particular(void **state)
{
    (void)state;
    kin_queue *queue;
    check_is(kin_queue_open(NULL, "q", NULL, &queue), 0);
    pid_t child = test_child(receive, queue);
    test_asleep(child);
    test_until(look().edges == 1);
    struct seen seen = look();
    test_until((seen = look()).edges == 1);
    check_is(seen.free, 1);
    check_is(seen.last.waiter.pid, child);
    check(strcmp(seen.last.name, "q") == 0);
    check_is(kin_queue_send(queue, "x", 1, NULL, KIN_NOW), 0);
    check_is(test_end(child), 0);
    kin_queue_close(queue);
}

static int take_and_pause(void *context)
{
    struct ring *ring = context;
    struct kin_message message;
    kin_queue *queue;
    check_is(kin_queue_open(NULL, "q", NULL, &queue), 0);
    check_is(kin_queue_send(queue, "x", 1, NULL, KIN_NOW), 0);
    check_is(kin_queue_take(queue, NULL, KIN_NOW, &message), 0);
    add(&ring->ready);
    for (;;)
        pause();
}

static void a_queue_is_held_by_processes(void **state)
{
    (void)state;
    struct ring *ring = test_shared(sizeof *ring);
    kin_queue *queue;
    check_is(kin_queue_open(NULL, "q", NULL, &queue), 0);
    pid_t holder = test_child(take_and_pause, ring);
    test_until(load(&ring->ready) == 1);
    pid_t child = test_child(receive, queue);
    test_asleep(child);
    struct seen seen = {0};
    test_until((seen = look()).edges == 1);
    check_is(seen.holders[0], holder);
    check_is(seen.last.holder.count, 1);
    check_is(seen.last.holder.tid, 0);
    test_kill(holder);
    check_is(test_end(child), 0);
    kin_queue_close(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_one_who_would_close_it_is_refused),
        TEST(of_those_who_close_it_together_one_is_refused),
        TEST(who_waits_without_a_cycle_is_not_refused),
        TEST(cycles_go_through_rwlocks),
        TEST(an_upgrade_is_refused_that_would_wait_for_itself),
        TEST(a_cycle_is_shown),
        TEST(who_waits_for_nobody_in_particular),
        TEST(a_queue_is_held_by_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
