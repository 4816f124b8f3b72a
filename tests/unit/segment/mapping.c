/* Files as memory. */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <kin/mapping.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char path[200];

static const char *make_file(void **state, size_t bytes)
{
    char data[20000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i % 251);
    snprintf(path, sizeof path, "%s/file", (char *)*state);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    check_is(write(fd, data, bytes), (ssize_t)bytes);
    close(fd);
    return path;
}

static kin_mapping *map(const struct kin_mapping_options *options)
{
    kin_mapping *mapping;
    check_is(kin_mapping_open(path, options, &mapping), 0);
    return mapping;
}

static int byte_of_file(off_t at)
{
    unsigned char byte;
    int fd = open(path, O_RDONLY);
    check_is(pread(fd, &byte, 1, at), 1);
    close(fd);
    return byte;
}

static void any_part_is_mapped(void **state)
{
    make_file(state, 20000);
    kin_mapping *all = map(NULL), *part = map(KIN_MAPPING(.offset = 5001, .bytes = 9000));
    check_is(kin_mapping_bytes(all), 20000);
    check_is(kin_mapping_bytes(part), 9000);
    check(memcmp((char *)kin_mapping_data(all) + 5001, kin_mapping_data(part), 9000) == 0);
    check_is(kin_mapping_write(part, 0, "x", 1), -EROFS);
    kin_mapping *other;
    check_refused(kin_mapping_open(path, KIN_MAPPING(.offset = 20000), &other), -ENODATA, "20000 bytes");
    check_refused(kin_mapping_open(path, KIN_MAPPING(.bytes = 20001), &other), -ENODATA, "KIN_MAPPING_EXTEND");
    check_is(kin_mapping_open(path, KIN_MAPPING(.offset = UINT64_MAX, .bytes = 2), &other), -ENODATA);
    check_is(kin_mapping_open("/no/such", NULL, &other), -ENOENT);
    check_is(kin_mapping_open_fd(-1, NULL, &other), -EBADF);
    kin_mapping_close(part);
    kin_mapping_close(all);
    kin_mapping_close(NULL);
}

static void shared_goes_to_the_file_and_private_does_not(void **state)
{
    make_file(state, 20000);
    kin_mapping *shared = map(KIN_MAPPING(.flags = KIN_MAPPING_WRITE)),
                *private = map(KIN_MAPPING(.flags = KIN_MAPPING_WRITE | KIN_MAPPING_PRIVATE));
    ((char *)kin_mapping_data(shared))[100] = 'S';
    ((char *)kin_mapping_data(private))[200] = 'P';
    check_is(kin_mapping_sync(shared, 50, 100), 0);
    check_is(byte_of_file(100), 'S');
    check_is(byte_of_file(200), 200);
    char byte;
    check_is(kin_mapping_read(private, 200, &byte, 1), 0);
    check_is(byte, 'P');
    for (int advice = KIN_ADVICE_NORMAL; advice <= KIN_ADVICE_WILL_NEED; advice++)
        check_is(kin_mapping_advise(shared, 1, 9000, advice), 0);
    check_is(kin_mapping_advise(private, 0, 0, KIN_ADVICE_DONT_NEED), 0);
    check_is(*((unsigned char *)kin_mapping_data(private) + 200), 200);
    check_is(kin_mapping_advise(shared, 0, 20001, KIN_ADVICE_NORMAL), -ERANGE);
    check_is(kin_mapping_advise(shared, 0, 1, 99), -EINVAL);
    kin_mapping_close(private);
    kin_mapping_close(shared);
}

static int touch(void *context)
{
    return *(volatile char *)context;
}

static void what_was_cut_off_is_an_error(void **state)
{
    make_file(state, 20000);
    kin_mapping *mapping = map(KIN_MAPPING(.flags = KIN_MAPPING_WRITE));
    char buffer[20000];
    check_is(truncate(path, 9000), 0);
    check_is(kin_mapping_read(mapping, 0, buffer, 9000), 0);
    check_refused(kin_mapping_read(mapping, 0, buffer, 20000), -EIO, "byte 12288");
    check_refused(kin_mapping_write(mapping, 15000, buffer, 1), -EIO, "cut off");
    check_is(kin_mapping_read(mapping, 20000, buffer, 1), -ERANGE);
    check_is(test_end(test_child(touch, (char *)kin_mapping_data(mapping) + 15000)), -SIGBUS); /* the trap */
    kin_mapping_close(mapping);
}

static void a_file_is_made_long_enough(void **state)
{
    snprintf(path, sizeof path, "%s/new", (char *)*state);
    kin_mapping *mapping =
        map(KIN_MAPPING(.flags = KIN_MAPPING_WRITE | KIN_MAPPING_EXTEND, .offset = 100, .bytes = 9000));
    strcpy((char *)kin_mapping_data(mapping) + 8000, "word");
    check_is(byte_of_file(8100), 'w');
    check_is(byte_of_file(9099), 0);
    kin_mapping_close(mapping);
}

static void it_lies_where_it_is_told_if_that_is_free(void **state)
{
    make_file(state, 20000);
    char *address = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check_is(munmap(address, 1 << 20), 0);
    kin_mapping *mapping = map(KIN_MAPPING(.offset = 10, .address = address)), *other;
    check(kin_mapping_data(mapping) == address + 10 && *(char *)kin_mapping_data(mapping) == 10);
    check_refused(kin_mapping_open(path, KIN_MAPPING(.address = address), &other), -EEXIST, "lies there");
    check_is(kin_mapping_open(path, KIN_MAPPING(.address = address + 1), &other), -EINVAL);
    check_is(kin_mapping_move(mapping, address), -EEXIST);
    check_is(kin_mapping_move(mapping, NULL), 0);
    check(kin_mapping_data(mapping) != address + 10 && *(char *)kin_mapping_data(mapping) == 10);
    check_is(kin_mapping_pin(mapping), 0);
    kin_mapping_close(mapping);
}

static void a_descriptor_can_be_closed_behind_it(void **state)
{
    make_file(state, 20000);
    kin_mapping *mapping, *none;
    int fd = open(path, O_RDONLY);
    check_is(kin_mapping_open_fd(fd, NULL, &mapping), 0);
    check_refused(kin_mapping_open_fd(fd, KIN_MAPPING(.flags = KIN_MAPPING_WRITE), &none), -EACCES, "reading");
    close(fd);
    check_is(((char *)kin_mapping_data(mapping))[5], 5);
    kin_mapping_close(mapping);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_part_is_mapped),
        TEST(shared_goes_to_the_file_and_private_does_not),
        TEST(what_was_cut_off_is_an_error),
        TEST(a_file_is_made_long_enough),
        TEST(it_lies_where_it_is_told_if_that_is_free),
        TEST(a_descriptor_can_be_closed_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
