/* Pipelines: who reads whom, how each ends, what is left when one cannot begin. */
#include "program.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <kin/pipeline.h>

#define MS INT64_C(1000000)

static int descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static char text[1 << 16];

/* Runs it with `input` on the first command's descriptor 0; what the last one prints is in `text`. The result is
 * kin_pipeline_wait()'s. */
static int run(char *const *const commands[], size_t count, const char *input, struct kin_exit ends[])
{
    kin_process **parts = calloc(count, sizeof *parts);
    int in[2], out[2], before = descriptors();
    size_t length = 0;
    check_is(pipe2(in, O_CLOEXEC), 0);
    check_is(pipe2(out, O_CLOEXEC), 0);
    const struct kin_fd_map fds[] = {{0, in[0]}, {1, out[1]}, {9, out[1]}};
    check_is(kin_pipeline_spawn(commands, count, KIN_SPAWN(.fds = fds, .fd_count = 3), parts), 0);
    check_is(write(in[1], input, strlen(input)), strlen(input));
    close(in[0]), close(in[1]), close(out[1]);
    for (ssize_t part; (part = read(out[0], text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)part;
    text[length] = '\0';
    close(out[0]);
    int result = kin_pipeline_wait(parts, count, KIN_FOREVER, ends);
    for (size_t i = 0; i < count; i++)
        kin_process_close(parts[i]);
    free(parts);
    check_is(descriptors(), before);
    return result;
}

static void each_reads_the_one_before(void **state)
{
    (void)state;
    char *const *const three[] = {SHELL("cat; seq 1 3000"), SHELL("grep 7"), SHELL("wc -l")};
    char *const *const one[] = {SHELL("cat")};
    struct kin_exit ends[3];
    check_is(run(three, 3, "seven 7\n", ends), 0);
    check_text(text, "814\n");
    check_is(run(one, 1, "alone", ends), 0);
    check_text(text, "alone");
}

static void every_end_is_told(void **state)
{
    (void)state;
    char *const *const commands[] = {SHELL("exit 3"), SHELL("cat; kill -9 $$"), SHELL("cat; exit 5"), SHELL("cat")};
    struct kin_exit ends[4];
    check_is(run(commands, 4, "", ends), 3);
    check_is(ends[0].status, 3);
    check_is(ends[1].kind, KIN_KILLED);
    check_is(ends[1].status, SIGKILL);
    check_is(ends[2].status, 5);
    check_is(ends[3].status, 0);
    check_is(run(commands, 2, "", NULL), 2);
}

static void who_is_not_read_any_more_ends(void **state)
{
    (void)state;
    char *const *const commands[] = {SHELL("exec yes"), SHELL("exec cat"), SHELL("head -n 1")};
    struct kin_exit ends[3];
    check_is(run(commands, 3, "", ends), 2);
    check_text(text, "y\n");
    check_is(ends[0].kind, KIN_KILLED);
    check_is(ends[0].status, SIGPIPE);
    check_is(ends[1].status, SIGPIPE);
}

static void other_descriptors_are_everybodys(void **state)
{
    (void)state;
    char *const *const commands[] = {SHELL("echo one >&9"), SHELL("cat; echo two >&9"), SHELL("cat; echo three >&9")};
    check_is(run(commands, 3, "", NULL), 0);
    check_text(text, "one\ntwo\nthree\n");
}

static void many_commands_are_joined(void **state)
{
    (void)state;
    enum { MANY = 60 };
    char *const cat[] = {(char *)"cat", NULL};
    char *const *commands[MANY];
    for (int i = 0; i < MANY; i++)
        commands[i] = cat;
    check_is(run(commands, MANY, "through all of them", NULL), 0);
    check_text(text, "through all of them");
}

/* Those before it run already, and for ever. */
static void one_that_cannot_begin_ends_all(void **state)
{
    (void)state;
    char *const none[] = {(char *)"/no/such/program", NULL};
    char *const *const commands[] = {SLEEP, SLEEP, none, SLEEP};
    kin_process *parts[4] = {NULL};
    int before = descriptors();
    check_refused(kin_pipeline_spawn(commands, 4, NULL, parts), -ENOENT, "/no/such/program");
    check(parts[0] == NULL);
    check_is(waitpid(-1, NULL, WNOHANG), -1);
    check_is(errno, ECHILD);
    check_is(descriptors(), before);
}

static void a_killed_command_ends_those_beside_it(void **state)
{
    (void)state;
    char *const *const commands[] = {SHELL("exec yes"), SLEEP, SHELL("exec cat >&2")};
    kin_process *parts[3];
    struct kin_exit ends[3];
    check_is(kin_pipeline_spawn(commands, 3, NULL, parts), 0);
    check_is(kin_pipeline_wait(parts, 3, kin_after(5 * MS), ends), -ETIMEDOUT);
    check_is(kin_process_signal(parts[1], SIGKILL), 0);
    check_is(kin_pipeline_wait(parts, 3, KIN_FOREVER, ends), 2);
    check_is(ends[0].status, SIGPIPE);
    check_is(ends[1].status, SIGKILL);
    check_is(ends[2].status, 0);
    for (int i = 0; i < 3; i++)
        kin_process_close(parts[i]);
}

/* The numbers 0 and 1 are free here, so that pipes get them. */
static int without_input_and_output(void *context)
{
    char *const *const commands[] = {SHELL("echo through"), SHELL("cat"), SHELL("[ \"$(cat)\" = through ]")};
    kin_process *parts[3];
    (void)context;
    close(0), close(1);
    check_is(kin_pipeline_spawn(commands, 3, NULL, parts), 0);
    return kin_pipeline_wait(parts, 3, KIN_FOREVER, NULL);
}

static void it_begins_without_input_and_output(void **state)
{
    (void)state;
    check_is(test_end(test_child(without_input_and_output, NULL)), 0);
}

static void bad_wishes_are_told(void **state)
{
    (void)state;
    char *const *const commands[] = {SLEEP, NULL};
    kin_process *parts[2];
    check_refused(kin_pipeline_spawn(commands, 0, NULL, parts), -EINVAL, "at least one command");
    check_refused(kin_pipeline_spawn(commands, 1, KIN_SPAWN(.file = "/bin/true"), parts), -EINVAL, "options->file");
    check_refused(kin_pipeline_spawn(commands, 1, KIN_SPAWN(.fd_count = 1), parts), -EINVAL, "map is NULL");
    check_refused(kin_pipeline_spawn(commands, 2, NULL, parts), -EINVAL, "name of the program");
    check_is(waitpid(-1, NULL, WNOHANG), -1);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(each_reads_the_one_before),
        TEST(every_end_is_told),
        TEST(who_is_not_read_any_more_ends),
        TEST(other_descriptors_are_everybodys),
        TEST(many_commands_are_joined),
        TEST(one_that_cannot_begin_ends_all),
        TEST(a_killed_command_ends_those_beside_it),
        TEST(it_begins_without_input_and_output),
        TEST(bad_wishes_are_told),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
