/* Waiting for any of many things. */
#include "accounts.h"
#include <errno.h>
#include <fcntl.h>
#include <kin/poll.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_readable(int fd, int milliseconds)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int result;
    while ((result = poll(&ready, 1, milliseconds)) < 0 && errno == EINTR)
        continue;
    return result == 1;
}

static kin_queue *queue_named(const char *name)
{
    kin_queue *queue;
    check_is(kin_queue_open(NULL, name, KIN_QUEUE(.messages = 4, .message_max = 64), &queue), 0);
    return queue;
}

static int put(kin_queue *queue)
{
    return kin_queue_send(queue, "x", 1, NULL, KIN_NOW);
}

static int get(kin_queue *queue)
{
    char byte;
    return kin_queue_receive(queue, &byte, 1, NULL, KIN_NOW, NULL);
}

static kin_poll *new_set(void)
{
    kin_poll *set;
    check_is(kin_poll_create(&set), 0);
    return set;
}

/* What a wait tells; -ETIMEDOUT and others as they are. */
static int next(kin_poll *set, kin_time until)
{
    int which = -1, result = kin_poll_wait(set, until, &which);
    return result < 0 ? result : which;
}

struct party {
    kin_segment *segment;
    kin_queue *queue;
    int ready, told;
};

static void arrive(struct party *party)
{
    __atomic_add_fetch(&party->ready, 1, __ATOMIC_RELEASE);
}

static void until_ready(struct party *party, int count)
{
    test_until(__atomic_load_n(&party->ready, __ATOMIC_ACQUIRE) == count);
}

static int acquire_and_die_when_told(void *context)
{
    struct party *party = context;
    check_is(kin_lock_acquire(party->segment, &account_of(party->segment)->lock, KIN_NOW), 0);
    arrive(party);
    test_until(__atomic_load_n(&party->told, __ATOMIC_ACQUIRE));
    raise(SIGKILL);
    return 0;
}

/* In the set nobody but its waiter sleeps: he hears the death himself. */
static void a_death_of_the_owner_is_told(void **state)
{
    (void)state;
    struct party *party = test_shared(sizeof *party);
    party->segment = accounts_open();
    kin_lock *lock = &account_of(party->segment)->lock;
    pid_t child = test_child(acquire_and_die_when_told, party);
    until_ready(party, 1);
    kin_poll *set = new_set();
    int door = kin_poll_add_lock(set, party->segment, lock);
    check(door >= 0);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    __atomic_store_n(&party->told, 1, __ATOMIC_RELEASE);
    check_is(next(set, SOON), door);
    check_is(test_end(child), -SIGKILL);
    check_is(kin_lock_acquire(party->segment, lock, KIN_NOW), KIN_RECOVERED);
    check_is(kin_lock_release(party->segment, lock), 0);
    kin_poll_destroy(set);
    kin_segment_close(party->segment);
}

static void what_is_not_taken_is_told_again_and_all_in_turn(void **state)
{
    (void)state;
    kin_queue *queues[3] = {queue_named("a"), queue_named("b"), queue_named("c")};
    kin_poll *set = new_set();
    for (int i = 0; i < 3; i++)
        check_is(kin_poll_add_queue(set, queues[i], KIN_CAN_RECEIVE), i);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(put(queues[1]), 0);
    check_is(next(set, KIN_NOW), 1);
    check_is(next(set, KIN_NOW), 1);
    check_is(put(queues[0]), 0);
    check_is(put(queues[2]), 0);
    int told[3] = {0};
    for (int i = 0; i < 9; i++) {
        int which = next(set, KIN_NOW);
        check(which >= 0 && which < 3);
        told[which]++;
    }
    check(told[0] == 3 && told[1] == 3 && told[2] == 3);
    check_is(get(queues[1]), 0);
    check_is(get(queues[0]), 0);
    for (int i = 0; i < 3; i++)
        check_is(next(set, KIN_NOW), 2);
    check_is(get(queues[2]), 0);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    kin_poll_destroy(set);
    for (int i = 0; i < 3; i++)
        kin_queue_close(queues[i]);
}

