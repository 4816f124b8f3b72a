/* Ends, counts, deadlines, records, sizes. */
#include "old.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <kin/pipe.h>
#include <kin/process.h>

#define MS INT64_C(1000000)

static struct kin_pipe fresh(void)
{
    struct kin_pipe pipe;
    check_is(kin_pipe_open(NULL, &pipe), 0);
    return pipe;
}

static void fill(int writer)
{
    static char block[1 << 16];
    ssize_t result;
    while ((result = kin_pipe_write(writer, block, sizeof block, KIN_NOW)) > 0)
        ;
    check_is(result, -ETIMEDOUT);
}

static void ends_are_close_on_exec_and_close_twice(void **state)
{
    (void)state;
    struct kin_pipe pair[2], pipe = fresh();
    check_is(kin_pipe_open_pair(NULL, pair), 0);
    const int all[] = {pipe.reader, pipe.writer, pair[0].reader, pair[0].writer, pair[1].reader, pair[1].writer};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check_is(fcntl(all[i], F_GETFD), FD_CLOEXEC);
    kin_pipe_close(&pair[0]), kin_pipe_close(&pair[1]);
    kin_pipe_close_end(&pipe.reader);
    check_is(pipe.reader, -1);
    kin_pipe_close(&pipe), kin_pipe_close(&pipe), kin_pipe_close(NULL), kin_pipe_close_end(NULL);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check_is(fcntl(all[i], F_GETFD), -1);
}

static void the_end_comes_with_the_last_copy(void **state)
{
    (void)state;
    struct kin_pipe pipe = fresh();
    char text[16];
    int forgotten = dup(pipe.writer);
    check_is(kin_pipe_write(pipe.writer, "last", 4, KIN_NOW), 4);
    kin_pipe_close_end(&pipe.writer);
    check_is(kin_pipe_read(pipe.reader, text, sizeof text, KIN_NOW), 4);
    check_refused(kin_pipe_read(pipe.reader, text, 1, kin_after(MS)), -ETIMEDOUT, "writers have not closed it");
    close(forgotten);
    check_is(kin_pipe_read(pipe.reader, text, 1, KIN_FOREVER), 0);
    check_is(kin_pipe_read(pipe.reader, text, 1, KIN_NOW), 0);
    kin_pipe_close(&pipe);
}

static int keep_deadlines(void *context)
{
    struct kin_pipe pipe = fresh();
    struct timespec past = {1, 0};
    char text[16];
    int flags = fcntl(pipe.writer, F_GETFL);
    (void)context;
    check_is(kin_pipe_read(pipe.reader, text, 1, KIN_NOW), -ETIMEDOUT);
    check_is(kin_pipe_read(pipe.reader, text, 1, kin_after(MS)), -ETIMEDOUT);
    check_is(kin_pipe_read(pipe.reader, text, 1, kin_at(&past)), -ETIMEDOUT);
    fill(pipe.writer);
    check_refused(kin_pipe_write(pipe.writer, "x", 1, kin_after(MS)), -ETIMEDOUT, "reader does not read");
    check_is(kin_pipe_write_record(pipe.writer, "x", 1, kin_after(MS)), -ETIMEDOUT);
    check_is(fcntl(pipe.writer, F_GETFL), flags);
    check_is(fcntl(pipe.reader, F_GETFL) & O_NONBLOCK, 0);
    kin_pipe_close(&pipe);
    return 0;
}

static void deadlines_hold_on_a_blocking_pipe(void **state)
{
    (void)state;
    in_old_and_new(keep_deadlines, NULL);
}

