/* Starting, ending, being tried again, giving up, strategies, order. */
#include "stage.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void it_runs_and_is_stopped(void **state)
{
    (void)state;
    kin_supervisor *self = stage_plain(NULL, 0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "nap", .argv = SHELL("exec sleep 1000"))), 0);
    check_is(kin_supervisor_wait(self, KIN_NOW), -ECHILD);
    check_is(kin_supervisor_start(self, NULL), 0);
    stage_until(self, stage_is(self, "nap", KIN_INSTANCE_READY));
    struct kin_instance nap = stage_look(self, "nap");
    check(stage_lives(nap.pid));
    check(nap.start != 0 && nap.restarts == 0 && nap.last.kind == 0);
    check_is(kin_supervisor_stop(self, "nap"), 0);
    check_is(stage_end(self), -ECHILD);
    nap = stage_look(self, "nap");
    check_is(nap.state, KIN_INSTANCE_OFF);
    check_is(nap.last.kind, KIN_KILLED);
    check_is(nap.last.status, SIGTERM);
    check(!stage_lives(nap.pid));
    kin_supervisor_close(self);
}

static void it_is_restarted_as_its_program_says(void **state)
{
    (void)state;
    static const struct {
        enum kin_restart restart;
        char *command;
        enum kin_instance_state end;
        uint32_t restarts;
    } cases[] = {
        {KIN_RESTART_NEVER, "exit 0", KIN_INSTANCE_OFF, 0},
        {KIN_RESTART_NEVER, "exit 3", KIN_INSTANCE_FAILED, 0},
        {KIN_RESTART_ON_FAILURE, "exit 0", KIN_INSTANCE_OFF, 0},
        {KIN_RESTART_ON_FAILURE, "exit 3", KIN_INSTANCE_OFF, 2},
        {KIN_RESTART_ON_FAILURE, "kill -9 $$", KIN_INSTANCE_OFF, 2},
        {KIN_RESTART_ALWAYS, "exit 0", KIN_INSTANCE_OFF, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kin_supervisor *self = stage_open(NULL, KIN_SUPERVISOR(.intensity = 3));
        check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .argv = SHELL(cases[i].command),
                                                      .restart = cases[i].restart, .pause_min = MS, .pause_max = MS)),
                 0);
        check_is(kin_supervisor_start(self, NULL), 0);
        check_is(stage_end(self), cases[i].restarts ? -ECANCELED : -ECHILD);
        check_is(stage_look(self, "it").state, cases[i].end);
        check_is(stage_look(self, "it").restarts, cases[i].restarts);
        struct kin_supervisor_status status;
        kin_supervisor_status(self, &status);
        check_is(status.ends, cases[i].restarts + 1);
        kin_supervisor_close(self);
    }
}

static void a_command_that_does_not_exist_is_told_and_given_up(void **state)
{
    (void)state;
    kin_supervisor *self = stage_open(NULL, KIN_SUPERVISOR(.intensity = 2));
    char *const argv[] = {"/nowhere/at-all", NULL};
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .argv = argv, .pause_min = MS)), 0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check_is(stage_end(self), -ECANCELED);
    check(test_contains(stage_events, "it trouble /nowhere/at-all was not started: cannot execute it"));
    check(test_contains(stage_look(self, "it").status, "No such file"));
    check(test_contains(stage_events, "gave up"));
    kin_supervisor_close(self);
}

