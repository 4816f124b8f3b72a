/* splice, tee, and streams of stdio. */
#include "old.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <kin/pipe.h>

#define MS INT64_C(1000000)

static struct kin_pipe fresh(void)
{
    struct kin_pipe pipe;
    check_is(kin_pipe_open(NULL, &pipe), 0);
    return pipe;
}

static void bytes_go_from_pipe_to_pipe(void **state)
{
    (void)state;
    struct kin_pipe one = fresh(), two = fresh();
    char text[16] = "";
    check_is(kin_pipe_write(one.writer, "abcdef", 6, KIN_NOW), 6);
    check_is(kin_pipe_tee(one.reader, two.writer, 4, KIN_FOREVER), 4);
    check_is(kin_pipe_splice(one.reader, two.writer, 100, KIN_FOREVER), 6);
    check_is(kin_pipe_read_all(two.reader, text, 10, KIN_NOW), 10);
    check(memcmp(text, "abcdabcdef", 10) == 0);
    check_refused(kin_pipe_splice(one.reader, two.writer, 1, kin_after(MS)), -ETIMEDOUT, "in time");
    check_is(kin_pipe_tee(one.reader, two.writer, 1, KIN_NOW), -ETIMEDOUT);
    kin_pipe_close_end(&one.writer);
    check_is(kin_pipe_splice(one.reader, two.writer, 1, KIN_FOREVER), 0);
    check_is(kin_pipe_tee(one.reader, two.writer, 1, KIN_FOREVER), 0);
    kin_pipe_close(&one), kin_pipe_close(&two);
}

static void a_full_pipe_is_waited_for(void **state)
{
    (void)state;
    struct kin_pipe one = fresh(), two = fresh();
    static char block[1 << 17];
    check_is(kin_pipe_write(two.writer, block, sizeof block, KIN_NOW), 65536);
    check_is(kin_pipe_write(one.writer, "x", 1, KIN_NOW), 1);
    check_is(kin_pipe_splice(one.reader, two.writer, 1, kin_after(MS)), -ETIMEDOUT);
    check_is(kin_pipe_read_all(two.reader, block, 65536, KIN_NOW), 65536);
    check_is(kin_pipe_splice(one.reader, two.writer, 1, KIN_FOREVER), 1);
    kin_pipe_close(&one), kin_pipe_close(&two);
}

static void a_file_is_spliced(void **state)
{
    char path[256], text[16] = "";
    struct kin_pipe pipe = fresh();
    snprintf(path, sizeof path, "%s/file", (const char *)*state);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check_is(kin_pipe_write(file, "from a file", 11, KIN_NOW), 11);
    check_is(lseek(file, 5, SEEK_SET), 5);
    check_is(kin_pipe_splice(file, pipe.writer, 100, KIN_FOREVER), 6);
    check_is(kin_pipe_splice(file, pipe.writer, 100, KIN_FOREVER), 0);
    check_is(kin_pipe_splice(pipe.reader, file, 100, KIN_FOREVER), 6);
    check_is(pread(file, text, sizeof text, 11), 6);
    check(strcmp(text, "a file") == 0);
    close(file), kin_pipe_close(&pipe);
}

static void what_cannot_be_spliced_is_told(void **state)
{
    (void)state;
    struct kin_pipe one = fresh(), two = fresh();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    check_refused(kin_pipe_splice(null, null, 1, KIN_NOW), -EINVAL, "one of them must be a pipe");
    check_refused(kin_pipe_tee(one.reader, null, 1, KIN_NOW), -EINVAL, "for tee both");
    check_refused(kin_pipe_splice(one.writer, two.writer, 1, KIN_NOW), -EBADF, "not open for reading");
    check_refused(kin_pipe_splice(one.reader, two.reader, 1, KIN_NOW), -EBADF, "not open for writing");
    check_refused(kin_pipe_splice(one.reader, 999, 1, KIN_NOW), -EBADF, "descriptor 999 is not open");
    close(null), kin_pipe_close(&one), kin_pipe_close(&two);
}

static int print_lines(void *context)
{
    struct kin_pipe *pipe = context;
    FILE *stream;
    kin_pipe_close_end(&pipe->reader);
    check_is(kin_pipe_stream(&pipe->writer, &stream), 0);
    check_is(pipe->writer, -1);
    for (int i = 0; i < 20000; i++)
        fprintf(stream, "line %d\n", i);
    return fclose(stream);
}

static void lines_go_through_streams(void **state)
{
    (void)state;
    struct kin_pipe pipe = fresh();
    FILE *stream;
    char *line = NULL;
    size_t room = 0;
    int count = 0, number;
    pid_t child = test_child(print_lines, &pipe);
    kin_pipe_close_end(&pipe.writer);
    check_is(kin_pipe_stream(&pipe.reader, &stream), 0);
    for (; getline(&line, &room, stream) >= 0; count++) {
        check_is(sscanf(line, "line %d", &number), 1);
        check_is(number, count);
    }
    check(feof(stream) && !ferror(stream));
    check_is(count, 20000);
    check_is(fclose(stream), 0);
    check_is(test_end(child), 0);
    free(line);
}

static void a_stream_owns_its_end(void **state)
{
    (void)state;
    struct kin_pipe pipe = fresh();
    FILE *stream = NULL;
    int both = open("/dev/null", O_RDWR | O_CLOEXEC), none = -1, kept = both, end = pipe.writer;
    check_refused(kin_pipe_stream(&both, &stream), -EINVAL, "one of both");
    check_is(both, kept);
    check_refused(kin_pipe_stream(&none, &stream), -EBADF, "not open");
    check(stream == NULL);
    check_is(kin_pipe_stream(&pipe.writer, &stream), 0);
    check_is(fputs("buffered", stream) >= 0, 1);
    fclose(stream);
    check_is(fcntl(end, F_GETFD), -1);
    check_is(kin_pipe_read(pipe.reader, (char[16]){0}, 16, KIN_NOW), 8);
    close(kept), kin_pipe_close(&pipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_go_from_pipe_to_pipe),     TEST(a_full_pipe_is_waited_for), TEST(a_file_is_spliced),
        TEST(what_cannot_be_spliced_is_told), TEST(lines_go_through_streams),  TEST(a_stream_owns_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
