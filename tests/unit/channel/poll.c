/* A queue as a descriptor. */
#include "queues.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ROUNDS 10000

/* The timer in it rings four times a second, so "it rings" is no proof of a ring: what is asked here is that nothing is
 * missed, and, where `quickly` is counted, that it was seldom the timer. */
static bool is_readable(int fd, int milliseconds)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int result;
    while ((result = poll(&ready, 1, milliseconds)) < 0 && errno == EINTR)
        continue;
    return result == 1;
}

static int64_t poll_number(kin_queue *queue, int fd)
{
    for (;;) {
        check_is(kin_queue_clear(queue, KIN_CAN_RECEIVE), 0);
        int64_t number = receive_number(queue, NULL, KIN_NOW);
        if (number != -ETIMEDOUT)
            return number;
        check(is_readable(fd, TEST_HANG * 1000));
    }
}

static void it_is_readable_when_there_is_something(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 64, 0);
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    int fd = kin_queue_fd(queue, KIN_CAN_RECEIVE);
    check(fd >= 0);
    check(is_readable(fd, 0)); /* at once: it was there before */
    check_is(kin_queue_fd(queue, KIN_CAN_RECEIVE), fd);
    check_is(poll_number(queue, fd), 1);
    check_is(kin_queue_clear(queue, KIN_CAN_RECEIVE), 0);
    check_is(send_number(queue, 2, NULL, KIN_NOW), 0);
    check(is_readable(fd, 0)); /* the sender rang before it returned */
    check_is(poll_number(queue, fd), 2);
    kin_queue_close(queue);
}

static void what_cannot_be_polled(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 64, 0);
    check_refused(kin_queue_fd(queue, 0), -EINVAL, "KIN_CAN_RECEIVE");
    check_is(kin_queue_fd(queue, 3), -EINVAL);
    check_refused(kin_queue_clear(queue, KIN_CAN_SEND), -EINVAL, "kin_queue_fd");
    check_is(kin_queue_clear(queue, 7), -EINVAL);
    kin_queue_close(queue);
}

static void room_rings_too(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 1, 64, 0);
    int fd = kin_queue_fd(queue, KIN_CAN_SEND);
    check(fd >= 0 && is_readable(fd, 0));
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    check_is(kin_queue_clear(queue, KIN_CAN_SEND), 0);
    check_is(send_number(queue, 2, NULL, KIN_NOW), -ETIMEDOUT);
    check_is(receive_number(queue, NULL, KIN_NOW), 1);
    check(is_readable(fd, 0));
    check_is(kin_queue_clear(queue, KIN_CAN_SEND), 0);
    check_is(send_number(queue, 2, NULL, KIN_NOW), 0);
    kin_queue_close(queue);
}

static int send_rounds(void *context)
{
    for (uint64_t i = 1; i <= ROUNDS; i++)
        check_is(send_number(context, i, NULL, SOON), 0);
    return 0;
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

/* Waits in epoll as an event loop does. A ring that was lost would be mended by the timer a quarter of a second later:
 * such waits are counted. A busy machine may make a few; a lost ring each race would make many. */
static void no_ring_is_lost(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 3, 64, 0);
    int fd = kin_queue_fd(queue, KIN_CAN_RECEIVE), loop = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    check(fd >= 0 && loop >= 0 && epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) == 0);
    pid_t sender = test_child(send_rounds, queue);
    unsigned by_timer = 0;
    for (int64_t i = 1; i <= ROUNDS;) {
        check_is(kin_queue_clear(queue, KIN_CAN_RECEIVE), 0);
        int64_t number = receive_number(queue, NULL, KIN_NOW), begun = now();
        if (number == -ETIMEDOUT) {
            check_is(epoll_wait(loop, &event, 1, TEST_HANG * 1000), 1);
            by_timer += now() - begun > SECOND / 5;
            continue;
        }
        check_is(number, i++);
    }
    check_is(test_end(sender), 0);
    close(loop);
    kin_queue_close(queue);
    print_message("# %u waits of %d ended by the timer\n", by_timer, ROUNDS);
    check(by_timer < 20);
}

struct pollers {
    kin_queue *queue;
    uint64_t sum;
    int ready;
};

static int poll_and_sum(void *context)
{
    struct pollers *pollers = context;
    kin_queue *queue = queue_of("q", 0, 0, 0);
    int fd = kin_queue_fd(queue, KIN_CAN_RECEIVE);
    check(fd >= 0);
    __atomic_add_fetch(&pollers->ready, 1, __ATOMIC_RELEASE);
    for (;;) {
        int64_t number = poll_number(queue, fd);
        check(number >= 0);
        if (number == 0)
            break;
        __atomic_add_fetch(&pollers->sum, (uint64_t)number, __ATOMIC_RELAXED);
    }
    kin_queue_close(queue);
    return 0;
}