static void both_directions_of_a_queue(void **state)
{
    (void)state;
    kin_queue *queue = queue_named("q");
    kin_poll *set = new_set();
    int in = kin_poll_add_queue(set, queue, KIN_CAN_RECEIVE), out = kin_poll_add_queue(set, queue, KIN_CAN_SEND);
    check(in >= 0 && out >= 0);
    for (unsigned i = 0; i < 4; i++) {
        int which = next(set, KIN_NOW);
        check(which == out || (which == in && i > 0));
        check_is(put(queue), 0);
    }
    check_is(next(set, KIN_NOW), in);
    check_is(get(queue), 0);
    check_is(next(set, KIN_NOW) + next(set, KIN_NOW), in + out);
    check_refused(kin_poll_add_queue(set, queue, 5), -EINVAL, "KIN_CAN_RECEIVE");
    kin_poll_destroy(set);
    kin_queue_close(queue);
}

static void both_ends_of_a_channel(void **state)
{
    (void)state;
    kin_channel *channel;
    char byte;
    check_is(kin_channel_open(NULL, "c", KIN_CHANNEL(.messages = 2, .message_max = 8), &channel), 0);
    check_refused(kin_channel_fd(channel, 0), -EINVAL, "KIN_CAN_RECEIVE");
    check_refused(kin_channel_clear(channel, KIN_CAN_SEND), -EINVAL, "kin_channel_fd");
    kin_poll *set = new_set();
    int in = kin_poll_add_channel(set, channel, KIN_CAN_RECEIVE);
    int out = kin_poll_add_channel(set, channel, KIN_CAN_SEND), fd = kin_channel_fd(channel, KIN_CAN_RECEIVE);
    check(in >= 0 && out >= 0 && fd >= 0);
    check_is(kin_channel_clear(channel, KIN_CAN_RECEIVE), 0);
    check(!is_readable(fd, 0) || kin_channel_clear(channel, KIN_CAN_RECEIVE) == 0); /* but for the timer */
    check_is(next(set, KIN_NOW), out);
    check_is(kin_channel_send(channel, "x", 1, KIN_NOW), 0);
    check(is_readable(fd, 0));
    check_is(kin_channel_send(channel, "x", 1, KIN_NOW), 0);
    check_is(next(set, KIN_NOW), in);
    check_is(next(set, KIN_NOW), in);
    check_is(kin_channel_receive(channel, &byte, 1, KIN_NOW), 1);
    check_is(next(set, KIN_NOW) + next(set, KIN_NOW), in + out);
    check_is(kin_channel_receive(channel, &byte, 1, KIN_NOW), 1);
    check_is(next(set, KIN_NOW), out);
    kin_poll_destroy(set);
    kin_channel_close(channel);
}

static void what_a_set_refuses(void **state)
{
    (void)state;
    int which;
    kin_poll *set = new_set();
    check_refused(kin_poll_wait(set, KIN_FOREVER, &which), -EINVAL, "empty");
    check_refused(kin_poll_remove(set, 0), -ENOENT, "number 0");
    check_is(kin_poll_remove(set, -1), -ENOENT);
    check_refused(kin_poll_add_fd(set, 1000, POLLIN), -EBADF, "1000");
    check_refused(kin_poll_add_fd(set, 0, 0), -EINVAL, "POLLIN");
    kin_queue *queue = queue_named("q");
    check_is(kin_poll_add_queue(set, queue, KIN_CAN_RECEIVE), 0);
    check_is(kin_poll_remove(set, 0), 0);
    check_is(kin_poll_wait(set, KIN_NOW, &which), -EINVAL);
    check_is(kin_poll_add_queue(set, queue, KIN_CAN_RECEIVE), 0);
    check_is(next(set, kin_after(1000)), -ETIMEDOUT);
    kin_poll_destroy(set);
    kin_poll_destroy(NULL);
    kin_queue_close(queue);
}

static void descriptors_beside_things(void **state)
{
    (void)state;
    int ends[2];
    kin_queue *queue = queue_named("q");
    kin_poll *set = new_set();
    check_is(pipe2(ends, O_CLOEXEC), 0);
    int job = kin_poll_add_queue(set, queue, KIN_CAN_RECEIVE);
    check_is(next(set, KIN_NOW), -ETIMEDOUT); /* by the life's bell until now */
    int byte = kin_poll_add_fd(set, ends[0], POLLIN);
    check(job >= 0 && byte >= 0);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(write(ends[1], "x", 1), 1);
    check_is(next(set, SOON), byte);
    check_is(put(queue), 0);
    check_is(next(set, SOON) + next(set, SOON), byte + job);
    check_is(kin_poll_remove(set, byte), 0);
    check_is(next(set, SOON), job);
    check_is(get(queue), 0);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    kin_poll_destroy(set);
    kin_queue_close(queue);
    close(ends[0]);
    close(ends[1]);
}

