/* Everything that lies in a segment, polled: each is in the way of nobody, of a living one, of a dead one. */
#include "things.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static struct pair {
    kin_semaphore units;
    kin_barrier barrier;
    kin_latch latch;
} *pair;

static int set_up_pair(void *context, kin_segment *made)
{
    struct pair *new = kin_segment_data(made);
    (void)context;
    check_is(kin_semaphore_init(made, &new->units, KIN_SEMAPHORE(.value = 1)), 0);
    check_is(kin_barrier_init(made, &new->barrier, 2), 0);
    return kin_latch_init(made, &new->latch, 1);
}

static kin_segment *home;

static void open_all(void)
{
    things_open();
    check_is(kin_segment_open(NULL, "pair", KIN_SEGMENT(.bytes = sizeof *pair, .setup = set_up_pair), &home), 0);
    pair = kin_segment_data(home);
}

static void close_all(void)
{
    kin_segment_close(home);
    kin_segment_close(segment);
}

/* ---- the things: what a holder does, what the poller does ---- */

static int take_unit(void)
{
    return kin_semaphore_acquire(home, &pair->units, KIN_NOW);
}

static int give_unit(void)
{
    return kin_semaphore_release(home, &pair->units);
}

static int write_in(void)
{
    return kin_rwlock_acquire_write(segment, &things->rwlock, KIN_NOW);
}

static int read_in(void)
{
    return kin_rwlock_acquire_read(segment, &things->rwlock, KIN_NOW);
}

static int go_out(void)
{
    return kin_rwlock_release(segment, &things->rwlock);
}

static int sit_down(void)
{
    return kin_barrier_join(home, &pair->barrier);
}

static int meet(void)
{
    int result = kin_barrier_wait(home, &pair->barrier, SOON);
    return result < 0 ? result : 0;
}

static int end_round(void)
{
    int result = kin_barrier_wait(home, &pair->barrier, KIN_NOW);
    return result < 0 ? result : result & ~KIN_SERIAL; /* who arrives meanwhile may have that */
}

static int stand_up(void)
{
    return kin_barrier_leave(home, &pair->barrier);
}

static int promise(void)
{
    return kin_latch_promise(home, &pair->latch);
}

static int count_down(void)
{
    return kin_latch_count_down(home, &pair->latch);
}

static int see_zero(void)
{
    return kin_latch_wait(home, &pair->latch, KIN_NOW);
}

static int be_there(void)
{
    return kin_condition_signal(segment, &things->condition);
}

static int signal_one(void)
{
    return kin_condition_signal(segment, &things->condition);
}

static int signal_all(void)
{
    return kin_condition_broadcast(segment, &things->condition);
}

static int nothing(void)
{
    return 0;
}

static int add_unit(kin_poll *set)
{
    return kin_poll_add_semaphore(set, home, &pair->units);
}

static int add_reading(kin_poll *set)
{
    return kin_poll_add_rwlock(set, segment, &things->rwlock, KIN_CAN_READ);
}

static int add_writing(kin_poll *set)
{
    return kin_poll_add_rwlock(set, segment, &things->rwlock, KIN_CAN_WRITE);
}

static int add_round(kin_poll *set)
{
    return kin_poll_add_barrier(set, home, &pair->barrier);
}

static int add_zero(kin_poll *set)
{
    return kin_poll_add_latch(set, home, &pair->latch);
}

static int add_condition(kin_poll *set)
{
    return kin_poll_add_condition(set, segment, &things->condition);
}

static int fd_of_unit(bool clear)
{
    return clear ? kin_semaphore_clear(home, &pair->units) : kin_semaphore_fd(home, &pair->units);
}

static int fd_of_reading(bool clear)
{
    return clear ? kin_rwlock_clear(segment, &things->rwlock, KIN_CAN_READ)
                 : kin_rwlock_fd(segment, &things->rwlock, KIN_CAN_READ);
}

static int fd_of_writing(bool clear)
{
    return clear ? kin_rwlock_clear(segment, &things->rwlock, KIN_CAN_WRITE)
                 : kin_rwlock_fd(segment, &things->rwlock, KIN_CAN_WRITE);
}

static int fd_of_round(bool clear)
{
    return clear ? kin_barrier_clear(home, &pair->barrier) : kin_barrier_fd(home, &pair->barrier);
}

static int fd_of_zero(bool clear)
{
    return clear ? kin_latch_clear(home, &pair->latch) : kin_latch_fd(home, &pair->latch);
}

static int fd_of_condition(bool clear)
{
    return clear ? kin_condition_clear(segment, &things->condition) : kin_condition_fd(segment, &things->condition);
}

