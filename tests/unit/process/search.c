/* The search in PATH, against what execvp() does with the same files. */
#include "program.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char place[128], path[1024];

/* Two directories, first and second; not below /dev/shm, where execution may be forbidden. */
static int make_place(void **state)
{
    const char *temporary = getenv("TMPDIR");
    char name[256];
    (void)state;
    snprintf(place, sizeof place, "%s/kin-search-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(place))
        return -1;
    static const char *const parts[] = {"first", "second"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s/%s", place, parts[i]);
        mkdir(name, 0755);
    }
    return 0;
}

static int remove_place(void **state)
{
    char command[256];
    (void)state;
    setenv("PATH", "/bin:/usr/bin", 1);
    snprintf(command, sizeof command, "rm -rf '%s'", place);
    return system(command);
}

static void put(const char *directory, const char *name, const char *text, unsigned mode)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", place, directory);
    make_file(full, name, text, mode);
}

/* "%" in the text stands for the place. */
static void set_path(const char *text)
{
    size_t length = 0;
    path[0] = 0;
    for (; *text; text++)
        length += (size_t)(*text == '%' ? snprintf(path + length, sizeof path - length, "%s", place)
                                        : snprintf(path + length, sizeof path - length, "%c", *text));
    setenv("PATH", path, 1);
}

static int execute(void *context)
{
    char *const argv[] = {context, "an argument", NULL};
    execvp(argv[0], argv);
    return errno;
}

/* Both must agree: the same error, or the same output. */
static void agrees_with_execvp(const char *name, int error)
{
    char before[1024];
    kin_process *process = NULL;
    char *const argv[] = {(char *)name, "an argument", NULL};
    snprintf(before, sizeof before, "%s", getenv("PATH"));
    check_is(test_end(test_child(execute, (void *)name)), error);
    check_is(kin_process_spawn(argv, NULL, &process), -error);
    check_text(getenv("PATH"), before);
}

static void the_first_one_in_path_runs(void **state)
{
    (void)state;
    char *const argv[] = {"tool", NULL};
    put("first", "tool", "#!/bin/sh\necho first\n", 0755);
    put("second", "tool", "#!/bin/sh\necho second\n", 0755);
    set_path("/no/such:%/second:%/first");
    check_text(output_of(argv, NULL), "second");
}

static void one_that_may_not_be_executed_is_passed_over(void **state)
{
    (void)state;
    char *const argv[] = {"tool", NULL};
    put("first", "tool", "#!/bin/sh\necho first\n", 0644);
    put("second", "tool", "#!/bin/sh\necho second\n", 0755);
    set_path("%/first:%/second");
    check_text(output_of(argv, NULL), "second");
}

static void what_is_no_directory_is_passed_over(void **state)
{
    (void)state;
    char *const argv[] = {"tool", NULL};
    put("first", "file", "", 0644);
    put("second", "tool", "#!/bin/sh\necho second\n", 0755);
    set_path("%/first/file:%/second");
    check_text(output_of(argv, NULL), "second");
}

static void a_denial_is_remembered(void **state)
{
    (void)state;
    put("first", "tool", "#!/bin/sh\n", 0644);
    set_path("%/first:%/second:/no/such");
    agrees_with_execvp("tool", EACCES);
}

static void what_is_nowhere_is_told(void **state)
{
    (void)state;
    kin_process *process = NULL;
    char *const argv[] = {"no-such-tool", NULL};
    put("first", "file", "", 0644);
    set_path("%/first:%/second");
    agrees_with_execvp("no-such-tool", ENOENT);
    check_refused(kin_process_spawn(argv, NULL, &process), -ENOENT, "searched in PATH");
    set_path("%/second:%/first/file");
    agrees_with_execvp("no-such-tool", ENOTDIR);
}

static void a_loop_of_links_ends_the_search(void **state)
{
    (void)state;
    char loop[256];
    snprintf(loop, sizeof loop, "%s/first/tool", place);
    check_is(symlink(loop, loop), 0);
    put("second", "tool", "#!/bin/sh\n", 0755);
    set_path("%/first:%/second");
    agrees_with_execvp("tool", ELOOP);
}

