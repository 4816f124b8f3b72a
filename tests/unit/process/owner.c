/* A child of another user. Only root may; else the tests are skipped. */
#include "program.h"
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOMEBODY 65534
#define NO_RIGHT 77

static const uid_t user = SOMEBODY;
static const gid_t group = SOMEBODY;

static void needs_root(void)
{
    if (geteuid() != 0)
        test_skip("not root here: no change of user");
    if (setgroups(0, NULL) < 0)
        test_skip("no right to change groups here (a user namespace?)");
}

/* Groups to lose. */
static void join_groups(void)
{
    const gid_t two[] = {1, 2};
    check_is(setgroups(2, two), 0);
}

#define OWNER SHELL("grep -E '^(Uid|Gid|Groups)' /proc/self/status | tr -s '\\t\\n ' ' '")

static void user_group_and_groups_are_changed(void **state)
{
    (void)state;
    needs_root();
    join_groups();
    check_text(output_of(OWNER, KIN_SPAWN(.uid = &user, .gid = &group)),
               "Uid: 65534 65534 65534 65534 Gid: 65534 65534 65534 65534 Groups: ");
    check_text(output_of(OWNER, KIN_SPAWN(.gid = &group)), "Uid: 0 0 0 0 Gid: 65534 65534 65534 65534 Groups: ");
    check_text(output_of(OWNER, KIN_SPAWN(.uid = &user)), "Uid: 65534 65534 65534 65534 Gid: 0 0 0 0 Groups: ");
    check_text(output_of(OWNER, NULL), "Uid: 0 0 0 0 Gid: 0 0 0 0 Groups: 1 2 ");
    check_is(geteuid(), 0);
    check_is(getgroups(0, NULL), 2);
}

/* Sharing memory with another user's child would have made it 0. */
static void the_parent_can_still_dump_core(void **state)
{
    (void)state;
    needs_root();
    check_is(prctl(PR_SET_DUMPABLE, 1), 0);
    output_of(OWNER, KIN_SPAWN(.uid = &user, .gid = &group));
    check_is(prctl(PR_GET_DUMPABLE), 1);
}

static void the_directory_must_be_open_to_that_user(void **state)
{
    needs_root();
    kin_process *process = NULL;
    check_is(chmod(*state, 0700), 0);
    check_refused(
        kin_process_spawn(SHELL("true"), KIN_SPAWN(.uid = &user, .gid = &group, .directory = *state), &process),
        -EACCES, "cannot go to directory");
}

static void a_failing_execution_is_told_from_there_too(void **state)
{
    (void)state;
    needs_root();
    kin_process *process = NULL;
    char *const missing[] = {"/no/such/program", NULL};
    check_refused(kin_process_spawn(missing, KIN_SPAWN(.uid = &user), &process), -ENOENT, "cannot execute");
}

static int raise_and_change(void *context)
{
    const struct rlimit none = {0, 0}, some = {512, 512};
    const struct kin_limit raised = {RLIMIT_CORE, {512, 1024}};
    (void)context;
    check_is(setrlimit(RLIMIT_CORE, &none), 0);
    if (setrlimit(RLIMIT_CORE, &some) < 0)
        return NO_RIGHT;
    check_text(output_of(SHELL("ulimit -c"), KIN_SPAWN(.uid = &user, .limits = &raised, .limit_count = 1)), "1");
    return 0;
}

static void limits_may_be_raised_before_the_user_changes(void **state)
{
    (void)state;
    needs_root();
    int result = test_end(test_child(raise_and_change, NULL));
    if (result == NO_RIGHT)
        test_skip("root has no CAP_SYS_RESOURCE here");
    check_is(result, 0);
}

static void the_lifeline_holds_after_the_change(void **state)
{
    (void)state;
    needs_root();
    check_text(output_of(PROBE("lifeline"), KIN_SPAWN(.uid = &user, .flags = KIN_SPAWN_LIFELINE)), "9");
    check_text(output_of(PROBE("lifeline"), KIN_SPAWN(.uid = &user)), "0");
}

static int try_as_nobody(void *context)
{
    kin_process *process = NULL;
    const struct rlimit none = {0, 0};
    (void)context;
    check_is(setrlimit(RLIMIT_CORE, &none), 0);
    check_is(setgid(SOMEBODY), 0);
    check_is(setuid(SOMEBODY), 0);
    const uid_t root = 0;
    const struct kin_limit raised = {RLIMIT_CORE, {0, KIN_UNLIMITED}};
    check_refused(kin_process_spawn(SHELL("true"), KIN_SPAWN(.uid = &root), &process), -EPERM,
                  "cannot leave the supplementary groups");
    check_refused(kin_process_spawn(SHELL("true"), KIN_SPAWN(.limits = &raised, .limit_count = 1), &process), -EPERM,
                  "to 0, at most unlimited");
    return 0;
}

static void without_the_right_it_is_told(void **state)
{
    (void)state;
    needs_root();
    check_is(test_end(test_child(try_as_nobody, NULL)), 0);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(user_group_and_groups_are_changed),
        TEST(the_parent_can_still_dump_core),
        TEST(the_directory_must_be_open_to_that_user),
        TEST(a_failing_execution_is_told_from_there_too),
        TEST(limits_may_be_raised_before_the_user_changes),
        TEST(the_lifeline_holds_after_the_change),
        TEST(without_the_right_it_is_told),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
