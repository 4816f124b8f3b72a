/* The pump: full pipes on all sides, ends, deadlines, deaths. */
#include "old.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <kin/pipe.h>
#include <kin/process.h>
#include <kin/pump.h>

#define MS INT64_C(1000000)
#define SHELL(script) ((char *[]){(char *)"/bin/sh", (char *)"-c", (char *)(script), NULL})
enum { BIG = 8 << 20 };

static struct kin_pipe fresh(void)
{
    struct kin_pipe pipe;
    check_is(kin_pipe_open(NULL, &pipe), 0);
    return pipe;
}

struct filter {
    kin_process *process;
    int input, output, errors;
};

static struct filter start(char *const argv[])
{
    struct kin_pipe input = fresh(), output = fresh(), errors = fresh();
    struct filter filter = {.input = input.writer, .output = output.reader, .errors = errors.reader};
    const struct kin_fd_map fds[] = {{0, input.reader}, {1, output.writer}, {2, errors.writer}};
    check_is(kin_process_spawn(argv, KIN_SPAWN(.fds = fds, .fd_count = 3), &filter.process), 0);
    kin_pipe_close_end(&input.reader), kin_pipe_close_end(&output.writer), kin_pipe_close_end(&errors.writer);
    return filter;
}

static void end(struct filter *filter, int signal)
{
    struct kin_exit how;
    check_is(kin_process_wait(filter->process, 0, KIN_FOREVER, &how), 0);
    check_is(how.kind == KIN_EXITED ? 0 : how.status, signal);
    kin_process_close(filter->process);
}

static char *numbered_text(void)
{
    char *text = malloc(BIG);
    check(text != NULL);
    for (uint32_t i = 0; i < BIG; i += sizeof i)
        memcpy(text + i, &i, sizeof i);
    return text;
}

/* All three pipes of the child are full at some time. */
static int feed_a_filter(void *context)
{
    char *text = numbered_text();
    (void)context;
    struct filter filter = start(SHELL("tee /dev/stderr"));
    struct kin_flow flows[] = {KIN_FEED(filter.input, text, BIG), KIN_COLLECT(filter.output, 0),
                               KIN_COLLECT(filter.errors, 0)};
    check_is(kin_pump(flows, 3, KIN_FOREVER), 0);
    for (int i = 0; i < 3; i++) {
        check(flows[i].ended);
        check_is(flows[i].error, 0);
        check_is(flows[i].moved, BIG);
    }
    for (int i = 1; i < 3; i++) {
        check_is(flows[i].length, BIG);
        check(memcmp(flows[i].text, text, BIG) == 0);
        check_is(flows[i].text[BIG], 0);
        free(flows[i].text);
    }
    check_is(fcntl(filter.input, F_GETFD), -1);
    check_is(fcntl(filter.output, F_GETFD), -1);
    end(&filter, 0);
    free(text);
    return 0;
}

static void a_big_text_goes_through_a_filter(void **state)
{
    (void)state;
    in_old_and_new(feed_a_filter, NULL);
}

/* The check bites: who only writes finds all pipes full, and would wait for ever. */
static void without_a_pump_it_is_a_deadlock(void **state)
{
    (void)state;
    char *text = numbered_text();
    struct filter filter = start(SHELL("tee /dev/stderr"));
    check(kin_pipe_write(filter.input, text, BIG, kin_after(50 * MS)) < BIG);
    check_is(kin_process_signal(filter.process, SIGKILL), 0);
    end(&filter, SIGKILL);
    close(filter.input), close(filter.output), close(filter.errors);
    free(text);
}

static void a_reader_that_has_enough_ends_its_flow(void **state)
{
    (void)state;
    char *text = numbered_text();
    count_sigpipe();
    struct filter filter = start(SHELL("head -c 8"));
    struct kin_flow flows[] = {KIN_FEED(filter.input, text, BIG), KIN_COLLECT(filter.output, 0),
                               KIN_COLLECT(filter.errors, 0)};
    check_is(kin_pump(flows, 3, KIN_FOREVER), 0);
    check_is(flows[0].error, -EPIPE);
    check(flows[0].moved < BIG);
    check_is(flows[1].length, 8);
    check_is(flows[2].length, 0);
    check_is(sigpipes(), 0);
    signal(SIGPIPE, SIG_DFL);
    free(flows[1].text), free(flows[2].text), free(text);
    end(&filter, 0);
}

static void a_killed_filter_ends_all_flows(void **state)
{
    (void)state;
    char *text = numbered_text();
    struct filter filter = start(SHELL("head -c 100000; kill -9 $$"));
    struct kin_flow flows[] = {KIN_FEED(filter.input, text, BIG), KIN_COLLECT(filter.output, 0),
                               KIN_COLLECT(filter.errors, 0)};
    check_is(kin_pump(flows, 3, KIN_FOREVER), 0);
    check_is(flows[0].error, -EPIPE);
    check_is(flows[1].error, 0);
    check(flows[1].length == 100000 && memcmp(flows[1].text, text, 100000) == 0);
    free(flows[1].text), free(flows[2].text), free(text);
    end(&filter, SIGKILL);
}

