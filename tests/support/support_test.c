/* The support itself: what other tests rely on must be seen to fail as well as to pass. */
#include "support.h"
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint32_t *word;

static int return_number(void *context)
{
    return *(int *)context;
}

static int fail_a_check(void *context)
{
    (void)context;
    check(freopen("/dev/null", "w", stderr) != NULL);
    check_is(1 + 1, 3);
    return 0;
}

static int crash(void *context)
{
    raise(SIGSEGV);
    return *(int *)context;
}

static int sleep_on_word(void *context)
{
    (void)context;
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
    return 0;
}

static void a_fresh_domain_is_an_empty_directory(void **state)
{
    struct stat about;
    check_is(stat(*state, &about), 0);
    check(S_ISDIR(about.st_mode));
    check_is(about.st_mode & 0777, 0700);
    check(strcmp(*state, getenv("KIN_DOMAIN")) == 0);
    check_is(rmdir(*state), 0);
}

static void the_end_of_a_child_is_told(void **state)
{
    (void)state;
    int number = 7;
    check_is(test_end(test_child(return_number, &number)), 7);
}

static void a_failed_check_ends_the_child_alone(void **state)
{
    (void)state;
    check_is(test_end(test_child(fail_a_check, NULL)), 97);
}

static void a_crash_ends_the_child_alone(void **state)
{
    (void)state;
    int number = 0;
    check_is(test_end(test_child(crash, &number)), -SIGSEGV);
}

static void a_sleeper_is_seen_asleep_and_woken(void **state)
{
    (void)state;
    word = test_shared(sizeof *word);
    pid_t child = test_child(sleep_on_word, NULL);
    test_asleep(child);
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    check_is(syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
    check_is(test_end(child), 0);
}

static void a_child_that_is_left_is_killed(void **state)
{
    void *inner;
    word = test_shared(sizeof *word);
    pid_t child = test_child(sleep_on_word, NULL);
    check_is(test_domain_end(state), 0);
    check_is(kill(child, 0), -1);
    check_is(errno, ESRCH);
    check_is(test_domain(&inner), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fresh_domain_is_an_empty_directory),  TEST(the_end_of_a_child_is_told),
        TEST(a_failed_check_ends_the_child_alone),   TEST(a_crash_ends_the_child_alone),
        TEST(a_sleeper_is_seen_asleep_and_woken),    TEST(a_child_that_is_left_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
