/* A lock as a descriptor. */
#include "accounts.h"
#include <errno.h>
#include <poll.h>

static bool is_readable(int fd, int milliseconds)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int result;
    while ((result = poll(&ready, 1, milliseconds)) < 0 && errno == EINTR)
        continue;
    return result == 1;
}

static void a_lock_is_readable_when_it_may_be_had(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    kin_lock *lock = &account_of(segment)->lock;
    int fd = kin_lock_fd(segment, lock);
    check(fd >= 0 && is_readable(fd, 0));
    check_is(kin_lock_fd(segment, lock), fd);
    check_is(kin_lock_acquire(segment, lock, KIN_NOW), 0);
    check_is(kin_lock_clear(segment, lock), 0);
    check_is(kin_lock_release(segment, lock), 0);
    check(is_readable(fd, 0)); /* the release rang before it returned */
    check_is(kin_lock_clear(segment, lock), 0);
    check(is_readable(fd, 0)); /* it is still free */
    kin_segment_close(segment);
}

static void each_lock_of_a_segment_has_its_own(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    kin_lock *locks = account_of(segment)->others;
    int fds[LOCKS];
    for (unsigned i = 0; i < LOCKS; i++) {
        check_is(i < 16 ? kin_lock_acquire(segment, &locks[i], KIN_NOW) : 0, 0);
        fds[i] = kin_lock_fd(segment, &locks[i]);
        check(fds[i] >= 0);
        check_is(kin_lock_clear(segment, &locks[i]), 0);
    }
    check_is(kin_lock_release(segment, &locks[7]), 0);
    check(is_readable(fds[7], 0));
    for (unsigned i = 0; i < 16; i++)
        if (i != 7)
            check_is(kin_lock_release(segment, &locks[i]), 0);
    kin_segment_close(segment);
}

static void what_is_no_lock_cannot_be_polled(void **state)
{
    (void)state;
    kin_segment *segment = accounts_open();
    kin_lock stray = {0};
    check_refused(kin_lock_fd(segment, &stray), -EINVAL, "not inside the segment");
    check_refused(kin_lock_fd(segment, (kin_lock *)&account_of(segment)->balance), -EBADMSG, "no lock");
    check_refused(kin_lock_clear(segment, &account_of(segment)->lock), -EINVAL, "kin_lock_fd");
    kin_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lock_is_readable_when_it_may_be_had),
        TEST(each_lock_of_a_segment_has_its_own),
        TEST(what_is_no_lock_cannot_be_polled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
