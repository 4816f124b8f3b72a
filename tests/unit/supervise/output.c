/* What instances print: told line by line, and kept in files. */
#include "stage.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char *read_file(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[length] = 0;
    if (file)
        fclose(file);
    return text;
}

static void lines_come_whole_and_by_name(void **state)
{
    (void)state;
    kin_supervisor *self = stage_plain(NULL, 0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .restart = KIN_RESTART_NEVER, .capture = 1,
                                                  .argv = SHELL("printf 'one\\ntw'; echo bad >&2; printf 'o\\nend'"))),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    check(test_contains(stage_output, "it:one\n"));
    check(test_contains(stage_output, "it:two\n"));
    check(test_contains(stage_output, "it:end"));
    check(test_contains(stage_output, "it!bad\n"));
    kin_supervisor_close(self);
}

/* A line longer than the room for it comes in pieces, and nothing of it is lost. */
static void a_long_line_comes_in_pieces(void **state)
{
    (void)state;
    kin_supervisor *self = stage_plain(NULL, 0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .restart = KIN_RESTART_NEVER, .capture = 1,
                                                  .argv = SHELL("head -c 10000 /dev/zero | tr '\\0' x; echo"))),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    check_is(stage_count(stage_output, "x"), 10000);
    kin_supervisor_close(self);
}

static void files_are_renamed_when_they_are_long(void **state)
{
    char path[256], old[300];
    kin_supervisor *self = stage_plain(NULL, 0);
    snprintf(path, sizeof path, "%s/log", (char *)*state);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .restart = KIN_RESTART_NEVER,
                                                  .argv = SHELL("for i in 1 2 3 4 5 6 7 8 9; do echo line $i; done"),
                                                  .log = {.path = path, .bytes_max = 40, .keep = 2})),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    check(strcmp(read_file(path), "it | line 7\nit | line 8\nit | line 9\n") == 0);
    snprintf(old, sizeof old, "%s.1", path);
    check(strcmp(read_file(old), "it | line 4\nit | line 5\nit | line 6\n") == 0);
    snprintf(old, sizeof old, "%s.2", path);
    check(strcmp(read_file(old), "it | line 1\nit | line 2\nit | line 3\n") == 0);
    snprintf(old, sizeof old, "%s.3", path);
    check_is(access(old, F_OK), -1);
    kin_supervisor_close(self);
}

/* /dev/full is a disk that is full. */
static void a_full_disk_holds_up_nobody(void **state)
{
    (void)state;
    kin_supervisor *self = stage_plain(NULL, 0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .restart = KIN_RESTART_NEVER,
                                                  .argv = SHELL("echo a; echo b"), .log = {.path = "/dev/full"})),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    check(strcmp(stage_output, "it:a\nit:b\n") == 0);
    check_is(stage_count(stage_events, "cannot be kept in /dev/full: No space left on device"), 1);
    check_is(stage_look(self, "it").state, KIN_INSTANCE_OFF);
    kin_supervisor_close(self);
}

/* RLIMIT_FSIZE is a disk that is full for a while: when there is room again, the file says how much is missing. */
static void what_was_lost_is_said_in_the_file(void **state)
{
    char path[256];
    struct rlimit before, small;
    int go[2];
    kin_supervisor *self = stage_plain(NULL, 0);
    check_is(pipe(go), 0);
    signal(SIGXFSZ, SIG_IGN);
    snprintf(path, sizeof path, "%s/log", (char *)*state);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){4, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    check_is(kin_supervisor_add(
                 self, KIN_PROGRAM(.name = "it", .log = {.path = path}, .instances = 1,
                                   .argv = SHELL("read go; echo a; echo b; read go; echo c; read go"),
                                   .spawn = KIN_SPAWN(.fds = (struct kin_fd_map[]){{0, go[0]}}, .fd_count = 1))),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check_is(write(go[1], "\n", 1), 1);
    stage_until(self, stage_count(stage_output, "\n") == 2);
    setrlimit(RLIMIT_FSIZE, &before);
    check_is(write(go[1], "\n", 1), 1);
    stage_until(self, stage_count(stage_output, "\n") == 3);
    check(strcmp(read_file(path), "kin: 2 pieces could not be kept here: No space left on device\nit | c\n") == 0);
    kin_supervisor_close(self);
    signal(SIGXFSZ, SIG_DFL);
    close(go[0]);
    close(go[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_come_whole_and_by_name),         TEST(a_long_line_comes_in_pieces),
        TEST(files_are_renamed_when_they_are_long), TEST(a_full_disk_holds_up_nobody),
        TEST(what_was_lost_is_said_in_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
