/* SIGPIPE is never raised: whatever its action, blocked or not, pending or not, by whatever call. */
#include "old.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <kin/pipe.h>

static int broken_pipe(void)
{
    struct kin_pipe pipe;
    check_is(kin_pipe_open(NULL, &pipe), 0);
    kin_pipe_close_end(&pipe.reader);
    return pipe.writer;
}

static void splice_into(int writer)
{
    struct kin_pipe full;
    check_is(kin_pipe_open(NULL, &full), 0);
    check_is(kin_pipe_write(full.writer, "text", 4, KIN_NOW), 4);
    check_is(kin_pipe_tee(full.reader, writer, 4, KIN_FOREVER), -EPIPE);
    check_refused(kin_pipe_splice(full.reader, writer, 4, KIN_FOREVER), -EPIPE, "nobody reads");
    kin_pipe_close(&full);
}

static void stream_into(int writer)
{
    FILE *stream;
    check_is(kin_pipe_stream(&writer, &stream), 0);
    check_is(fprintf(stream, "text"), 4);
    errno = 0;
    check_is(fflush(stream), EOF);
    check_is(errno, EPIPE);
    check(ferror(stream));
    fclose(stream);
}

static void break_every_way(void)
{
    int writer = broken_pipe(), ends[2];
    static char block[1 << 18];
    check_is(kin_pipe_write(writer, "x", 1, KIN_FOREVER), -EPIPE);
    check_is(kin_pipe_write(writer, "x", 1, KIN_NOW), -EPIPE);
    check_is(kin_pipe_write(writer, block, sizeof block, KIN_FOREVER), -EPIPE);
    check_is(kin_pipe_write_record(writer, "x", 1, KIN_FOREVER), -EPIPE);
    splice_into(writer);
    stream_into(writer);
    check_is(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    close(ends[0]);
    check_is(kin_pipe_write(ends[1], "x", 1, KIN_FOREVER), -EPIPE);
    check_is(kin_pipe_write(ends[1], "x", 1, KIN_NOW), -EPIPE);
    close(ends[1]);
}

static bool is_pending(void)
{
    sigset_t pending;
    check_is(sigpending(&pending), 0);
    return sigismember(&pending, SIGPIPE);
}

static void set_blocked(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    check_is(pthread_sigmask(how, &set, NULL), 0);
}

static bool is_blocked(void)
{
    sigset_t set;
    check_is(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
    return sigismember(&set, SIGPIPE);
}

static int whatever_its_action(void *context)
{
    (void)context;
    signal(SIGPIPE, SIG_DFL);
    break_every_way();
    signal(SIGPIPE, SIG_IGN);
    break_every_way();
    count_sigpipe();
    break_every_way();
    check_is(sigpipes(), 0);
    check(!is_blocked());
    raise(SIGPIPE);
    check_is(sigpipes(), 1);
    return 0;
}

static void no_signal_whatever_its_action(void **state)
{
    (void)state;
    in_old_and_new(whatever_its_action, NULL);
}

/* What was pending stays pending, what was blocked stays blocked, and nothing of ours is added. */
static int blocked_or_pending(void *context)
{
    (void)context;
    count_sigpipe();
    set_blocked(SIG_BLOCK);
    break_every_way();
    check(!is_pending());
    check(is_blocked());
    raise(SIGPIPE);
    break_every_way();
    check(is_pending());
    set_blocked(SIG_UNBLOCK);
    check_is(sigpipes(), 1);
    return 0;
}

static void a_pending_signal_is_the_callers(void **state)
{
    (void)state;
    in_old_and_new(blocked_or_pending, NULL);
}

static int read_a_little_and_end(void *context)
{
    const struct kin_pipe *pipe = context;
    char text[8192];
    close(pipe->writer);
    check_is(kin_pipe_read_all(pipe->reader, text, sizeof text, KIN_FOREVER), sizeof text);
    return 0;
}

/* The kernel raises it after a part was written, too. */
static int reader_ends_midway(void *context)
{
    struct kin_pipe pipe;
    static char block[1 << 20];
    (void)context;
    count_sigpipe();
    check_is(kin_pipe_open(NULL, &pipe), 0);
    pid_t reader = test_child(read_a_little_and_end, &pipe);
    kin_pipe_close_end(&pipe.reader);
    ssize_t length = kin_pipe_write(pipe.writer, block, sizeof block, KIN_FOREVER);
    check(length >= 8192 && length < (ssize_t)sizeof block);
    check_is(kin_pipe_write(pipe.writer, block, sizeof block, KIN_FOREVER), -EPIPE);
    check_is(sigpipes(), 0);
    check_is(test_end(reader), 0);
    kin_pipe_close(&pipe);
    return 0;
}

static void no_signal_after_a_part(void **state)
{
    (void)state;
    in_old_and_new(reader_ends_midway, NULL);
}

/* The check bites: write() itself raises it. */
static void the_kernel_would_raise_it(void **state)
{
    (void)state;
    int writer = broken_pipe();
    count_sigpipe();
    check_is(write(writer, "x", 1), -1);
    check_is(sigpipes(), 1);
    signal(SIGPIPE, SIG_DFL);
    close(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_signal_whatever_its_action),
        TEST(a_pending_signal_is_the_callers),
        TEST(no_signal_after_a_part),
        TEST(the_kernel_would_raise_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
