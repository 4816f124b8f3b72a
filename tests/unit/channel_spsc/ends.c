/* Who has an end, and what the other learns when he closes, dies, or the channel is removed. */
#include "channel/spsc.h"
#include "channels.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int send_one(void *context)
{
    (void)context;
    kin_channel *channel = channel_of(2, 8);
    int result = send_number(channel, 1, KIN_NOW);
    kin_channel_close(channel);
    return -result;
}

static int receive_one(void *context)
{
    (void)context;
    kin_channel *channel = channel_of(2, 8);
    int64_t number = receive_number(channel, KIN_NOW);
    kin_channel_close(channel);
    return number < 0 ? (int)-number : 0;
}

static int receive_and_die(void *context)
{
    (void)context;
    receive_number(channel_of(2, 8), KIN_NOW);
    return 0;
}

static int send_and_die(void *context)
{
    (void)context;
    return send_number(channel_of(2, 8), 7, KIN_NOW);
}

static void an_end_has_one_owner_until_he_closes(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(2, 8), *second = channel_of(2, 8);
    check_is(send_number(channel, 1, KIN_NOW), 0);
    check_is(test_end(test_child(send_one, NULL)), EBUSY);
    check_refused(send_number(second, 1, KIN_NOW), -EBUSY, "through another handle");
    check_is(test_end(test_child(receive_one, NULL)), 0);
    kin_channel_close(channel);
    check_is(test_end(test_child(send_one, NULL)), 0);
    check_is(receive_number(second, KIN_NOW), 1);
    check_is(test_end(test_child(receive_one, NULL)), EBUSY);
    kin_channel_close(second);
}

static void *send_in_thread(void *context)
{
    return (void *)(intptr_t)send_number(context, 1, KIN_NOW);
}

static int thread_sends(kin_channel *channel)
{
    pthread_t thread;
    void *result;
    check_is(pthread_create(&thread, NULL, send_in_thread, channel), 0);
    check_is(pthread_join(thread, &result), 0);
    return (int)(intptr_t)result;
}

/* A thread that ends without closing is dead for the channel: the next one may take its place, by the same handle. */
static void the_owner_is_a_thread(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(8, 8);
    check_is(thread_sends(channel), 0);
    check_is(send_number(channel, 2, SOON), 0);
    check_is(thread_sends(channel), -EBUSY);
    check_is(receive_number(channel, KIN_NOW), 1);
    check_is(receive_number(channel, KIN_NOW), 2);
    check_is(receive_number(channel, KIN_NOW), -ETIMEDOUT);
    kin_channel_close(channel);
}

static int use_inherited(void *context)
{
    check_is(send_number(context, 1, KIN_NOW), -EBUSY);
    kin_channel_close(context);
    return 0;
}

static void a_forked_child_has_not_its_parents_end(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(2, 8);
    check_is(send_number(channel, 1, KIN_NOW), 0);
    check_is(test_end(test_child(use_inherited, channel)), 0);
    check_is(test_end(test_child(send_one, NULL)), EBUSY);
    check_is(send_number(channel, 2, KIN_NOW), 0);
    kin_channel_close(channel);
}

static void too_many_ends_are_refused(void **state)
{
    (void)state;
    kin_channel *channels[HOLDS_MAX + 1];
    char name[16];
    for (unsigned i = 0; i <= HOLDS_MAX; i++) {
        snprintf(name, sizeof name, "c%u", i);
        check_is(kin_channel_open(NULL, name, NULL, &channels[i]), 0);
        check_is(send_number(channels[i], 1, KIN_NOW), i < HOLDS_MAX ? 0 : -ENOLCK);
    }
    kin_channel_close(channels[0]);
    check_is(send_number(channels[HOLDS_MAX], 1, KIN_NOW), 0);
    for (unsigned i = 1; i <= HOLDS_MAX; i++)
        kin_channel_close(channels[i]);
}

static void a_producers_death_is_told_behind_his_last_message(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(2, 8);
    check_is(receive_number(channel, KIN_NOW), -ETIMEDOUT);
    check_is(test_end(test_child(send_and_die, NULL)), 0);
    check_is(receive_number(channel, SOON), 7);
    check_refused(receive_number(channel, SOON), -EPIPE, "its producer died");
    check_is(test_end(test_child(send_one, NULL)), 0);
    check_is(receive_number(channel, KIN_NOW), 1);
    check_is(receive_number(channel, KIN_NOW), -ETIMEDOUT); /* the next one closed */
    kin_channel_close(channel);
}

