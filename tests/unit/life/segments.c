/* Segments: by name, without one, by descriptor; where they lie; how they grow. */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <kin/lock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN(...) KIN_SEGMENT(.bytes = 10000, __VA_ARGS__)

static kin_segment *open_segment(const char *name, const struct kin_segment_options *options)
{
    kin_segment *segment;
    check_is(kin_segment_open(NULL, name, options, &segment), 0);
    return segment;
}

static struct kin_segment_status status_of(kin_segment *segment)
{
    struct kin_segment_status status;
    check_is(kin_segment_status(segment, &status), 0);
    return status;
}

static void two_handles_share_the_bytes(void **state)
{
    (void)state;
    kin_segment *one = open_segment("s", OPEN()), *other = open_segment("s", NULL);
    char *here = kin_segment_data(one), *there = kin_segment_data(other);
    check(here != there && (uintptr_t)here % 4096 == 0);
    strcpy(here + 9000, "word");
    check(strcmp(there + 9000, "word") == 0);
    check_is(kin_segment_bytes(other), 10000);
    kin_segment_close(one);
    check(strcmp(there + 9000, "word") == 0);
    kin_segment_close(other);
    check_refused(kin_segment_open(NULL, "s", KIN_SEGMENT(.bytes = 10001), &one), -EMSGSIZE, "10001 are asked for");
    check_refused(kin_segment_open(NULL, "t", NULL, &one), -EINVAL, "no size");
    check_refused(kin_segment_open(NULL, "t", KIN_SEGMENT(.bytes = UINT64_C(1) << 50), &one), -ENOSPC, "no room");
    check_refused(kin_segment_open(NULL, "t", KIN_SEGMENT(.bytes = 1, .bytes_max = UINT64_C(1) << 50), &one), -ENOSPC,
                  "no room");
}

static int child_writes(void *context)
{
    char **data = context;
    strcpy(*data, "child");
    return 0;
}

static void a_forked_child_has_it_at_the_same_address(void **state)
{
    (void)state;
    kin_segment *segment = open_segment(NULL, OPEN());
    char *data = kin_segment_data(segment);
    check_is(test_end(test_child(child_writes, &data)), 0);
    check(strcmp(data, "child") == 0);
    kin_segment_close(segment);
}