/* Two children that each fill a pipe before they read, joined crosswise. */
static int flood_then_drain(void *context)
{
    const struct kin_pipe *end = context;
    static char block[1 << 20], back[1 << 16];
    size_t got = 0;
    for (ssize_t length; got < sizeof block; got += (size_t)length)
        if (kin_pipe_write(end->writer, block + got, 1 << 16, KIN_FOREVER) != 1 << 16 ||
            (length = kin_pipe_read_all(end->reader, back, 1 << 16, KIN_FOREVER)) <= 0)
            return 1;
    return 0;
}

static void two_relays_cross(void **state)
{
    (void)state;
    struct kin_pipe one[2], two[2];
    check_is(kin_pipe_open_pair(NULL, one), 0);
    check_is(kin_pipe_open_pair(NULL, two), 0);
    pid_t first = test_child(flood_then_drain, &one[1]), second = test_child(flood_then_drain, &two[1]);
    kin_pipe_close(&one[1]), kin_pipe_close(&two[1]);
    struct kin_flow flows[] = {KIN_RELAY(one[0].reader, two[0].writer), KIN_RELAY(two[0].reader, one[0].writer)};
    /* The children have copies of our ends, so that only their last byte ends it. */
    while (kin_pump(flows, 2, kin_after(20 * MS)) == -ETIMEDOUT && flows[0].moved + flows[1].moved < 2 << 20)
        ;
    check_is(flows[0].moved, 1 << 20);
    check_is(flows[1].moved, 1 << 20);
    check_is(test_end(first), 0);
    check_is(test_end(second), 0);
    check_is(kin_pump(flows, 2, KIN_FOREVER), 0);
}

/* What a relay had in hand when its time was up is not lost. */
static int go_on_after_a_deadline(void *context)
{
    struct kin_pipe in = fresh(), out = fresh();
    static unsigned numbers[16384], back[16384];
    (void)context;
    for (unsigned i = 0; i < 16384; i++)
        numbers[i] = i;
    check_is(kin_pipe_set_size(out.writer, 4096), 4096);
    check_is(kin_pipe_write(in.writer, numbers, sizeof numbers, KIN_NOW), sizeof numbers);
    kin_pipe_close_end(&in.writer);
    struct kin_flow flow = KIN_RELAY(in.reader, out.writer);
    size_t got = 0;
    int result;
    while ((result = kin_pump(&flow, 1, kin_after(MS / 4))) == -ETIMEDOUT)
        got += (size_t)kin_pipe_read(out.reader, (char *)back + got, 1000, KIN_NOW);
    check_is(result, 0);
    check(got > 0);
    got += (size_t)kin_pipe_read_all(out.reader, (char *)back + got, sizeof back - got + 1, KIN_FOREVER);
    check_is(got, sizeof back);
    check(memcmp(numbers, back, sizeof back) == 0);
    check(flow.text == NULL);
    kin_pipe_close_end(&out.reader);
    return 0;
}

static void a_deadline_loses_nothing(void **state)
{
    (void)state;
    in_old_and_new(go_on_after_a_deadline, NULL);
}

static void a_target_that_nobody_reads_ends_a_silent_relay(void **state)
{
    (void)state;
    struct kin_pipe in = fresh(), out = fresh();
    kin_pipe_close_end(&out.reader);
    struct kin_flow flow = KIN_RELAY(in.reader, out.writer);
    check_is(kin_pump(&flow, 1, KIN_FOREVER), 0);
    check_is(flow.error, -EPIPE);
    check_is(kin_pipe_write(in.writer, "x", 1, KIN_FOREVER), -EPIPE);
    kin_pipe_close_end(&in.writer);
}

static void memory_has_a_limit(void **state)
{
    (void)state;
    struct kin_pipe pipe = fresh(), other = fresh();
    static char block[60000];
    check_is(kin_pipe_write(pipe.writer, block, sizeof block, KIN_NOW), sizeof block);
    check_is(kin_pipe_write(other.writer, block, 1000, KIN_NOW), 1000);
    kin_pipe_close_end(&other.writer);
    struct kin_flow flows[] = {KIN_COLLECT(pipe.reader, 1000), KIN_COLLECT(other.reader, 1000)};
    check_is(kin_pump(flows, 2, KIN_FOREVER), 0);
    check_is(flows[0].error, -EMSGSIZE);
    check_is(flows[0].length, 1000);
    check_is(flows[1].error, 0);
    check_is(flows[1].length, 1000);
    check_is(kin_pipe_write(pipe.writer, "x", 1, KIN_NOW), -EPIPE);
    free(flows[0].text), free(flows[1].text);
    kin_pipe_close_end(&pipe.writer);
}

static int copy_a_file(void *context)
{
    char path[256], *text = numbered_text();
    snprintf(path, sizeof path, "%s/copy", (const char *)context);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), again = open(path, O_RDONLY | O_CLOEXEC);
    struct kin_flow feed = KIN_FEED(file, text, BIG), back = KIN_COLLECT(again, 0);
    check_is(kin_pump(&feed, 1, KIN_FOREVER), 0);
    check_is(feed.error, 0);
    check_is(kin_pump(&back, 1, KIN_FOREVER), 0);
    check(back.length == BIG && memcmp(back.text, text, BIG) == 0);
    free(back.text), free(text);
    return 0;
}

