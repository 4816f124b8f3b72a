/* Who holds a lock: found by the descriptors that processes have open, whoever took it. */
#include "lockfile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHARED KIN_FILELOCK_SHARED
#define FLOCK KIN_FILELOCK_FLOCK
#define POSIX KIN_FILELOCK_POSIX

int flock(int fd, int operation); /* <sys/file.h> is hidden by a header of our own */

struct found {
    struct kin_filelock_holder holders[16];
    int count;
};

static int keep(void *context, const struct kin_filelock_holder *holder)
{
    struct found *found = context;
    check(found->count < 16);
    found->holders[found->count++] = *holder;
    return 0;
}

static struct found holders_of(void **state, unsigned flags, uint64_t offset, uint64_t length)
{
    struct found found = {.count = 0};
    int fd = lockfile_open(state, flags);
    check_is(kin_filelock_each_holder(
                 fd, KIN_FILELOCK(.flags = flags, .offset = offset, .length = length), keep, &found), 0);
    close(fd);
    return found;
}

static const struct kin_filelock_holder *of_process(const struct found *found, pid_t pid)
{
    for (int i = 0; i < found->count; i++)
        if (found->holders[i].pid == pid)
            return &found->holders[i];
    return NULL;
}

static void check_holder(const struct kin_filelock_holder *holder, unsigned flags, uint64_t offset, uint64_t length)
{
    check(holder != NULL);
    check_is(holder->alive, 1);
    check_is(holder->flags, flags);
    check_is(holder->offset, offset);
    check_is(holder->length, length);
    check(strncmp(holder->command, "unit-stream", 11) == 0);
}

static void each_process_is_found_with_its_range(void **state)
{
    pid_t first = lockfile_holder(state, 0, 10, 5), second = lockfile_holder(state, SHARED, 100, 0);
    struct found found = holders_of(state, 0, 0, 0);
    check_is(found.count, 2);
    check_holder(of_process(&found, first), 0, 10, 5);
    check_holder(of_process(&found, second), SHARED, 100, 0);
    check_is(holders_of(state, 0, 0, 10).count, 0);
    check_is(holders_of(state, 0, 0, 11).count, 1);
    check_is(holders_of(state, 0, 15, 85).count, 0);
    check_is(holders_of(state, 0, 14, 87).count, 2);
    check_is(holders_of(state, 0, INT64_MAX, 0).count, 1);
    check_is(holders_of(state, FLOCK, 0, 0).count, 0);
    test_kill(first);
    found = holders_of(state, 0, 0, 0);
    check_is(found.count, 1);
    test_kill(second);
    check_is(holders_of(state, 0, 0, 0).count, 0);
}

/* The caller too, once, under however many numbers it has the description. */
static void all_kinds_are_told_apart(void **state)
{
    int fd = lockfile_open(state, 0), copy = dup(fd);
    struct flock posix = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 7, .l_len = 2};
    check_is(fcntl(fd, F_SETLK, &posix), 0);
    check_is(flock(fd, LOCK_SH), 0);
    check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.offset = 3, .length = 1), KIN_NOW), 0);
    struct found found = {.count = 0};
    check_is(kin_filelock_each_holder(copy, NULL, keep, &found), 0);
    check_is(found.count, 2);
    for (int i = 0; i < 2; i++)
        check_holder(&found.holders[i], found.holders[i].offset == 7 ? POSIX : 0, found.holders[i].offset == 7 ? 7 : 3,
                     found.holders[i].offset == 7 ? 2 : 1);
    found.count = 0;
    check_is(kin_filelock_each_holder(fd, KIN_FILELOCK(.flags = FLOCK), keep, &found), 0);
    check_is(found.count, 1);
    check_holder(of_process(&found, getpid()), FLOCK | SHARED, 0, 0);
    close(fd);
    close(copy);
}

static int inherit(void *context)
{
    char byte;
    return (int)read(*(int *)context, &byte, 1);
}