static const struct noun {
    int (*hold)(void), (*let_go)(void); /* another process's */
    int (*prepare)(void), (*try)(void), (*give_back)(void);
    int (*add)(kin_poll *set);
    int (*fd)(bool clear);
    int given, inherited; /* what the try says after he let go, and after he died */
} nouns[] = {
    {take_unit, give_unit, nothing, take_unit, give_unit, add_unit, fd_of_unit, 0, 0},
    {write_in, go_out, nothing, read_in, go_out, add_reading, fd_of_reading, 0, KIN_RECOVERED},
    {write_in, go_out, nothing, write_in, go_out, add_writing, fd_of_writing, 0, KIN_RECOVERED},
    {read_in, go_out, nothing, write_in, go_out, add_writing, fd_of_writing, 0, 0},
    {sit_down, meet, sit_down, end_round, stand_up, add_round, fd_of_round, 0, KIN_RECOVERED},
    {promise, count_down, nothing, see_zero, nothing, add_zero, fd_of_zero, 0, KIN_RECOVERED},
    {be_there, signal_one, nothing, nothing, nothing, add_condition, fd_of_condition, 0, 0},
    {be_there, signal_all, nothing, nothing, nothing, add_condition, fd_of_condition, 0, 0},
};
#define EACH_NOUN(noun) for (const struct noun *noun = nouns; noun < nouns + sizeof nouns / sizeof *nouns; noun++)

struct party {
    const struct noun *noun;
    int ready, told, die;
};

static int holder(void *context)
{
    struct party *party = context;
    check_is(party->noun->hold(), 0);
    SET(party->ready);
    test_until(GET(party->told));
    if (party->die)
        raise(SIGKILL);
    check_is(party->noun->let_go(), 0);
    return 0;
}

static pid_t start(struct party *party, const struct noun *noun, int die)
{
    *party = (struct party){.noun = noun, .die = die};
    pid_t child = test_child(holder, party);
    test_until(GET(party->ready));
    check_is(noun->prepare(), 0);
    return child;
}

static void remove_all(void)
{
    close_all();
    check_is(kin_remove(NULL, "things", 0), 0);
    check_is(kin_remove(NULL, "pair", 0), 0);
}

static int next(kin_poll *set, kin_time until)
{
    int which = -1, result = kin_poll_wait(set, until, &which);
    return result < 0 ? result : which;
}

/* The wait's own look may be what finds it, or the bell of who lets go, or the death. */
static void poll_in_a_set(struct party *party, const struct noun *noun, int die)
{
    kin_poll *set;
    open_all();
    pid_t child = start(party, noun, die);
    check_is(kin_poll_create(&set), 0);
    check_is(noun->add(set), 0);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    SET(party->told);
    check_is(next(set, SOON), 0);
    check_is(noun->try(), die ? noun->inherited : noun->given);
    check_is(noun->give_back(), 0);
    check_is(test_end(child), die ? -SIGKILL : 0);
    kin_poll_destroy(set);
    remove_all();
}

static void what_is_let_go_is_told(void **state)
{
    (void)state;
    struct party *party = test_shared(sizeof *party);
    EACH_NOUN(noun)
        poll_in_a_set(party, noun, 0);
}

static void what_a_dead_one_held_is_told(void **state)
{
    (void)state;
    struct party *party = test_shared(sizeof *party);
    EACH_NOUN(noun)
        poll_in_a_set(party, noun, 1);
}

static void wait_readable(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int result;
    while ((result = poll(&ready, 1, TEST_HANG * 1000)) < 0 && errno == EINTR)
        continue;
    check_is(result, 1);
}

static int clear_and_try(const struct noun *noun)
{
    check_is(noun->fd(true), 0);
    return noun->try();
}

/* It may wake without a reason, to look after deaths that nobody heard. */
static void poll_by_descriptor(struct party *party, const struct noun *noun, int die)
{
    open_all();
    pid_t child = start(party, noun, die);
    int fd = noun->fd(false), result = -ETIMEDOUT;
    check(fd >= 0);
    check_is(noun->fd(false), fd);
    if (noun->try != nothing)
        check_is(clear_and_try(noun), -ETIMEDOUT);
    SET(party->told);
    while (result == -ETIMEDOUT) {
        wait_readable(fd);
        result = clear_and_try(noun);
    }
    check_is(result, die ? noun->inherited : noun->given);
    check_is(noun->give_back(), 0);
    check_is(test_end(child), die ? -SIGKILL : 0);
    remove_all();
}

static void each_is_a_descriptor(void **state)
{
    (void)state;
    struct party *party = test_shared(sizeof *party);
    EACH_NOUN(noun) {
        poll_by_descriptor(party, noun, 0);
        poll_by_descriptor(party, noun, 1);
    }
}