/* What the deadline cuts short, and what the end cuts short, is told by the count, then by the next call. */
static int count_bytes(void *context)
{
    struct kin_pipe pipe = fresh();
    static char block[1 << 17], back[sizeof block];
    (void)context;
    int room = kin_pipe_size(pipe.writer);
    check_is(kin_pipe_write(pipe.writer, block, sizeof block, kin_after(MS)), room);
    check_is(kin_pipe_write(pipe.writer, block, sizeof block, kin_after(MS)), -ETIMEDOUT);
    check_is(kin_pipe_read_all(pipe.reader, back, sizeof back, kin_after(MS)), room);
    check_is(kin_pipe_read_all(pipe.reader, back, sizeof back, kin_after(MS)), -ETIMEDOUT);
    check_is(kin_pipe_write(pipe.writer, "abc", 3, KIN_FOREVER), 3);
    kin_pipe_close_end(&pipe.writer);
    check_is(kin_pipe_read_all(pipe.reader, back, 2, KIN_FOREVER), 2);
    check_is(kin_pipe_read_all(pipe.reader, back, sizeof back, KIN_FOREVER), 1);
    check_is(back[0], 'c');
    check_is(kin_pipe_read_all(pipe.reader, back, sizeof back, KIN_FOREVER), 0);
    kin_pipe_close(&pipe);
    return 0;
}

static void counts_tell_what_was_moved(void **state)
{
    (void)state;
    in_old_and_new(count_bytes, NULL);
}

/* Whoever shares the open file may have made it non-blocking: the calls wait all the same. */
static int write_slowly(void *context)
{
    const struct kin_pipe *pipe = context;
    static char block[1 << 18];
    memset(block, 'b', sizeof block);
    check_is(kin_pipe_write(pipe->writer, block, sizeof block, KIN_FOREVER), sizeof block);
    return 0;
}

static void a_nonblocking_end_waits_too(void **state)
{
    (void)state;
    struct kin_pipe pipe = fresh();
    static char back[1 << 18];
    check_is(fcntl(pipe.writer, F_SETFL, O_NONBLOCK), 0);
    check_is(fcntl(pipe.reader, F_SETFL, O_NONBLOCK), 0);
    pid_t writer = test_child(write_slowly, &pipe);
    check_is(kin_pipe_read_all(pipe.reader, back, sizeof back, KIN_FOREVER), sizeof back);
    check_is(back[sizeof back - 1], 'b');
    check_is(test_end(writer), 0);
    kin_pipe_close(&pipe);
}

static int *interrupted;

static void on_signal(int signal)
{
    (void)signal;
    ++*(volatile int *)interrupted;
}

static int wait_through_a_signal(void *context)
{
    const struct kin_pipe *pipe = context;
    struct sigaction action = {.sa_handler = on_signal};
    char byte;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    check_is(kin_pipe_read(pipe->reader, &byte, 1, KIN_FOREVER), 1);
    check_is(kin_pipe_read(pipe->reader, &byte, 1, kin_after(TEST_HANG * INT64_C(1000000000))), 1);
    return 0;
}

static void a_signal_does_not_end_a_wait(void **state)
{
    (void)state;
    struct kin_pipe pipe = fresh();
    interrupted = test_shared(sizeof *interrupted);
    pid_t child = test_child(wait_through_a_signal, &pipe);
    for (int i = 1; i <= 5; i++) {
        test_until(*(volatile int *)interrupted == i);
        check_is(kill(child, SIGUSR1), 0);
    }
    test_until(*(volatile int *)interrupted == 6);
    check_is(kin_pipe_write(pipe.writer, "1", 1, KIN_NOW), 1);
    check_is(kill(child, SIGUSR1), 0);
    test_until(*(volatile int *)interrupted == 7);
    check_is(kin_pipe_write(pipe.writer, "2", 1, KIN_NOW), 1);
    check_is(test_end(child), 0);
    kin_pipe_close(&pipe);
}

enum { WRITERS = 6, RECORDS = 300 };

struct record {
    char bytes[PIPE_BUF];
};