static void a_consumers_death_is_told_when_the_ring_is_full(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(2, 8);
    check_is(send_number(channel, 1, KIN_NOW), 0);
    check_is(test_end(test_child(receive_and_die, NULL)), 0);
    check_is(send_number(channel, 2, SOON), 0);
    check_is(send_number(channel, 3, SOON), 0);
    check_refused(send_number(channel, 4, SOON), -EPIPE, "its consumer died");
    check_is(receive_number(channel, KIN_NOW), 2);
    check_is(send_number(channel, 4, SOON), 0);
    check_is(send_number(channel, 5, KIN_NOW), -ETIMEDOUT);
    kin_channel_close(channel);
}

static int be_producer(void *context)
{
    kin_channel *channel = channel_of(2, 8);
    check_is(send_number(channel, 1, KIN_NOW), 0);
    __atomic_store_n((int *)context, 1, __ATOMIC_RELEASE);
    pause();
    return 0;
}

static int be_consumer(void *context)
{
    kin_channel *channel = channel_of(2, 8);
    check_is(receive_number(channel, KIN_NOW), 1);
    __atomic_store_n((int *)context, 1, __ATOMIC_RELEASE);
    pause();
    return 0;
}

static int receive_until_broken(void *context)
{
    (void)context;
    kin_channel *channel = channel_of(2, 8);
    check_is(receive_number(channel, SOON), 1);
    check_is(receive_number(channel, KIN_FOREVER), -EPIPE);
    kin_channel_close(channel);
    return 0;
}

static int send_until_broken(void *context)
{
    (void)context;
    kin_channel *channel = channel_of(2, 8);
    check_is(send_number(channel, 1, SOON), 0);
    check_is(send_number(channel, 2, SOON), 0);
    check_is(send_number(channel, 3, KIN_FOREVER), -EPIPE);
    kin_channel_close(channel);
    return 0;
}

static void a_death_wakes_who_waits_for_the_dead(void **state)
{
    (void)state;
    int *ready = test_shared(sizeof *ready);
    pid_t owner = test_child(be_producer, ready);
    test_until(__atomic_load_n(ready, __ATOMIC_ACQUIRE));
    pid_t waiter = test_child(receive_until_broken, NULL);
    test_asleep(waiter);
    test_kill(owner);
    check_is(test_end(waiter), 0);

    check_is(test_end(test_child(send_one, NULL)), 0);
    *ready = 0;
    owner = test_child(be_consumer, ready);
    test_until(__atomic_load_n(ready, __ATOMIC_ACQUIRE));
    waiter = test_child(send_until_broken, NULL);
    test_asleep(waiter);
    test_kill(owner);
    check_is(test_end(waiter), 0);
}

static int find_death(void *context, const struct kin_death *death)
{
    *(struct kin_death *)context = *death;
    return 0;
}

static void a_swept_owner_has_died_all_the_same(void **state)
{
    (void)state;
    struct kin_death last = {0};
    kin_channel *channel = channel_of(2, 8);
    pid_t child = test_child(send_and_die, NULL);
    check_is(test_end(child), 0);
    test_until(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) == 0);
    check(END_OWNER(LOAD(channel->shared->ends[PRODUCER].word)) == END_DIED);
    check_is(kin_domain_each_death(NULL, 0, find_death, &last), 0);
    check(last.pid == child && strcmp(last.held, "producer") == 0 && strcmp(last.name, "c") == 0);
    check_is(receive_number(channel, KIN_NOW), 7);
    check_is(receive_number(channel, KIN_NOW), -EPIPE);
    check_is(send_number(channel, 8, KIN_NOW), 0);
    check_is(receive_number(channel, KIN_NOW), 8);
    check_is(receive_number(channel, KIN_NOW), -ETIMEDOUT);
    kin_channel_close(channel);
}

static int receive_until_removed(void *context)
{
    (void)context;
    kin_channel *channel = channel_of(2, 8);
    check_refused(receive_number(channel, KIN_FOREVER), -EIDRM, "was removed");
    check_is(receive_number(channel, KIN_FOREVER), -EIDRM);
    kin_channel_close(channel);
    return 0;
}