static void files_do_as_well(void **state)
{
    in_old_and_new(copy_a_file, *state);
}

static void kept_descriptors_stay_open(void **state)
{
    (void)state;
    struct kin_pipe one = fresh(), two = fresh(), both = fresh();
    char text[16] = "";
    check_is(kin_pipe_write(one.writer, "one", 3, KIN_NOW), 3);
    check_is(kin_pipe_write(two.writer, "two", 3, KIN_NOW), 3);
    kin_pipe_close_end(&one.writer), kin_pipe_close_end(&two.writer);
    struct kin_flow flows[] = {KIN_RELAY(one.reader, both.writer), KIN_RELAY(two.reader, both.writer)};
    check_refused(kin_pump(flows, 2, KIN_FOREVER), -EINVAL, "KIN_FLOW_KEEP");
    flows[0].flags = flows[1].flags = KIN_FLOW_KEEP;
    check_is(kin_pump(flows, 2, KIN_FOREVER), 0);
    check_is(kin_pipe_read_all(both.reader, text, 6, KIN_NOW), 6);
    check(strcmp(text, "onetwo") == 0 || strcmp(text, "twoone") == 0);
    check_is(kin_pipe_read(both.reader, text, 1, KIN_NOW), -ETIMEDOUT);
    kin_pipe_close(&one), kin_pipe_close(&two), kin_pipe_close(&both);
}

static void many_flows_go_at_once(void **state)
{
    enum { MANY = 100 };
    static char block[MANY][100000];
    struct kin_flow flows[2 * MANY];
    struct kin_pipe pipe;
    (void)state;
    for (int i = 0; i < MANY; i++) {
        pipe = fresh();
        memset(block[i], i, sizeof block[i]);
        flows[2 * i] = (struct kin_flow)KIN_FEED(pipe.writer, block[i], sizeof block[i]);
        flows[2 * i + 1] = (struct kin_flow)KIN_COLLECT(pipe.reader, 0);
    }
    check_is(kin_pump(flows, 2 * MANY, KIN_FOREVER), 0);
    for (int i = 0; i < MANY; i++) {
        const struct kin_flow *flow = &flows[2 * i + 1];
        check(flow->length == sizeof block[i] && memcmp(flow->text, block[i], sizeof block[i]) == 0);
        free(flow->text);
    }
}

static void bad_flows_are_told(void **state)
{
    (void)state;
    struct kin_pipe pipe = fresh();
    struct kin_flow to_itself = {.from = KIN_MEMORY, .to = KIN_MEMORY}, odd = KIN_COLLECT(pipe.reader, 0);
    struct kin_flow exchanged[] = {KIN_COLLECT(pipe.writer, 0), KIN_FEED(pipe.reader, "x", 1), KIN_COLLECT(999, 0),
                                   KIN_COLLECT(-2, 0)};
    odd.flags = 8;
    check_is(kin_pump(NULL, 0, KIN_FOREVER), 0);
    check_refused(kin_pump(&to_itself, 1, KIN_NOW), -EINVAL, "from memory to memory");
    check_refused(kin_pump(&odd, 1, KIN_NOW), -EINVAL, "unknown flags 0x8");
    check_refused(kin_pump(&exchanged[0], 1, KIN_NOW), -EBADF, "not open for reading");
    check_refused(kin_pump(&exchanged[1], 1, KIN_NOW), -EBADF, "not open for writing");
    check_refused(kin_pump(&exchanged[2], 1, KIN_NOW), -EBADF, "descriptor 999 is not open");
    check_is(kin_pump(&exchanged[3], 1, KIN_NOW), -EBADF);
    odd.flags = 0;
    check_refused(kin_pump(&odd, 1, kin_after(MS)), -ETIMEDOUT, "1 of 1 flows");
    struct kin_flow sized = {.from = pipe.reader, .to = pipe.writer, .size = 1};
    check_refused(kin_pump(&sized, 1, KIN_NOW), -EINVAL, "begin with 0");
    struct kin_flow empty = KIN_FEED(pipe.writer, NULL, 0);
    check_is(kin_pump(&empty, 1, KIN_FOREVER), 0);
    check_is(kin_pump(&odd, 1, KIN_FOREVER), 0);
    check_is(odd.length, 0);
    free(odd.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_big_text_goes_through_a_filter),
        TEST(without_a_pump_it_is_a_deadlock),
        TEST(a_reader_that_has_enough_ends_its_flow),
        TEST(a_killed_filter_ends_all_flows),
        TEST(two_relays_cross),
        TEST(a_deadline_loses_nothing),
        TEST(a_target_that_nobody_reads_ends_a_silent_relay),
        TEST(memory_has_a_limit),
        TEST(files_do_as_well),
        TEST(kept_descriptors_stay_open),
        TEST(many_flows_go_at_once),
        TEST(bad_flows_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
