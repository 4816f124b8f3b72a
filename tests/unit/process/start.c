/* What a spawned program begins with, and how a start that fails is told. */
#include "program.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_program_runs_and_its_exit_is_told(void **state)
{
    (void)state;
    struct kin_exit how;
    kin_process *process = child_that_exits(7);
    check(kin_process_pid(process) > 0);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    check_is(how.kind, KIN_EXITED);
    check_is(how.status, 7);
    check(how.usage.resident_max > 100 * 1024);
    check(how.usage.minor_faults > 0);
    kin_process_close(process);
}

static void arguments_arrive_as_they_are(void **state)
{
    (void)state;
    char *const argv[] = {SELF, "--probe", "arguments", "a b", "", "*", "$HOME", NULL};
    check_text(output_of(argv, NULL), "a b||*|$HOME|");
}

static void the_file_may_differ_from_argv_0(void **state)
{
    (void)state;
    char *const argv[] = {"another name", "-c", "echo $0", NULL};
    check_text(output_of(argv, KIN_SPAWN(.file = "sh")), "another name");
}

static void a_failing_execution_is_an_error_of_the_call(void **state)
{
    (void)state;
    kin_process *process = NULL;
    char *const missing[] = {"/no/such/program", NULL}, *const directory[] = {"/tmp", NULL};
    check_refused(kin_process_spawn(missing, NULL, &process), -ENOENT,
                  "/no/such/program was not started: cannot execute");
    check_refused(kin_process_spawn(directory, NULL, &process), -EACCES, "x permission");
    check(process == NULL);
    check_is(waitpid(-1, NULL, WNOHANG), -1);
    check_is(errno, ECHILD);
}

static void bad_input_is_told(void **state)
{
    (void)state;
    kin_process *process = NULL;
    char *const nothing[] = {NULL}, *const empty[] = {"", NULL}, *const sh[] = {"sh", NULL};
    struct kin_fd_map twice[] = {{3, 0}, {3, 1}}, negative[] = {{-1, 0}}, missing[] = {{3, 1000}}, from[] = {{3, -2}};
    check_refused(kin_process_spawn(NULL, NULL, &process), -EINVAL, "argv");
    check_refused(kin_process_spawn(nothing, NULL, &process), -EINVAL, "argv");
    check_refused(kin_process_spawn(empty, NULL, &process), -ENOENT, "empty");
    check_refused(kin_process_spawn(sh, KIN_SPAWN(.flags = 1 << 30), &process), -EINVAL, "0x40000000");
    check_refused(kin_process_spawn(sh, KIN_SPAWN(.fd_count = 1), &process), -EINVAL, "descriptor map");
    check_refused(kin_process_spawn(sh, KIN_SPAWN(.limit_count = 1), &process), -EINVAL, "limits");
    check_refused(kin_process_spawn(sh, KIN_SPAWN(.fds = twice, .fd_count = 2), &process), -EINVAL, "two entries");
    check_refused(kin_process_spawn(sh, KIN_SPAWN(.fds = negative, .fd_count = 1), &process), -EINVAL, "-1");
    check_refused(kin_process_spawn(sh, KIN_SPAWN(.fds = from, .fd_count = 1), &process), -EBADF, "-2");
    check_refused(kin_process_spawn(sh, KIN_SPAWN(.fds = missing, .fd_count = 1), &process), -EBADF, "1000");
    check_refused(kin_process_spawn(sh, KIN_SPAWN(.flags = KIN_SPAWN_LIFELINE, .lifeline_signal = 1000), &process),
                  -EINVAL, "1000");
    check(process == NULL);
}

static void options_of_an_older_caller_are_understood(void **state)
{
    (void)state;
    struct kin_spawn_options old = {.size = offsetof(struct kin_spawn_options, environment), .file = "/bin/true"};
    struct kin_exit how;
    kin_process *process;
    char *const argv[] = {"false", NULL};
    memset((char *)&old + old.size, 0x5a, sizeof old - old.size);
    check_is(kin_process_spawn(argv, &old, &process), 0);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    check_is(how.status, 0);
    kin_process_close(process);
}

static void the_environment_is_the_callers_or_the_given_one(void **state)
{
    (void)state;
    char *const two[] = {"A=1", "B=", NULL}, *const none[] = {NULL};
    setenv("KIN_TEST_INHERITED", "yes", 1);
    check(strstr(output_of(PROBE("environment"), NULL), "KIN_TEST_INHERITED=yes") != NULL);
    unsetenv("KIN_TEST_INHERITED");
    check_text(output_of(PROBE("environment"), KIN_SPAWN(.environment = two)), "A=1\nB=");
    check_text(output_of(PROBE("environment"), KIN_SPAWN(.environment = none)), "");
}