static void a_set_is_a_descriptor_too(void **state)
{
    (void)state;
    kin_queue *a = queue_named("a"), *b = queue_named("b");
    kin_poll *set = new_set();
    check_is(kin_poll_add_queue(set, a, KIN_CAN_RECEIVE), 0);
    int fd = kin_poll_fd(set);
    check(fd >= 0 && is_readable(fd, 0)); /* nobody looked yet */
    check_is(kin_poll_add_queue(set, b, KIN_CAN_RECEIVE), 1);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(put(b), 0);
    check(is_readable(fd, 0));
    check_is(next(set, KIN_NOW), 1);
    check_is(get(b), 0);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(kin_poll_fd(set), fd);
    kin_poll_destroy(set);
    kin_queue_close(a);
    kin_queue_close(b);
}

static void things_of_two_domains(void **state)
{
    char path[200];
    kin_domain *other;
    kin_queue *here = queue_named("q"), *there;
    snprintf(path, sizeof path, "%s/other", (const char *)*state);
    check_is(kin_domain_open(path, NULL, &other), 0);
    check_is(kin_queue_open(other, "q", NULL, &there), 0);
    kin_poll *set = new_set();
    check_is(kin_poll_add_queue(set, here, KIN_CAN_RECEIVE), 0);
    check_is(kin_poll_add_queue(set, there, KIN_CAN_RECEIVE), 1);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(put(there), 0);
    check_is(next(set, SOON), 1);
    check_is(get(there), 0);
    check_is(put(here), 0);
    check_is(next(set, SOON), 0);
    kin_poll_destroy(set);
    kin_queue_close(here);
    kin_queue_close(there);
    kin_domain_close(other);
}

static void a_removal_is_told(void **state)
{
    (void)state;
    kin_queue *a = queue_named("a"), *b = queue_named("b");
    kin_poll *set = new_set();
    check_is(kin_poll_add_queue(set, a, KIN_CAN_RECEIVE), 0);
    check_is(kin_poll_add_queue(set, b, KIN_CAN_RECEIVE), 1);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(kin_remove(NULL, "b", 0), 0);
    check_is(next(set, KIN_NOW), 1);
    check_is(get(b), -EIDRM);
    kin_poll_destroy(set);
    kin_queue_close(a);
    kin_queue_close(b);
}

enum { MANY = 64, ROUNDS = 3000 };

static int feed(void *context)
{
    struct party *party = context;
    kin_queue *queues[MANY];
    char name[8];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "q%d", i);
        queues[i] = queue_named(name);
    }
    for (int i = 0; i < ROUNDS; i++) {
        check_is(kin_queue_send(queues[i * 37 % MANY], "x", 1, NULL, SOON), 0);
        test_until(__atomic_load_n(&party->told, __ATOMIC_ACQUIRE) == i + 1);
    }
    return 0;
}

/* In each round the waiter sleeps before the message comes, or is about to. */
static void any_of_64_queues(void **state)
{
    (void)state;
    struct party *party = test_shared(sizeof *party);
    kin_queue *queues[MANY];
    char name[8];
    kin_poll *set = new_set();
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "q%d", i);
        queues[i] = queue_named(name);
        check_is(kin_poll_add_queue(set, queues[i], KIN_CAN_RECEIVE), i);
    }
    pid_t child = test_child(feed, party);
    for (int i = 0; i < ROUNDS; i++) {
        int which = next(set, SOON);
        check_is(which, i * 37 % MANY);
        check_is(get(queues[which]), 0);
        __atomic_store_n(&party->told, i + 1, __ATOMIC_RELEASE);
    }
    check_is(test_end(child), 0);
    kin_poll_destroy(set);
    for (int i = 0; i < MANY; i++)
        kin_queue_close(queues[i]);
}

