/* What the tests of all rooms share: a fresh domain, children with a hang detector, checks.
 *
 *     static int child(void *context) { check_is(kin_queue_send(context, "x", 1, NULL, KIN_NOW), 0); return 0; }
 *
 *     static void a_message_outlives_its_sender(void **state)
 *     {
 *         ...
 *         check_is(test_end(test_child(child, queue)), 0);
 *     }
 *
 *     int main(void)
 *     {
 *         const struct CMUnitTest tests[] = {TEST(a_message_outlives_its_sender)};
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     }
 *
 * One group a program: the runner reads one TAP plan from each. Nothing here sleeps for a set time or limits how long
 * the right thing may take; what takes TEST_HANG seconds is called a hang. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <cmocka.h>
#include <kin/base.h>

#define TEST_HANG 60

/* The fixture. Before: a fresh empty directory below /dev/shm; *state is its path, KIN_DOMAIN names it. After: the
 * directory is removed, children that still run are killed, test_shared() memory is unmapped. */
int test_domain(void **state);
int test_domain_end(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_domain, test_domain_end)

/* Checks that hold in the test, in its threads and in its children. A failure prints file, line and what was found, and
 * ends the test; in a child, the child; in another thread, the program. */
#define check(condition) ((condition) ? (void)0 : test_failed(__FILE__, __LINE__, "%s", #condition))
/* Two integers. When a negative errno was found where another result was wanted, kin_reason() is shown too. */
#define check_is(expression, expected)                                                                                 \
    do {                                                                                                               \
        long long found_ = (long long)(expression), wanted_ = (long long)(expected);                                   \
        if (found_ != wanted_)                                                                                         \
            test_failed(__FILE__, __LINE__, "%s is %lld, not %lld (%s)", #expression, found_, wanted_,                 \
                        found_ < 0 ? kin_reason() : #expected);                                                        \
    } while (0)
/* A call of kin that must fail, and whose sentence must contain `words`. */
#define check_refused(expression, expected, words)                                                                     \
    do {                                                                                                               \
        check_is(expression, expected);                                                                                \
        if (!test_contains(kin_reason(), words))                                                                       \
            test_failed(__FILE__, __LINE__, "the sentence \"%s\" lacks \"%s\"", kin_reason(), words);                  \
    } while (0)
void test_failed(const char *file, int line, const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));
bool test_contains(const char *text, const char *words);

/* Ends this test as skipped. Say what is missing on this machine: "no ptrace here". */
#define test_skip(...)                                                                                                 \
    do {                                                                                                               \
        test_skip_reason(__VA_ARGS__);                                                                                 \
        skip();                                                                                                        \
    } while (0)
void test_skip_reason(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Forks a child that runs the function and exits with its result. It is killed when this thread ends. */
pid_t test_child(int (*run)(void *context), void *context);
/* Waits for its end: the exit status, or minus the signal. A hang fails the test and says where the child stands. */
int test_end(pid_t child);

/* From now on membarrier(2) fails in this process. False: it cannot be forbidden here. */
bool test_forbid_membarrier(void);
/* Kills it by SIGKILL and waits for its end. */
void test_kill(pid_t child);
/* Returns when the thread (a child's pid, or a TID of this process) sleeps in a futex call. */
void test_asleep(pid_t thread);

/* Zeroed memory shared with the children, for the test's own flags and counts. */
void *test_shared(size_t size);

/* Waits until a condition that others bring about is true. */
#define test_until(condition)                                                                                          \
    for (kin_time hang_ = kin_after(TEST_HANG * INT64_C(1000000000)); !(condition);)                                   \
    test_pause(hang_, __FILE__, __LINE__, #condition)
void test_pause(kin_time hang, const char *file, int line, const char *condition);

#endif