static void a_big_environment_arrives(void **state)
{
    (void)state;
    enum { COUNT = 1000, LENGTH = 1000 };
    char **environment = calloc(COUNT + 1, sizeof *environment);
    for (int i = 0; i < COUNT; i++) {
        environment[i] = malloc(LENGTH + 1);
        snprintf(environment[i], LENGTH + 1, "V%d=%0*d", i, 900, i);
    }
    check_text(output_of(SHELL("echo ${#V0} ${#V999}"), KIN_SPAWN(.environment = environment)), "900 900");
    for (int i = 0; i < COUNT; i++)
        free(environment[i]);
    free(environment);
}

static void an_environment_that_is_too_big_is_an_error(void **state)
{
    (void)state;
    enum { TOO_LONG = 32 * 4096 + 10 };
    char *variable = malloc(TOO_LONG);
    char *const environment[] = {variable, NULL}, *const sh[] = {"sh", NULL};
    kin_process *process = NULL;
    memset(variable, 'x', TOO_LONG - 1);
    variable[1] = '=';
    variable[TOO_LONG - 1] = 0;
    check_refused(kin_process_spawn(sh, KIN_SPAWN(.environment = environment), &process), -E2BIG, "128 KiB");
    free(variable);
}

static void the_directory_is_set_or_its_lack_told(void **state)
{
    (void)state;
    kin_process *process = NULL;
    char here[PATH_MAX], after[PATH_MAX];
    check(getcwd(here, sizeof here) != NULL);
    check_text(output_of(SHELL("pwd -P"), KIN_SPAWN(.directory = "/usr")), "/usr");
    check_refused(kin_process_spawn(SHELL("true"), KIN_SPAWN(.directory = "/no/such"), &process), -ENOENT,
                  "cannot go to directory \"/no/such\"");
    check_refused(kin_process_spawn(SHELL("true"), KIN_SPAWN(.directory = "/dev/null"), &process), -ENOTDIR,
                  "directory");
    check(getcwd(after, sizeof after) != NULL);
    check_text(after, here);
}

static void group_and_session_are_its_own_when_asked_for(void **state)
{
    (void)state;
    char wanted[64];
    const char *show =
        "read -r _ _ _ _ group session _ < /proc/$$/stat; echo $((group == $$)) $((session == $$)) $group";
    snprintf(wanted, sizeof wanted, "0 0 %d", (int)getpgrp());
    check_text(output_of(SHELL(show), NULL), wanted);
    check(strncmp(output_of(SHELL(show), KIN_SPAWN(.flags = KIN_SPAWN_GROUP)), "1 0", 3) == 0);
    check(strncmp(output_of(SHELL(show), KIN_SPAWN(.flags = KIN_SPAWN_SESSION)), "1 1", 3) == 0);
    check(strncmp(output_of(SHELL(show), KIN_SPAWN(.flags = KIN_SPAWN_SESSION | KIN_SPAWN_GROUP)), "1 1", 3) == 0);
}

static void limits_are_set(void **state)
{
    (void)state;
    const struct kin_limit limits[] = {{RLIMIT_NOFILE, {50, 60}}, {RLIMIT_CORE, {0, 0}}};
    const struct kin_spawn_options *options = KIN_SPAWN(.limits = limits, .limit_count = 2);
    check_text(output_of(SHELL("ulimit -S -n; ulimit -H -n; ulimit -c"), options), "50\n60\n0");
    struct rlimit own;
    check_is(getrlimit(RLIMIT_NOFILE, &own), 0);
    check(own.rlim_max != 60);
}

static void a_limit_that_cannot_be_is_told(void **state)
{
    (void)state;
    kin_process *process = NULL;
    const struct kin_limit crossed = {RLIMIT_NOFILE, {60, 50}}, unknown = {1000, {0, 0}};
    check_refused(kin_process_spawn(SHELL("true"), KIN_SPAWN(.limits = &crossed, .limit_count = 1), &process), -EINVAL,
                  "to 60, at most 50");
    check_refused(kin_process_spawn(SHELL("true"), KIN_SPAWN(.limits = &unknown, .limit_count = 1), &process), -EINVAL,
                  "limit 1000");
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(a_program_runs_and_its_exit_is_told),
        TEST(arguments_arrive_as_they_are),
        TEST(the_file_may_differ_from_argv_0),
        TEST(a_failing_execution_is_an_error_of_the_call),
        TEST(bad_input_is_told),
        TEST(options_of_an_older_caller_are_understood),
        TEST(the_environment_is_the_callers_or_the_given_one),
        TEST(a_big_environment_arrives),
        TEST(an_environment_that_is_too_big_is_an_error),
        TEST(the_directory_is_set_or_its_lack_told),
        TEST(group_and_session_are_its_own_when_asked_for),
        TEST(limits_are_set),
        TEST(a_limit_that_cannot_be_is_told),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