/* Those of one rwlock, too: of two conditions of a thing both are known. */
static void all_at_once(void **state)
{
    (void)state;
    kin_poll *set;
    open_all();
    check_is(kin_poll_create(&set), 0);
    int reading = add_reading(set), writing = add_writing(set), unit = add_unit(set), zero = add_zero(set);
    int signalled = add_condition(set), round = add_round(set);
    check(round == 5);
    check_is(take_unit(), 0);
    check_is(write_in(), 0);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(signal_one(), 0);
    check_is(next(set, KIN_NOW), signalled);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(kin_rwlock_downgrade(segment, &things->rwlock), 0);
    check_is(next(set, KIN_NOW), reading);
    check_is(next(set, KIN_NOW), reading); /* not to write */
    check_is(kin_poll_remove(set, reading), 0);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(kin_rwlock_upgrade(segment, &things->rwlock, KIN_NOW), 0);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(go_out(), 0);
    check_is(next(set, KIN_NOW), writing);
    check_is(write_in(), 0);
    check_is(give_unit(), 0);
    check_is(next(set, KIN_NOW), unit);
    check_is(take_unit(), 0);
    check_is(count_down(), 0);
    check_is(next(set, KIN_NOW), zero);
    check_is(kin_poll_remove(set, zero), 0);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(give_unit(), 0);
    check_is(go_out(), 0);
    kin_poll_destroy(set);
    close_all();
}

static int sleep_in_set(void *context)
{
    struct party *party = context;
    kin_poll *set;
    check_is(kin_poll_create(&set), 0);
    check_is(add_unit(set), 0);
    SET(party->ready);
    check_is(next(set, SOON), 0);
    kin_poll_destroy(set);
    return 0;
}

static int sleep_for_unit(void *context)
{
    struct party *party = context;
    (void)party;
    check_is(kin_semaphore_acquire(home, &pair->units, SOON), 0);
    return kin_semaphore_release(home, &pair->units);
}

/* One release wakes a sleeper and a poller, neither is forgotten over the other. */
static void sleepers_and_pollers(void **state)
{
    (void)state;
    struct party *party = test_shared(sizeof *party);
    open_all();
    for (unsigned i = 0; i < 50; i++) {
        check_is(take_unit(), 0);
        party->ready = 0;
        pid_t poller = test_child(sleep_in_set, party), sleeper = test_child(sleep_for_unit, party);
        test_until(GET(party->ready));
        check_is(give_unit(), 0);
        check_is(test_end(sleeper), 0);
        check_is(test_end(poller), 0);
    }
    close_all();
}

static void what_cannot_be_polled(void **state)
{
    (void)state;
    kin_poll *set;
    kin_latch stray = {0};
    open_all();
    check_is(kin_poll_create(&set), 0);
    check_refused(kin_rwlock_fd(segment, &things->rwlock, 3), -EINVAL, "KIN_CAN_WRITE");
    check_refused(kin_latch_fd(home, &stray), -EINVAL, "not inside the segment");
    check_refused(kin_poll_add_barrier(set, segment, (kin_barrier *)(void *)&things->rwlock), -EBADMSG, "no barrier");
    check_refused(kin_semaphore_clear(home, &pair->units), -EINVAL, "kin_semaphore_fd");
    kin_poll_destroy(set);
    close_all();
}

/* poll(2) refuses more descriptors than the process may have. */
static void a_sleep_that_fails_is_told(void **state)
{
    (void)state;
    kin_poll *set;
    int ends[2], result;
    struct rlimit before, little;
    check_is(pipe(ends), 0);
    check_is(kin_poll_create(&set), 0);
    check_is(kin_poll_add_fd(set, ends[0], POLLIN), 0);
    check_is(kin_poll_add_fd(set, ends[0], POLLIN), 1);
    check_is(next(set, KIN_NOW), -ETIMEDOUT);
    check_is(getrlimit(RLIMIT_NOFILE, &before), 0);
    little = before;
    little.rlim_cur = 1;
    check_is(setrlimit(RLIMIT_NOFILE, &little), 0);
    result = next(set, KIN_FOREVER);
    check_is(setrlimit(RLIMIT_NOFILE, &before), 0);
    check_refused(result, -EINVAL, "2 descriptors");
    kin_poll_destroy(set);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_let_go_is_told),  TEST(what_a_dead_one_held_is_told), TEST(each_is_a_descriptor),
        TEST(all_at_once),             TEST(sleepers_and_pollers),         TEST(what_cannot_be_polled),
        TEST(a_sleep_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