static int send_until_removed(void *context)
{
    (void)context;
    kin_channel *channel = channel_of(2, 8);
    check_is(send_number(channel, 1, SOON), 0);
    check_is(send_number(channel, 2, SOON), 0);
    check_is(send_number(channel, 3, KIN_FOREVER), -EIDRM);
    kin_channel_close(channel);
    return 0;
}

static void removal_ends_every_wait(void **state)
{
    (void)state;
    int (*const waiters[])(void *) = {receive_until_removed, send_until_removed};
    for (unsigned i = 0; i < 2; i++) {
        pid_t waiter = test_child(waiters[i], NULL);
        test_asleep(waiter);
        check_refused(kin_remove(NULL, "c", 0), -EBUSY, "in use");
        check_is(kin_remove(NULL, "c", KIN_EVEN_HELD), 0);
        check_is(test_end(waiter), 0);
    }
}

static void a_deadline_ends_a_wait(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(1, 8);
    check_refused(receive_number(channel, kin_after(SECOND / 100)), -ETIMEDOUT, "no message came");
    check_is(send_number(channel, 1, kin_after(SECOND / 100)), 0);
    check_refused(send_number(channel, 2, kin_after(SECOND / 100)), -ETIMEDOUT, "is full");
    check_is(send_number(channel, 2, KIN_NOW), -ETIMEDOUT);
    kin_channel_close(channel);
}

static void what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    kin_channel *channel;
    check_refused(kin_channel_open(NULL, "c", KIN_CHANNEL(.messages = 1u << 25), &channel), -EINVAL, "too many");
    check_refused(kin_channel_open(NULL, "c", KIN_CHANNEL(.message_max = 1u << 31), &channel), -EINVAL, "too long");
    check_refused(kin_channel_open(NULL, "c", KIN_CHANNEL(.messages = 1u << 24, .message_max = 1u << 30), &channel),
                  -ENOSPC, "enlarge the tmpfs");
    check_refused(kin_channel_open(NULL, "c", KIN_CHANNEL(.flags = KIN_MUST_EXIST), &channel), -ENOENT, "no channel");
    check_refused(kin_channel_open(NULL, "a/b", NULL, &channel), -EINVAL, "'/'");
    channel = channel_of(0, 0);
    check_is(kin_channel_open(NULL, "c", KIN_CHANNEL(.flags = KIN_MUST_CREATE), &channel), -EEXIST);
    kin_channel_close(channel);
    kin_channel_close(NULL);
}

/* From now on this process has no membarrier, as in some sandboxes. False: it cannot be forbidden here. */

#define UNABLE 77

static int receive_in_sandbox(void *context)
{
    (void)context;
    if (!test_forbid_membarrier())
        return UNABLE;
    kin_channel *channel = channel_of(2, 8);
    for (unsigned i = 0; i < 1000; i++)
        check_is(receive_number(channel, SOON), i);
    check(LOAD(channel->shared->fenced) == 1);
    kin_channel_close(channel);
    return 0;
}

static void without_membarrier_both_sides_make_fences(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(2, 8);
    pid_t child = test_child(receive_in_sandbox, NULL);
    int result = 0;
    for (unsigned i = 0; i < 1000 && result == 0; i++)
        result = send_number(channel, i, SOON);
    int ended = test_end(child);
    kin_channel_close(channel);
    if (ended == UNABLE)
        test_skip("no seccomp filters here");
    check_is(ended, 0);
    check_is(result, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_end_has_one_owner_until_he_closes),
        TEST(the_owner_is_a_thread),
        TEST(a_forked_child_has_not_its_parents_end),
        TEST(too_many_ends_are_refused),
        TEST(a_producers_death_is_told_behind_his_last_message),
        TEST(a_consumers_death_is_told_when_the_ring_is_full),
        TEST(a_death_wakes_who_waits_for_the_dead),
        TEST(a_swept_owner_has_died_all_the_same),
        TEST(removal_ends_every_wait),
        TEST(a_deadline_ends_a_wait),
        TEST(what_cannot_be_opened_says_why),
        TEST(without_membarrier_both_sides_make_fences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