static int poll_locks(void *context)
{
    struct party *party = context;
    kin_segment *segment = accounts_open();
    struct account *account = account_of(segment);
    kin_poll *set = new_set();
    for (unsigned i = 0; i < LOCKS; i++)
        check_is(kin_poll_add_lock(set, segment, &account->others[i]), i);
    arrive(party);
    for (int got = 0; got < 500;) {
        int which = next(set, SOON);
        check(which >= 0);
        int result = kin_lock_acquire(segment, &account->others[which], KIN_NOW);
        check(result == 0 || result == -ETIMEDOUT);
        if (result < 0)
            continue;
        got++;
        account->balance += which == 0; /* under that lock alone */
        __atomic_add_fetch(&account->half_done, 1, __ATOMIC_RELAXED);
        check_is(kin_lock_release(segment, &account->others[which]), 0);
    }
    kin_poll_destroy(set);
    kin_segment_close(segment);
    return 0;
}

/* 20 locks share an entry of the table, some of them a bit of it, and four processes poll all of them. */
static void several_sets_of_locks(void **state)
{
    (void)state;
    struct party *party = test_shared(sizeof *party);
    kin_segment *segment = accounts_open();
    pid_t children[4];
    for (unsigned i = 0; i < 4; i++)
        children[i] = test_child(poll_locks, party);
    for (unsigned i = 0; i < 4; i++)
        check_is(test_end(children[i]), 0);
    check_is(account_of(segment)->half_done, 4 * 500);
    kin_segment_close(segment);
}

static int use_the_parents_set(void *context)
{
    struct party *party = context;
    kin_poll *set = (kin_poll *)(void *)party->segment;
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    arrive(party);
    check_is(next(set, SOON), 0);
    kin_poll_destroy(set);
    return 0;
}

static void a_child_of_fork_uses_its_copy(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 2; turn++) {
        struct party *party = test_shared(sizeof *party);
        kin_queue *queue = queue_named("q");
        kin_poll *set = new_set();
        check_is(kin_poll_add_queue(set, queue, KIN_CAN_RECEIVE), 0);
        if (turn)
            check(kin_poll_fd(set) >= 0);
        check_is(next(set, KIN_NOW), -ETIMEDOUT);
        party->segment = (void *)set;
        pid_t child = test_child(use_the_parents_set, party);
        until_ready(party, 1);
        check_is(put(queue), 0);
        check_is(test_end(child), 0);
        check_is(next(set, KIN_NOW), 0); /* rung as well, and its entry is still there */
        check_is(get(queue), 0);
        check_is(next(set, KIN_NOW), -ETIMEDOUT);
        check_is(put(queue), 0);
        check_is(next(set, SOON), 0);
        check_is(get(queue), 0);
        kin_poll_destroy(set);
        kin_queue_close(queue);
    }
}

static void *wait_for_it(void *context)
{
    static int which;
    which = next(context, SOON);
    return &which;
}

/* Another thread has another life, and so another bell. */
static void a_set_handed_to_another_thread(void **state)
{
    (void)state;
    pthread_t thread;
    void *which;
    kin_queue *queue = queue_named("q");
    kin_poll *set = new_set();
    check_is(kin_poll_add_queue(set, queue, KIN_CAN_RECEIVE), 0);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(pthread_create(&thread, NULL, wait_for_it, set), 0);
    check_is(put(queue), 0);
    check_is(pthread_join(thread, &which), 0);
    check_is(*(int *)which, 0);
    check_is(next(set, KIN_NOW), 0);
    kin_poll_destroy(set);
    kin_queue_close(queue);
}

static int poll_and_die(void *context)
{
    (void)context;
    kin_segment *segment = accounts_open();
    check(kin_poll_add_lock(new_set(), segment, &account_of(segment)->lock) >= 0);
    raise(SIGKILL);
    return 0;
}

static void the_entries_of_the_dead_are_used_again(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    for (unsigned i = 0; i < 70; i++)
        check_is(test_end(test_child(poll_and_die, NULL)), -SIGKILL);
    check(kin_lock_fd(segment, &account_of(segment)->lock) >= 0);
    kin_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_death_of_the_owner_is_told),
        TEST(what_is_not_taken_is_told_again_and_all_in_turn),
        TEST(both_directions_of_a_queue),
        TEST(both_ends_of_a_channel),
        TEST(what_a_set_refuses),
        TEST(descriptors_beside_things),
        TEST(a_set_is_a_descriptor_too),
        TEST(things_of_two_domains),
        TEST(a_removal_is_told),
        TEST(any_of_64_queues),
        TEST(several_sets_of_locks),
        TEST(a_child_of_fork_uses_its_copy),
        TEST(a_set_handed_to_another_thread),
        TEST(the_entries_of_the_dead_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