static void memory_without_a_name_is_handed_on_by_its_descriptor(void **state)
{
    (void)state;
    kin_segment *segment = open_segment(NULL, OPEN()), *other;
    int fd = kin_segment_fd(segment);
    check(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    check(ftruncate(fd, 4096) < 0 && errno == EPERM);
    check(ftruncate(fd, 1 << 20) < 0 && errno == EPERM);
    check_is(kin_segment_open_fd(NULL, fd, NULL, &other), 0);
    strcpy(kin_segment_data(segment), "word");
    check(strcmp(kin_segment_data(other), "word") == 0);
    check_is(status_of(other).attached, 2);
    kin_segment_close(segment);
    check(strcmp(kin_segment_data(other), "word") == 0);
    kin_segment_close(other);
}

static void locks_work_without_a_name(void **state)
{
    (void)state;
    kin_segment *segment = open_segment(NULL, OPEN()), *other;
    kin_lock *lock = kin_segment_data(segment);
    check_is(kin_lock_init(segment, lock), 0);
    check_is(kin_segment_open_fd(NULL, kin_segment_fd(segment), NULL, &other), 0);
    check_is(kin_lock_acquire(segment, lock, KIN_NOW), 0);
    check_is(kin_lock_acquire(other, kin_segment_data(other), KIN_NOW), -EDEADLK);
    check_is(kin_lock_release(segment, lock), 0);
    check_is(kin_lock_acquire(other, kin_segment_data(other), KIN_FOREVER), 0);
    check_is(kin_lock_release(other, kin_segment_data(other)), 0);
    kin_segment_close(other);
    kin_segment_close(segment);
}

static void a_sole_writer_lets_others_read(void **state)
{
    (void)state;
    kin_segment *segment = open_segment(NULL, OPEN(.flags = KIN_SEGMENT_SOLE_WRITER)), *other;
    int fd = kin_segment_fd(segment);
    check_refused(kin_segment_open_fd(NULL, fd, NULL, &other), -EACCES, "KIN_SEGMENT_READ_ONLY");
    check_is(kin_segment_open_fd(NULL, fd, KIN_SEGMENT(.flags = KIN_SEGMENT_READ_ONLY), &other), 0);
    strcpy(kin_segment_data(segment), "word");
    check(strcmp(kin_segment_data(other), "word") == 0);
    check(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    kin_segment_close(other);
    kin_segment_close(segment);
}

static void what_descriptors_are_refused(void **state)
{
    (void)state;
    kin_segment *segment;
    int plain = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING), pipes[2];
    check_is(ftruncate(plain, 10000), 0);
    check_refused(kin_segment_open_fd(NULL, plain, NULL, &segment), -EPERM, "F_SEAL_SHRINK");
    check_is(fcntl(plain, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    check_refused(kin_segment_open_fd(NULL, plain, NULL, &segment), -EMEDIUMTYPE, "not an object of kin");
    check_refused(kin_segment_open_fd(NULL, 999, NULL, &segment), -EBADF, "descriptor 999");
    check_is(pipe(pipes), 0);
    check_is(kin_segment_open_fd(NULL, pipes[0], KIN_SEGMENT(.flags = KIN_SEGMENT_READ_ONLY), &segment), -EMEDIUMTYPE);
    close(pipes[0]);
    close(pipes[1]);
    close(plain);
}

static void a_descriptor_of_another_domain_is_refused(void **state)
{
    char path[200];
    kin_domain *elsewhere;
    kin_segment *segment = open_segment(NULL, OPEN()), *other;
    snprintf(path, sizeof path, "%s/elsewhere", (char *)*state);
    check_is(kin_domain_open(path, NULL, &elsewhere), 0);
    check_refused(kin_segment_open_fd(elsewhere, kin_segment_fd(segment), NULL, &other), -EPROTO, "another domain");
    kin_domain_close(elsewhere);
    kin_segment_close(segment);
}

static int write_byte(void *context)
{
    *(volatile char *)context = 1;
    return 0;
}

static void reading_only(void **state)
{
    (void)state;
    kin_segment *writer = open_segment("s", OPEN()), *reader = open_segment("s", OPEN(.flags = KIN_SEGMENT_READ_ONLY));
    strcpy(kin_segment_data(writer), "word");
    check(strcmp(kin_segment_data(reader), "word") == 0);
    check_is(test_end(test_child(write_byte, kin_segment_data(reader))), -SIGSEGV);
    check_is(kin_segment_write(reader, 0, "x", 1), -EROFS);
    check_is(kin_segment_grow(reader, 20000), -EROFS);
    check_is(kin_lock_init(writer, kin_segment_data(writer)), 0);
    check_refused(kin_lock_acquire(reader, kin_segment_data(reader), KIN_NOW), -EROFS, "reading only");
    check_is(kin_segment_move(reader, NULL), 0);
    check_is(test_end(test_child(write_byte, kin_segment_data(reader))), -SIGSEGV);
    kin_segment_close(reader);
    kin_segment_close(writer);
}

static int read_as_nobody(void *context)
{
    kin_domain *domain = context;
    kin_segment *segment;
    if (setegid(65534) < 0 || seteuid(65534) < 0)
        return 77;
    if (kin_segment_open(domain, "s", KIN_SEGMENT(.flags = KIN_MUST_EXIST), &segment) != -EACCES)
        return 1;
    if (kin_segment_open(domain, "s", KIN_SEGMENT(.flags = KIN_MUST_EXIST | KIN_SEGMENT_READ_ONLY), &segment) < 0)
        return 2;
    int result = strcmp(kin_segment_data(segment), "word") != 0;
    kin_segment_close(segment);
    return result;
}

static void permission_to_read_is_enough_to_read(void **state)
{
    char path[200];
    kin_domain *domain;
    kin_segment *segment;
    if (geteuid() != 0)
        test_skip("only root can become somebody else");
    snprintf(path, sizeof path, "%s/shared", (char *)*state);
    check_is(chmod(*state, 0755), 0);
    check_is(kin_domain_open(path, KIN_DOMAIN(.mode = 01777), &domain), 0);
    check_is(kin_segment_open(domain, "s", OPEN(.mode = 0644), &segment), 0);
    strcpy(kin_segment_data(segment), "word");
    check_is(test_end(test_child(read_as_nobody, domain)), 0);
    kin_segment_close(segment);
    kin_domain_close(domain);
}

static void machine_code_can_be_executed(void **state)
{
    (void)state;
#if defined __x86_64__ || defined __i386__
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    kin_segment *segment = open_segment(NULL, OPEN(.flags = KIN_SEGMENT_EXECUTABLE));
    memcpy(kin_segment_data(segment), code, sizeof code);
    int (*function)(void) = (int (*)(void))(uintptr_t)kin_segment_data(segment);
    check_is(function(), 42);
    kin_segment_close(segment);
#else
    test_skip("the code is for x86");
#endif
}

/* Address space that is free now. */
static char *free_address(void)
{
    char *address = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(address != MAP_FAILED && munmap(address, 1 << 20) == 0);
    return address + 65536;
}

static void an_address_is_given_if_it_is_free(void **state)
{
    (void)state;
    char *address = free_address();
    kin_segment *other, *segment = open_segment("s", OPEN(.address = address));
    check(kin_segment_data(segment) == address);
    strcpy(address, "word");
    check_refused(kin_segment_open(NULL, "s", KIN_SEGMENT(.address = address), &other), -EEXIST, "lies there");
    check_refused(kin_segment_open(NULL, "s", KIN_SEGMENT(.address = address + 100), &other), -EINVAL, "no page");
    check_refused(kin_segment_open(NULL, "s", KIN_SEGMENT(.address = (void *)4096), &other), -EINVAL, "page before");
    check(strcmp(address, "word") == 0); /* what lay there still does */
    other = open_segment("s", KIN_SEGMENT(.address = address + 65536 + 100, .flags = KIN_SEGMENT_ROUND));
    check(kin_segment_data(other) == address + 65536 && strcmp(address + 65536, "word") == 0);
    kin_segment_close(other);
    kin_segment_close(segment);
}

static void it_moves_elsewhere(void **state)
{
    (void)state;
    kin_segment *segment = open_segment("s", OPEN(.bytes_max = 100000));
    char *address = free_address(), *old = kin_segment_data(segment);
    strcpy(old, "word");
    check_is(kin_segment_move(segment, address), 0);
    check(kin_segment_data(segment) == address && strcmp(address, "word") == 0);
    check(msync(old, 4096, MS_ASYNC) < 0 && errno == ENOMEM); /* nothing lies there */
    check_is(kin_segment_move(segment, address), -EEXIST);
    check(kin_segment_data(segment) == address && strcmp(address, "word") == 0);
    check_is(kin_segment_move(segment, NULL), 0);
    check(strcmp(kin_segment_data(segment), "word") == 0);
    check_is(kin_segment_grow(segment, 100000), 0);
    ((char *)kin_segment_data(segment))[99999] = 'x';
    kin_segment_close(segment);
}

static int grow(void *context)
{
    (void)context;
    kin_segment *segment = open_segment("s", NULL);
    check_is(kin_segment_grow(segment, 3 << 20), 0);
    strcpy((char *)kin_segment_data(segment) + (2 << 20), "grown");
    kin_segment_close(segment);
    return 0;
}

static void others_reach_what_one_made_longer(void **state)
{
    (void)state;
    kin_segment *segment = open_segment("s", OPEN(.bytes_max = 3 << 20));
    char *data = kin_segment_data(segment);
    check_is(kin_segment_read(segment, 2 << 20, data, 6), -ERANGE);
    check_is(test_end(test_child(grow, NULL)), 0);
    check_is(kin_segment_bytes(segment), 3 << 20);
    check(kin_segment_data(segment) == data && strcmp(data + (2 << 20), "grown") == 0);
    check_is(kin_lock_init(segment, (kin_lock *)(void *)(data + (1 << 20))), 0);
    check_is(kin_segment_grow(segment, 5), 0);
    check_is(kin_segment_bytes(segment), 3 << 20);
    check_refused(kin_segment_grow(segment, (3 << 20) + 1), -ENOSPC, "bytes_max");
    kin_segment *other = open_segment("s", NULL);
    check(strcmp((char *)kin_segment_data(other) + (2 << 20), "grown") == 0);
    kin_segment_close(other);
    kin_segment_close(segment);
    segment = open_segment(NULL, OPEN(.bytes_max = 1 << 20));
    check_is(kin_segment_grow(segment, 1 << 20), 0);
    ((char *)kin_segment_data(segment))[(1 << 20) - 1] = 1;
    check(ftruncate(kin_segment_fd(segment), 4096) < 0);
    kin_segment_close(segment);
}

static void the_first_lock_of_a_grown_part_is_found(void **state)
{
    (void)state;
    kin_segment *segment = open_segment("s", OPEN(.bytes_max = 100000)), *other = open_segment("s", NULL);
    check_is(kin_segment_grow(segment, 50000), 0);
    check_is(kin_lock_init(segment, (kin_lock *)(void *)((char *)kin_segment_data(segment) + 40000)), 0);
    kin_lock *lock = (kin_lock *)(void *)((char *)kin_segment_data(other) + 40000);
    check_is(kin_lock_acquire(other, lock, KIN_NOW), 0); /* nothing told `other` before */
    check_is(kin_lock_release(other, lock), 0);
    kin_segment_close(other);
    kin_segment_close(segment);
}

static void no_reserve_takes_nothing_until_it_is_touched(void **state)
{
    (void)state;
    kin_segment *segment = open_segment("s", KIN_SEGMENT(.bytes = 1 << 30, .flags = KIN_SEGMENT_NO_RESERVE));
    check(status_of(segment).reserved < 1 << 20 && status_of(segment).flags == KIN_SEGMENT_NO_RESERVE);
    ((char *)kin_segment_data(segment))[1 << 29] = 1;
    check(status_of(segment).reserved < 1 << 20);
    kin_segment_close(segment);
    segment = open_segment("t", KIN_SEGMENT(.bytes = 1 << 20));
    check(status_of(segment).reserved >= 1 << 20 && status_of(segment).flags == 0);
    kin_segment_close(segment);
}

static void huge_pages_are_asked_for_and_told(void **state)
{
    (void)state;
    kin_segment *segment = open_segment("s", KIN_SEGMENT(.bytes = 8 << 20, .flags = KIN_SEGMENT_HUGE));
    uint64_t huge = status_of(segment).huge;
    kin_segment *plain = open_segment("p", KIN_SEGMENT(.bytes = 8 << 20));
    check_is(status_of(plain).huge, 0);
    check(huge % (2 << 20) == 0 && huge <= 10 << 20);
    memset(kin_segment_data(segment), 1, 8 << 20);
    kin_segment_close(plain);
    kin_segment_close(segment);
    if (!huge)
        test_skip("this kernel gives no huge pages in shared memory");
}

/* Root may pin any amount. */
static int pin_above_the_limit(void *context)
{
    struct rlimit limit = {65536, 65536};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0 || (geteuid() == 0 && seteuid(65534) < 0))
        return 77;
    check_refused(kin_segment_pin(context), -ENOMEM, "ulimit -l");
    return 0;
}

static void pinning_keeps_to_the_limit(void **state)
{
    (void)state;
    kin_segment *segment = open_segment("s", KIN_SEGMENT(.bytes = 1 << 20));
    check_is(kin_segment_pin(segment), 0);
    kin_segment_unpin(segment);
    check_is(test_end(test_child(pin_above_the_limit, segment)), 0);
    kin_segment_close(segment);
}

static void the_name_goes_at_once_and_the_memory_with_its_last_user(void **state)
{
    (void)state;
    kin_segment *segment = open_segment("s", OPEN()), *other;
    strcpy(kin_segment_data(segment), "word");
    check_is(kin_remove(NULL, "s", 0), 0); /* being attached is no reason against it */
    check_is(kin_segment_open(NULL, "s", KIN_SEGMENT(.flags = KIN_MUST_EXIST), &other), -ENOENT);
    check(strcmp(kin_segment_data(segment), "word") == 0);
    check_is(status_of(segment).attached, 1);
    other = open_segment("s", OPEN());
    check_is(*(char *)kin_segment_data(other), 0);
    kin_segment_close(other);
    kin_segment_close(segment);
}

static void a_file_that_was_cut_off_is_an_error(void **state)
{
    char path[200], byte = 1;
    kin_segment *segment = open_segment("s", OPEN());
    snprintf(path, sizeof path, "%s/s.kin", (char *)*state);
    check_is(truncate(path, 8192), 0);
    check_is(kin_segment_read(segment, 0, &byte, 1), 0);
    check_refused(kin_segment_read(segment, 9000, &byte, 1), -EIO, "cut off");
    check_refused(kin_segment_write(segment, 9000, &byte, 1), -EIO, "cut off");
    kin_segment_close(segment);
    check_refused(kin_segment_open(NULL, "s", NULL, &segment), -EBADMSG, "cut off");
}

/* In a small tmpfs, that vanishes with this process's mounts. */
static int fill_the_tmpfs(void *context)
{
    static const char bytes[4096] = {1};
    kin_segment *segment, *full;
    if (mkdir(context, 0700) < 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("none", context, "tmpfs", 0, "size=2m") < 0)
        return 77;
    setenv("KIN_DOMAIN", context, 1);
    check_is(kin_segment_open(NULL, "s", KIN_SEGMENT(.bytes = 64 << 20, .flags = KIN_SEGMENT_NO_RESERVE), &segment), 0);
    check_refused(kin_segment_open(NULL, "t", KIN_SEGMENT(.bytes = 64 << 20), &full), -ENOSPC, "enlarge the tmpfs");
    int result = 0;
    for (uint64_t at = 0; result == 0 && at < 64 << 20; at += sizeof bytes)
        result = kin_segment_write(segment, at, bytes, sizeof bytes);
    check_refused(result, -EIO, "is full");
    return 0;
}

static void a_full_tmpfs_is_an_error(void **state)
{
    char path[200];
    snprintf(path, sizeof path, "%s/small", (char *)*state);
    int result = test_end(test_child(fill_the_tmpfs, path));
    if (result == 77)
        test_skip("no tmpfs can be mounted here");
    check_is(result, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_handles_share_the_bytes),
        TEST(a_forked_child_has_it_at_the_same_address),
        TEST(memory_without_a_name_is_handed_on_by_its_descriptor),
        TEST(locks_work_without_a_name),
        TEST(a_sole_writer_lets_others_read),
        TEST(what_descriptors_are_refused),
        TEST(a_descriptor_of_another_domain_is_refused),
        TEST(reading_only),
        TEST(permission_to_read_is_enough_to_read),
        TEST(machine_code_can_be_executed),
        TEST(an_address_is_given_if_it_is_free),
        TEST(it_moves_elsewhere),
        TEST(others_reach_what_one_made_longer),
        TEST(the_first_lock_of_a_grown_part_is_found),
        TEST(no_reserve_takes_nothing_until_it_is_touched),
        TEST(huge_pages_are_asked_for_and_told),
        TEST(pinning_keeps_to_the_limit),
        TEST(the_name_goes_at_once_and_the_memory_with_its_last_user),
        TEST(a_file_that_was_cut_off_is_an_error),
        TEST(a_full_tmpfs_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