static void a_script_without_a_first_line_is_the_shells(void **state)
{
    (void)state;
    char full[256], wanted[512];
    char *const searched[] = {"tool", "one", "two three", NULL}, *const given[] = {full, "one", NULL};
    kin_process *process = NULL;
    put("first", "tool", "echo $0 $# $2\n", 0755);
    set_path("%/first");
    snprintf(full, sizeof full, "%s/first/tool", place);
    snprintf(wanted, sizeof wanted, "%s 2 two three", full);
    check_text(output_of(searched, NULL), wanted);
    snprintf(wanted, sizeof wanted, "%s 1", full);
    check_text(output_of(given, NULL), wanted);
    check_refused(kin_process_spawn(given, KIN_SPAWN(.flags = KIN_SPAWN_NO_PATH), &process), -ENOEXEC, "#!");
}

static void a_missing_interpreter_is_passed_over(void **state)
{
    (void)state;
    put("first", "tool", "#!/no/such/interpreter\n", 0755);
    set_path("%/first");
    agrees_with_execvp("tool", ENOENT);
}

static void an_empty_entry_is_the_current_directory(void **state)
{
    (void)state;
    char first[256];
    char *const argv[] = {"tool", NULL};
    static const char *const paths[] = {"", ":/no/such", "/no/such:", "/no/such::/no/such"};
    put("first", "tool", "#!/bin/sh\necho here\n", 0755);
    snprintf(first, sizeof first, "%s/first", place);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        set_path(paths[i]);
        check_text(output_of(argv, KIN_SPAWN(.directory = first)), "here");
    }
    set_path("first");
    check_text(output_of(argv, KIN_SPAWN(.directory = place)), "here");
}

static void without_path_it_is_the_systems(void **state)
{
    (void)state;
    char *const argv[] = {"sh", "-c", "echo found", NULL};
    unsetenv("PATH");
    check_text(output_of(argv, NULL), "found");
}

static void without_search_a_name_is_a_path(void **state)
{
    (void)state;
    kin_process *process = NULL;
    char *const argv[] = {"tool", NULL};
    char first[256];
    snprintf(first, sizeof first, "%s/first", place);
    put("first", "tool", "#!/bin/sh\necho here\n", 0755);
    set_path("%/first");
    check_is(kin_process_spawn(argv, KIN_SPAWN(.flags = KIN_SPAWN_NO_PATH), &process), -ENOENT);
    check_text(output_of(argv, KIN_SPAWN(.flags = KIN_SPAWN_NO_PATH, .directory = first)), "here");
}

static void long_names_and_entries_are_harmless(void **state)
{
    (void)state;
    static char entries[16384], name[400];
    char *const argv[] = {"tool", NULL}, *const long_name[] = {name, NULL};
    kin_process *process = NULL;
    put("first", "tool", "#!/bin/sh\necho here\n", 0755);
    memset(entries, 'x', 10000);
    snprintf(entries + 10000, sizeof entries - 10000, ":%s/first", place);
    setenv("PATH", entries, 1);
    check_text(output_of(argv, NULL), "here");
    memset(name, 'n', sizeof name - 1);
    check_refused(kin_process_spawn(long_name, NULL, &process), -ENAMETOOLONG, "255");
}

#define SEARCH_TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

static int tests(void)
{
    const struct CMUnitTest all[] = {
        SEARCH_TEST(the_first_one_in_path_runs),
        SEARCH_TEST(one_that_may_not_be_executed_is_passed_over),
        SEARCH_TEST(what_is_no_directory_is_passed_over),
        SEARCH_TEST(a_denial_is_remembered),
        SEARCH_TEST(what_is_nowhere_is_told),
        SEARCH_TEST(a_loop_of_links_ends_the_search),
        SEARCH_TEST(a_script_without_a_first_line_is_the_shells),
        SEARCH_TEST(a_missing_interpreter_is_passed_over),
        SEARCH_TEST(an_empty_entry_is_the_current_directory),
        SEARCH_TEST(without_path_it_is_the_systems),
        SEARCH_TEST(without_search_a_name_is_a_path),
        SEARCH_TEST(long_names_and_entries_are_harmless),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