static int write_records(void *context)
{
    const struct kin_pipe *pipe = context;
    struct record record;
    memset(&record, 'a' + getpid() % 26, sizeof record);
    for (int i = 0; i < RECORDS; i++) {
        kin_time until = i % 2 ? KIN_FOREVER : kin_after(TEST_HANG * INT64_C(1000000000));
        check_is(kin_pipe_write_record(pipe->writer, &record, sizeof record, until), 0);
    }
    return 0;
}

static int exchange_records(void *context)
{
    struct kin_pipe pipe = fresh();
    struct record record, same;
    pid_t writers[WRITERS];
    int count = 0;
    (void)context;
    for (int i = 0; i < WRITERS; i++)
        writers[i] = test_child(write_records, &pipe);
    kin_pipe_close_end(&pipe.writer);
    for (; kin_pipe_read_all(pipe.reader, &record, sizeof record, KIN_FOREVER) == sizeof record; count++) {
        memset(&same, record.bytes[0], sizeof same);
        check(memcmp(&same, &record, sizeof record) == 0);
    }
    check_is(count, WRITERS * RECORDS);
    for (int i = 0; i < WRITERS; i++)
        check_is(test_end(writers[i]), 0);
    kin_pipe_close(&pipe);
    return 0;
}

static void records_of_many_writers_stay_whole(void **state)
{
    (void)state;
    in_old_and_new(exchange_records, NULL);
}

static void a_record_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    struct kin_pipe pipe = fresh();
    static char block[PIPE_BUF + 1];
    check_is(kin_pipe_write_record(pipe.writer, block, PIPE_BUF, KIN_NOW), 0);
    check_refused(kin_pipe_write_record(pipe.writer, block, PIPE_BUF + 1, KIN_NOW), -EMSGSIZE, "4097 bytes");
    check_is(kin_pipe_read(pipe.reader, block, sizeof block, KIN_NOW), PIPE_BUF);
    check_is(kin_pipe_read(pipe.reader, block, sizeof block, KIN_NOW), -ETIMEDOUT);
    kin_pipe_close(&pipe);
}

static int hold(void *context)
{
    (void)context;
    for (;;)
        pause();
    return 0;
}

static int read_to_the_end(void *context)
{
    const struct kin_pipe *pipe = context;
    char byte;
    check_is(close(pipe->writer), 0);
    check_is(kin_pipe_read(pipe->reader, &byte, 1, KIN_FOREVER), 0);
    return 0;
}

/* Blocked in the pipe, both ways, when the other one is killed. */
static void a_killed_peer_is_an_end(void **state)
{
    (void)state;
    struct kin_pipe there = fresh(), back = fresh();
    pid_t writer = test_child(hold, &there), reader = test_child(read_to_the_end, &there);
    kin_pipe_close_end(&there.writer);
    test_kill(writer);
    check_is(test_end(reader), 0);

    pid_t holder = test_child(hold, &back);
    kin_pipe_close_end(&back.reader);
    fill(back.writer);
    test_kill(holder);
    check_refused(kin_pipe_write(back.writer, "x", 1, KIN_FOREVER), -EPIPE, "nobody reads");
    kin_pipe_close(&there), kin_pipe_close(&back);
}

struct blocked {
    struct kin_pipe pipe;
    kin_time until;
    volatile int *writes;
};

static int write_too_much(void *context)
{
    const struct blocked *blocked = context;
    static char block[1 << 20];
    close(blocked->pipe.reader);
    *blocked->writes = 1;
    check(kin_pipe_write(blocked->pipe.writer, block, sizeof block, blocked->until) < (ssize_t)sizeof block);
    check_is(kin_pipe_write(blocked->pipe.writer, block, 1, blocked->until), -EPIPE);
    return 0;
}