static void all_start_in_order_and_stop_the_other_way_round(void **state)
{
    (void)state;
    kin_supervisor *self = stage_plain(NULL, 0);
    const char *const after_db[] = {"db", NULL}, *const after_app[] = {"app", NULL};
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "web", .argv = SHELL("exec sleep 1000"), .after = after_app)),
             0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "app", .argv = SHELL("echo >&3; exec sleep 1000"),
                                                  .after = after_db, .readiness = KIN_READY_FD, .ready_fd = 3)),
             0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "db", .argv = SHELL("exec sleep 1000"))), 0);
    check_is(kin_supervisor_start(self, "web"), 0);
    stage_until(self, stage_is(self, "web", KIN_INSTANCE_READY));
    const char *db = strstr(stage_events, "db ready"), *app = strstr(stage_events, "app ready");
    check(db && app && db < app && app < strstr(stage_events, "web starting"));
    stage_events[0] = 0;
    check_is(kin_supervisor_stop(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    const char *web_off = strstr(stage_events, "web off"), *app_off = strstr(stage_events, "app off");
    check(web_off && app_off && web_off < strstr(stage_events, "app stopping"));
    check(app_off < strstr(stage_events, "db stopping"));
    kin_supervisor_close(self);
}

static void rings_and_unknown_names_are_refused(void **state)
{
    (void)state;
    kin_supervisor *self = stage_plain(NULL, 0);
    const char *const after_a[] = {"a", NULL}, *const after_b[] = {"b", NULL}, *const after_c[] = {"c", NULL};
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "a", .argv = SHELL("true"), .after = after_c)), 0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "b", .argv = SHELL("true"), .after = after_a)), 0);
    check_refused(kin_supervisor_start(self, NULL), -ENOENT, "a comes after \"c\"");
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "c", .argv = SHELL("true"), .after = after_b)), 0);
    check_refused(kin_supervisor_start(self, NULL), -ELOOP, "ring");
    check_refused(kin_supervisor_add(self, KIN_PROGRAM(.name = "c", .argv = SHELL("true"))), -EEXIST, "\"c\"");
    check_refused(kin_supervisor_add(self, KIN_PROGRAM(.name = "d.e", .argv = SHELL("true"))), -EINVAL, "d.e");
    check_refused(kin_supervisor_add(self, KIN_PROGRAM(.name = "d")), -EINVAL, "argv");
    check_refused(kin_supervisor_stop(self, "nobody"), -ENOENT, "nobody");
    check_refused(kin_supervisor_signal(self, "a", SIGHUP), -ESRCH, "a does not run");
    check_refused(kin_supervisor_reload(self, "a"), -EINVAL, "a is not ready");
    kin_supervisor_close(self);
}

static void who_is_restarted_with_it(void **state)
{
    (void)state;
    static const struct {
        enum kin_strategy strategy;
        const char *restarted; /* of a, b, c when b dies */
    } cases[] = {{KIN_ONE_FOR_ONE, "b"}, {KIN_REST_FOR_ONE, "bc"}, {KIN_ONE_FOR_ALL, "abc"}};
    for (size_t i = 0; i < 3; i++) {
        kin_supervisor *self = stage_open(NULL, KIN_SUPERVISOR(.strategy = cases[i].strategy));
        for (const char *name = "a\0b\0c\0"; *name; name += 2)
            check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = name, .argv = SHELL("exec sleep 1000"),
                                                          .pause_min = MS, .pause_max = MS)),
                     0);
        check_is(kin_supervisor_start(self, NULL), 0);
        check_is(kin_supervisor_signal(self, "b", SIGKILL), 0);
        for (const char *name = "a\0b\0c\0"; *name; name += 2) {
            uint32_t wanted = strchr(cases[i].restarted, *name) ? 1 : 0;
            stage_until(self, stage_look(self, name).restarts == wanted && stage_is(self, name, KIN_INSTANCE_READY));
        }
        kin_supervisor_close(self);
    }
}

static void who_waits_for_a_failed_one_is_told(void **state)
{
    (void)state;
    kin_supervisor *self = stage_plain(NULL, 0);
    const char *const after[] = {"db", NULL};
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "db", .argv = SHELL("exit 1"), .restart = KIN_RESTART_NEVER,
                                                  .readiness = KIN_READY_NOTIFY)),
             0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "app", .argv = SHELL("true"), .after = after)), 0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    check(test_contains(stage_events, "app trouble waits for db, which has failed"));
    check_is(stage_look(self, "app").state, KIN_INSTANCE_HELD);
    kin_supervisor_close(self);
}

/* sleep ignores nothing, so its shell does, and waits for it. */
static void who_ignores_the_stop_signal_is_killed_with_all_it_started(void **state)
{
    (void)state;
    kin_supervisor *self = stage_plain(NULL, 0);
    check_is(
        kin_supervisor_add(self, KIN_PROGRAM(.name = "deaf", .grace = 50 * MS, .capture = 1,
                                             .argv = SHELL("trap '' TERM; sh -c 'trap \"\" TERM; echo $$; while :; do"
                                                           " sleep 1; done' & wait; wait"))),
        0);
    check_is(kin_supervisor_start(self, NULL), 0);
    stage_until(self, strchr(stage_output, '\n'));
    pid_t grandchild = 0;
    check_is(sscanf(stage_output, "deaf:%d", &grandchild), 1);
    check(stage_lives(grandchild));
    check_is(kin_supervisor_stop(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    check_is(stage_look(self, "deaf").last.status, SIGKILL);
    test_until(!stage_lives(grandchild));
    kin_supervisor_close(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_runs_and_is_stopped),
        TEST(it_is_restarted_as_its_program_says),
        TEST(a_command_that_does_not_exist_is_told_and_given_up),
        TEST(all_start_in_order_and_stop_the_other_way_round),
        TEST(rings_and_unknown_names_are_refused),
        TEST(who_is_restarted_with_it),
        TEST(who_waits_for_a_failed_one_is_told),
        TEST(who_ignores_the_stop_signal_is_killed_with_all_it_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