static void several_pollers(void **state)
{
    (void)state;
    enum { MANY = 4, NUMBERS = 4000 };
    struct pollers *pollers = test_shared(sizeof *pollers);
    pid_t children[MANY];
    pollers->queue = queue_of("q", 8, 64, 0);
    for (unsigned i = 0; i < MANY; i++)
        children[i] = test_child(poll_and_sum, pollers);
    test_until(__atomic_load_n(&pollers->ready, __ATOMIC_ACQUIRE) == MANY);
    for (uint64_t i = 1; i <= NUMBERS; i++)
        check_is(send_number(pollers->queue, i, NULL, SOON), 0);
    for (unsigned i = 0; i < MANY; i++)
        check_is(send_number(pollers->queue, 0, NULL, SOON), 0);
    for (unsigned i = 0; i < MANY; i++)
        check_is(test_end(children[i]), 0);
    check_is(pollers->sum, (uint64_t)NUMBERS * (NUMBERS + 1) / 2);
    kin_queue_close(pollers->queue);
}

static int take_and_pause(void *context)
{
    struct pollers *pollers = context;
    struct kin_message message;
    check_is(kin_queue_take(pollers->queue, NULL, KIN_NOW, &message), 0);
    __atomic_add_fetch(&pollers->ready, 1, __ATOMIC_RELEASE);
    pause();
    return 0;
}

/* Somebody announces the death (here one who sleeps on another object), and that rings. */
static void a_death_that_puts_back_a_lease_rings(void **state)
{
    (void)state;
    struct pollers *pollers = test_shared(sizeof *pollers);
    pollers->queue = queue_of("q", 4, 64, 0);
    check_is(send_number(pollers->queue, 7, NULL, KIN_NOW), 0);
    pid_t child = test_child(take_and_pause, pollers);
    test_until(__atomic_load_n(&pollers->ready, __ATOMIC_ACQUIRE) == 1);
    int fd = kin_queue_fd(pollers->queue, KIN_CAN_RECEIVE);
    check(fd >= 0);
    check_is(receive_number(pollers->queue, NULL, KIN_NOW), -ETIMEDOUT);
    test_kill(child);
    check_is(poll_number(pollers->queue, fd), 7);
    kin_queue_close(pollers->queue);
}

static int poll_and_die(void *context)
{
    kin_queue *queue = queue_of("q", 0, 0, 0);
    (void)context;
    check(kin_queue_fd(queue, KIN_CAN_RECEIVE) >= 0);
    raise(SIGKILL);
    return 0;
}

/* There is room for 64 pollers: more than that die here, each with an entry. */
static void the_entry_of_a_killed_poller_is_used_again(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 64, 0);
    for (unsigned i = 0; i < 70; i++)
        check_is(test_end(test_child(poll_and_die, NULL)), -SIGKILL);
    int fd = kin_queue_fd(queue, KIN_CAN_RECEIVE);
    check(fd >= 0);
    check_is(kin_queue_clear(queue, KIN_CAN_RECEIVE), 0);
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    check(is_readable(fd, 0));
    kin_queue_close(queue);
}

static void more_than_64_pollers(void **state)
{
    (void)state;
    kin_queue *queues[65];
    for (unsigned i = 0; i < 65; i++)
        queues[i] = queue_of("q", 4, 64, 0);
    for (unsigned i = 0; i < 64; i++)
        check(kin_queue_fd(queues[i], KIN_CAN_RECEIVE) >= 0);
    check_refused(kin_queue_fd(queues[64], KIN_CAN_RECEIVE), -EBUSY, "64 pollers");
    kin_queue_close(queues[3]);
    check(kin_queue_fd(queues[64], KIN_CAN_RECEIVE) >= 0);
    for (unsigned i = 0; i < 65; i++)
        if (i != 3)
            kin_queue_close(queues[i]);
}

static int close_and_exit(void *context)
{
    kin_queue_close(context);
    return 0;
}

static int poll_in_the_child(void *context)
{
    kin_queue *queue = context;
    int fd = kin_queue_fd(queue, KIN_CAN_RECEIVE);
    check(fd >= 0);
    check_is(poll_number(queue, fd), 1);
    kin_queue_close(queue);
    return 0;
}

/* What a child of fork does with its copy of the handle is no matter of the parent's descriptor. */
static void a_forked_child_leaves_the_parents_descriptor_alone(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4, 64, 0);
    int fd = kin_queue_fd(queue, KIN_CAN_RECEIVE);
    check(fd >= 0);
    for (unsigned turn = 0; turn < 2; turn++) {
        check_is(kin_queue_clear(queue, KIN_CAN_RECEIVE), 0);
        if (turn)
            check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
        check_is(test_end(test_child(turn ? poll_in_the_child : close_and_exit, queue)), 0);
        check_is(kin_queue_clear(queue, KIN_CAN_RECEIVE), 0);
        check_is(send_number(queue, 2, NULL, KIN_NOW), 0);
        check(is_readable(fd, 0));
        check_is(receive_number(queue, NULL, KIN_NOW), 2);
    }
    kin_queue_close(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_readable_when_there_is_something),
        TEST(what_cannot_be_polled),
        TEST(room_rings_too),
        TEST(no_ring_is_lost),
        TEST(several_pollers),
        TEST(a_death_that_puts_back_a_lease_rings),
        TEST(the_entry_of_a_killed_poller_is_used_again),
        TEST(more_than_64_pollers),
        TEST(a_forked_child_leaves_the_parents_descriptor_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
