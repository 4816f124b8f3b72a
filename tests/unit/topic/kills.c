/* Publishers and subscribers are killed again and again, at random moments; the others go on, and see no hole, no tear,
 * no double. */
#include "topics.h"
#include <errno.h>
#include <time.h>

#define KILLS 150

struct run {
    uint32_t policy;
    uint64_t published[KILLS + 1]; /* publishes that returned, by each publisher */
    unsigned publisher;            /* number of the one to start */
    uint64_t read;
    int over;
};

static uint64_t count_of(const uint64_t *count)
{
    return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

static int publish_for_ever(void *context)
{
    struct run *run = context;
    unsigned me = run->publisher;
    kin_topic *topic = topic_of(32, LETTER_MOST, run->policy);
    for (uint64_t number = 0;; number++) {
        check_is(publish_letter(topic, (struct letter){me, number}, SOON), 0);
        __atomic_store_n(&run->published[me], number + 1, __ATOMIC_RELEASE);
    }
}

/* As many came as publishes returned, or the one more that he was killed in. */
static void check_count(const struct run *run, uint64_t publisher, uint64_t came)
{
    uint64_t published = count_of(&run->published[publisher]);
    if (came != published && came != published + 1)
        test_failed(__FILE__, __LINE__, "publisher %llu: %llu publishes returned, %llu messages came",
                    (unsigned long long)publisher, (unsigned long long)published, (unsigned long long)came);
}

static int read_all(void *context)
{
    struct run *run = context;
    uint64_t publisher = 0, came = 0;
    kin_topic *topic = topic_of(32, LETTER_MOST, run->policy);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_OLDEST, 0);
    __atomic_store_n(&run->read, 1, __ATOMIC_RELEASE);
    while (publisher < KILLS) {
        struct letter letter;
        struct kin_sample sample;
        check_is(next_letter(subscriber, SOON, &letter, &sample), 0);
        check_is(sample.missed, 0);
        check(letter.publisher >= publisher);
        while (publisher < letter.publisher) {
            check_count(run, publisher++, came);
            came = 0;
        }
        check_is(letter.number, came);
        came++;
    }
    return 0;
}

static void a_while(struct dice *dice)
{
    struct timespec pause = {0, (long)dice_roll(dice, 2000000)};
    nanosleep(&pause, NULL);
}

static void killed_publishers_leave_a_prefix(void **state)
{
    (void)state;
    struct dice dice = dice_new();
    struct run *run = test_shared(sizeof *run);
    run->policy = KIN_TOPIC_BLOCK;
    pid_t first = test_child(read_all, run), second = test_child(read_all, run);
    test_until(count_of(&run->read));
    test_asleep(first);
    test_asleep(second);
    for (run->publisher = 0; run->publisher < KILLS; run->publisher++) {
        pid_t publisher = test_child(publish_for_ever, run);
        test_until(count_of(&run->published[run->publisher]));
        a_while(&dice);
        test_kill(publisher);
    }
    test_child(publish_for_ever, run);
    check_is(test_end(first), 0);
    check_is(test_end(second), 0);
}

static int read_for_ever(void *context)
{
    struct run *run = context;
    kin_topic *topic = topic_of(32, LETTER_MOST, run->policy);
    kin_subscriber *subscriber = subscriber_of(topic, KIN_FROM_OLDEST, 0);
    uint64_t next = UINT64_MAX;
    while (!__atomic_load_n(&run->over, __ATOMIC_ACQUIRE)) {
        struct letter letter;
        struct kin_sample sample;
        check_is(next_letter(subscriber, SOON, &letter, &sample), 0);
        check(next == UINT64_MAX || letter.number == next + sample.missed);
        next = letter.number + 1;
        __atomic_fetch_add(&run->read, 1, __ATOMIC_RELEASE);
    }
    kin_subscriber_close(subscriber);
    kin_topic_close(topic);
    return 0;
}

static void kill_subscribers(uint32_t policy)
{
    struct dice dice = dice_new();
    struct run *run = test_shared(sizeof *run);
    run->policy = policy;
    pid_t steady = test_child(read_for_ever, run);
    pid_t publisher = test_child(publish_for_ever, run);
    for (unsigned i = 0; i < KILLS; i++) {
        pid_t subscriber = test_child(read_for_ever, run);
        uint64_t before = count_of(&run->read);
        if (dice_roll(&dice, 4))
            test_until(count_of(&run->read) > before);
        a_while(&dice);
        test_kill(subscriber);
        before = count_of(&run->published[0]);
        test_until(count_of(&run->published[0]) > before + 64);
    }
    __atomic_store_n(&run->over, 1, __ATOMIC_RELEASE);
    check_is(test_end(steady), 0);
    test_kill(publisher);
}

static void killed_subscribers_hold_up_nobody(void **state)
{
    (void)state;
    kill_subscribers(KIN_TOPIC_BLOCK);
}

static void killed_subscribers_of_a_topic_that_drops_hold_up_nobody(void **state)
{
    (void)state;
    kill_subscribers(KIN_TOPIC_DROP_OLDEST);
}

static int count_death(void *context, const struct kin_death *death)
{
    if (death->kind == KIN_KIND_TOPIC && test_contains(death->held, "a subscriber"))
        ++*(unsigned *)context;
    return 0;
}

static int subscribe_and_wait(void *context)
{
    struct run *run = context;
    kin_topic *topic = topic_of(32, LETTER_MOST, run->policy);
    return next_number(subscriber_of(topic, KIN_FROM_NOW, 0), SOON, NULL) < 0;
}

static void clean_strikes_off_the_dead(void **state)
{
    (void)state;
    unsigned deaths = 0;
    struct kin_topic_status status;
    struct run *run = test_shared(sizeof *run);
    kin_topic *topic = topic_of(32, LETTER_MOST, run->policy);
    pid_t child = test_child(subscribe_and_wait, run);
    test_asleep(child);
    check_is(kin_topic_status(topic, &status), 0);
    check_is(status.subscribers, 1);
    test_kill(child);
    check(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) > 0);
    check_is(kin_domain_each_death(NULL, 0, count_death, &deaths), 0);
    check_is(deaths, 1);
    check_is(kin_topic_status(topic, &status), 0);
    check_is(status.subscribers, 0);
    kin_topic_close(topic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(killed_publishers_leave_a_prefix),
        TEST(killed_subscribers_hold_up_nobody),
        TEST(killed_subscribers_of_a_topic_that_drops_hold_up_nobody),
        TEST(clean_strikes_off_the_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
