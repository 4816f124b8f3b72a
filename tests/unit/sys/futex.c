/* Sleeping on several words, and on one where the kernel cannot do better. */
#include "support.h"
#include "sys/futex.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#define LONG (TEST_HANG * INT64_C(1000000000))

struct sleep {
    uint32_t words[3];
    unsigned count;
    int64_t span;
};

static int sleep_on(void *context)
{
    struct sleep *sleep = context;
    struct futex_word words[3];
    for (unsigned i = 0; i < 3; i++)
        words[i] = (struct futex_word){&sleep->words[i], 0};
    int result = futex_sleep(words, sleep->count, sleep->span);
    return result < 0 ? 100 - result : result;
}

static struct sleep *sleep_of(unsigned count, int64_t span)
{
    struct sleep *sleep = test_shared(sizeof *sleep);
    sleep->count = count;
    sleep->span = span;
    return sleep;
}

static void need_waitv(void)
{
    if (!futex_has_waitv())
        test_skip("no futex_waitv here");
}

static void each_word_wakes_and_is_told(void **state)
{
    (void)state;
    need_waitv();
    struct sleep *sleep = sleep_of(3, LONG);
    for (int i = 0; i < 3; i++) {
        pid_t child = test_child(sleep_on, sleep);
        test_asleep(child);
        check_is(futex_wake(&sleep->words[i], FUTEX_ALL), 1);
        check_is(test_end(child), i);
    }
}

static void no_sleep_on_a_changed_word(void **state)
{
    (void)state;
    need_waitv();
    for (unsigned i = 0; i < 3; i++) {
        struct sleep *sleep = sleep_of(3, LONG);
        sleep->words[i] = 1;
        check_is(sleep_on(sleep), 100 + EAGAIN);
    }
}

static void a_sleep_ends_in_time(void **state)
{
    (void)state;
    struct sleep *sleep = sleep_of(3, 1000000);
    kin_time end = kin_after(1000000);
    check_is(sleep_on(sleep), 100 + ETIMEDOUT);
    check(kin_after(1) > end);
    sleep->span = 0;
    check_is(sleep_on(sleep), 100 + ETIMEDOUT);
    sleep->span = -5;
    check_is(sleep_on(sleep), 100 + ETIMEDOUT);
}

static int sleep_blind(void *context)
{
    setenv("KIN_FALLBACK", "1", 1);
    check(!futex_has_waitv());
    return sleep_on(context);
}

static void a_blind_sleep_is_on_the_first_word_and_short(void **state)
{
    (void)state;
    if (!getenv("KIN_FALLBACK"))
        test_skip("KIN_FALLBACK is not set: asked once a process, it cannot be changed now");
    struct sleep *sleep = sleep_of(3, LONG);
    check_is(test_end(test_child(sleep_blind, sleep)), 100 + ETIMEDOUT); /* at its own end, not at LONG */
    sleep->words[1] = 1;                                                 /* not looked at */
    check_is(test_end(test_child(sleep_blind, sleep)), 100 + ETIMEDOUT);
    sleep->words[0] = 1;
    check_is(test_end(test_child(sleep_blind, sleep)), 100 + EAGAIN);
}

static void waking_nobody(void **state)
{
    (void)state;
    uint32_t word = 0;
    check_is(futex_wake(&word, FUTEX_ALL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_word_wakes_and_is_told),
        TEST(no_sleep_on_a_changed_word),
        TEST(a_sleep_ends_in_time),
        TEST(a_blind_sleep_is_on_the_first_word_and_short),
        TEST(waking_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