/* The writer has filled the pipe, or soon will have, when the only reader is killed. */
static int block_and_kill(void *context)
{
    static const kin_time long_time = TEST_HANG * INT64_C(1000000000);
    (void)context;
    for (int i = 0; i < 8; i++) {
        struct blocked blocked = {fresh(), i % 2 ? KIN_FOREVER : kin_after(long_time), test_shared(sizeof(int))};
        pid_t holder = test_child(hold, NULL), writer = test_child(write_too_much, &blocked);
        kin_pipe_close(&blocked.pipe);
        test_until(*blocked.writes);
        test_kill(holder);
        check_is(test_end(writer), 0);
    }
    return 0;
}

static void a_blocked_writer_learns_of_a_death(void **state)
{
    (void)state;
    in_old_and_new(block_and_kill, NULL);
}

static int as_nobody(void *context)
{
    struct kin_pipe *pipe = context, refused = {-7, -7};
    check_is(setresuid(65534, 65534, 65534), 0);
    check_refused(kin_pipe_set_size(pipe->writer, 1 << 30), -EPERM, "pipe-max-size");
    check_refused(kin_pipe_open(KIN_PIPE(.bytes = 1 << 30), &refused), -EPERM, "1073741824 bytes");
    check_is(refused.reader, -7);
    return 0;
}

static void sizes_are_set_and_their_limit_is_told(void **state)
{
    (void)state;
    struct kin_pipe pipe = fresh(), small;
    int file = open("/dev/null", O_RDWR | O_CLOEXEC);
    check_is(kin_pipe_size(pipe.reader), 65536);
    check_is(kin_pipe_set_size(pipe.reader, 100000), 131072);
    check_is(kin_pipe_size(pipe.writer), 131072);
    fill(pipe.writer);
    check_refused(kin_pipe_set_size(pipe.writer, 4096), -EBUSY, "read some first");
    check_refused(kin_pipe_set_size(pipe.writer, SIZE_MAX), -EPERM, "pipe-max-size");
    check_refused(kin_pipe_size(file), -EBADF, "no pipe");
    check_refused(kin_pipe_set_size(file, 1), -EBADF, "no pipe");
    check_is(kin_pipe_open(KIN_PIPE(.bytes = 1), &small), 0);
    check_is(kin_pipe_size(small.writer), sysconf(_SC_PAGESIZE));
    check_is(kin_pipe_write_record(small.writer, (char[PIPE_BUF]){0}, PIPE_BUF, KIN_NOW), 0);
    check_is(kin_pipe_write_record(small.writer, "x", 1, KIN_NOW), -ETIMEDOUT);
    if (geteuid() == 0)
        check_is(test_end(test_child(as_nobody, &pipe)), 0);
    close(file), kin_pipe_close(&pipe), kin_pipe_close(&small);
}

static void wrong_descriptors_are_told(void **state)
{
    (void)state;
    struct kin_pipe pipe = fresh();
    char byte = 0;
    check_refused(kin_pipe_read(pipe.writer, &byte, 1, KIN_NOW), -EBADF, "ends of a pipe exchanged");
    check_refused(kin_pipe_write(pipe.reader, &byte, 1, KIN_FOREVER), -EBADF, "not open for writing");
    check_refused(kin_pipe_write(-1, &byte, 1, KIN_FOREVER), -EBADF, "descriptor -1 is not open");
    check_refused(kin_pipe_read(999, &byte, 1, KIN_FOREVER), -EBADF, "descriptor 999 is not open");
    check_refused(kin_pipe_write(pipe.writer, NULL, 1, KIN_FOREVER), -EFAULT, "cannot write");
    check_refused(kin_pipe_write_record(pipe.reader, &byte, 1, KIN_NOW), -EBADF, "not open for writing");
    kin_pipe_close(&pipe);
}