/* A child that took it and is dead: the kernel's list still names the dead one, the descriptors name the living. */
static void who_inherited_it_holds_it_not_who_took_it(void **state)
{
    for (unsigned kind = 0; kind <= FLOCK; kind += FLOCK) {
        int ends[2], fd = lockfile_open(state, kind);
        check_is(pipe(ends), 0);
        pid_t taker = fork();
        if (taker == 0)
            _exit(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = kind), KIN_NOW) != 0);
        check_is(test_end(taker), 0);
        pid_t heir = test_child(inherit, &ends[0]);
        struct found found = holders_of(state, kind, 0, 0);
        check_is(found.count, 2);
        check_holder(of_process(&found, heir), kind, 0, 0);
        check_holder(of_process(&found, getpid()), kind, 0, 0);
        close(fd);
        found = holders_of(state, kind, 0, 0);
        check_is(found.count, 1);
        check_holder(of_process(&found, heir), kind, 0, 0);
        test_kill(heir);
        close(ends[0]);
        close(ends[1]);
    }
}

/* Another user's processes cannot be looked into, but the kernel's list names who took the lock. */
static int look_as_nobody(void *context)
{
    int fd = *(int *)context;
    struct found found = {.count = 0};
    check(setgid(65534) == 0 && setuid(65534) == 0);
    check_is(kin_filelock_each_holder(fd, KIN_FILELOCK(.flags = FLOCK), keep, &found), 0);
    check_is(found.count, 1);
    check_is(found.holders[0].pid, getppid());
    check_is(found.holders[0].alive, 1);
    found.count = 0;
    check_is(kin_filelock_each_holder(fd, NULL, keep, &found), 0);
    check_is(found.count, 1);
    check_is(found.holders[0].pid, 0);
    check_is(found.holders[0].alive, -1);
    check_is(found.holders[0].offset, 4);
    return 0;
}

static void of_other_users_the_taker_is_told(void **state)
{
    if (geteuid() != 0)
        test_skip("needs root, to become somebody else");
    int fd = lockfile_open(state, 0), asker = lockfile_open(state, 0);
    check_is(flock(fd, LOCK_EX), 0);
    check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.offset = 4, .length = 2), KIN_NOW), 0);
    pid_t child = fork();
    if (child == 0) {
        close(fd); /* or it would hold them itself */
        _exit(look_as_nobody(&asker));
    }
    check_is(test_end(child), 0);
    close(fd);
    close(asker);
}

static int stop(void *context, const struct kin_filelock_holder *holder)
{
    check(holder->pid > 0);
    ++*(int *)context;
    return 42;
}

static void a_visitor_may_stop(void **state)
{
    int count = 0, fd = lockfile_open(state, 0);
    pid_t first = lockfile_holder(state, SHARED, 0, 0), second = lockfile_holder(state, SHARED, 0, 0);
    check_is(kin_filelock_each_holder(fd, NULL, stop, &count), 42);
    check_is(count, 1);
    test_kill(first);
    test_kill(second);
    close(fd);
    check_refused(kin_filelock_each_holder(fd, NULL, stop, &count), -EBADF, "descriptor");
    check_is(kin_filelock_each_holder(0, KIN_FILELOCK(.flags = 99), stop, &count), -EINVAL);
}

static void a_path_descriptor_will_do(void **state)
{
    char path[256];
    struct found found = {.count = 0};
    pid_t holder = lockfile_holder(state, FLOCK, 0, 0);
    snprintf(path, sizeof path, "%s/lockfile", (char *)*state);
    int fd = open(path, O_PATH | O_CLOEXEC);
    check_is(kin_filelock_each_holder(fd, KIN_FILELOCK(.flags = FLOCK), keep, &found), 0);
    check_holder(of_process(&found, holder), FLOCK, 0, 0);
    check_is(kin_filelock_each_holder(fd, NULL, keep, &found), 0);
    check_is(found.count, 1);
    close(fd);
    test_kill(holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_process_is_found_with_its_range),
        TEST(all_kinds_are_told_apart),
        TEST(who_inherited_it_holds_it_not_who_took_it),
        TEST(of_other_users_the_taker_is_told),
        TEST(a_visitor_may_stop),
        TEST(a_path_descriptor_will_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