static void without_a_free_number_there_is_no_pipe(void **state)
{
    (void)state;
    struct rlimit before, none;
    struct kin_pipe pipe = {-7, -7}, pair[2] = {{-7, -7}, {-7, -7}};
    int lowest = dup(0);
    close(lowest);
    check_is(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (int room = 0; room < 4; room++) {
        none = (struct rlimit){(rlim_t)(lowest + room), before.rlim_max};
        check_is(setrlimit(RLIMIT_NOFILE, &none), 0);
        check_refused(kin_pipe_open_pair(NULL, pair), -EMFILE, "cannot make a pipe");
        if (room < 2)
            check_is(kin_pipe_open(NULL, &pipe), -EMFILE);
    }
    check_is(setrlimit(RLIMIT_NOFILE, &before), 0);
    check_is(pipe.reader, -7);
    check_is(pair[0].reader, -7);
    check_is(dup(0), lowest);
    close(lowest);
}

/* The text's example: the child answers in capitals, and ends when we have closed our end. */
static int answer_in_capitals(void *context)
{
    const struct kin_pipe *end = context;
    char text[64];
    ssize_t length;
    while ((length = kin_pipe_read(end->reader, text, sizeof text, KIN_FOREVER)) > 0) {
        for (ssize_t i = 0; i < length; i++)
            text[i] = (char)toupper(text[i]);
        check_is(kin_pipe_write(end->writer, text, (size_t)length, KIN_FOREVER), length);
    }
    return (int)length;
}

static void two_ways_end_one_by_one(void **state)
{
    (void)state;
    struct kin_pipe ends[2];
    kin_process *child;
    struct kin_exit how;
    char text[64] = "";
    check_is(kin_pipe_open_pair(NULL, ends), 0);
    const struct kin_fd_map fds[] = {{ends[1].reader, ends[1].reader}, {ends[1].writer, ends[1].writer}};
    check_is(kin_process_fork(answer_in_capitals, &ends[1], KIN_SPAWN(.fds = fds, .fd_count = 2), &child), 0);
    kin_pipe_close(&ends[1]);
    check_is(kin_pipe_write(ends[0].writer, "is anybody there?", 17, KIN_FOREVER), 17);
    kin_pipe_close_end(&ends[0].writer);
    check_is(kin_pipe_read_all(ends[0].reader, text, sizeof text, KIN_FOREVER), 17);
    check(strcmp(text, "IS ANYBODY THERE?") == 0);
    check_is(kin_process_wait(child, 0, KIN_FOREVER, &how), 0);
    check_is(how.status, 0);
    kin_process_close(child);
    kin_pipe_close(&ends[0]);
}

static int use_a_file(void *context)
{
    char path[256], text[16];
    snprintf(path, sizeof path, "%s/file", (const char *)context);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check_is(kin_pipe_write(file, "on disk", 7, KIN_NOW), 7);
    check_is(lseek(file, 0, SEEK_SET), 0);
    check_is(kin_pipe_read_all(file, text, sizeof text, KIN_NOW), 7);
    check_is(kin_pipe_read(file, text, sizeof text, KIN_NOW), 0);
    check_refused(kin_pipe_write(open("/dev/full", O_WRONLY | O_CLOEXEC), "x", 1, KIN_NOW), -ENOSPC, "No space");
    close(file);
    return 0;
}

static void files_do_as_well(void **state)
{
    in_old_and_new(use_a_file, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ends_are_close_on_exec_and_close_twice),
        TEST(the_end_comes_with_the_last_copy),
        TEST(deadlines_hold_on_a_blocking_pipe),
        TEST(counts_tell_what_was_moved),
        TEST(a_nonblocking_end_waits_too),
        TEST(a_signal_does_not_end_a_wait),
        TEST(records_of_many_writers_stay_whole),
        TEST(a_record_beyond_the_limit_is_refused),
        TEST(a_killed_peer_is_an_end),
        TEST(a_blocked_writer_learns_of_a_death),
        TEST(sizes_are_set_and_their_limit_is_told),
        TEST(wrong_descriptors_are_told),
        TEST(without_a_free_number_there_is_no_pipe),
        TEST(two_ways_end_one_by_one),
        TEST(files_do_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
