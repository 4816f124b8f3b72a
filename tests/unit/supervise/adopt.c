/* A supervisor that is killed: all below goes with it, or the next one takes it over. */
#include "stage.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct shared {
    pid_t pids[3];
    int go;
};

static void add_programs(kin_supervisor *self)
{
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "web", .argv = SHELL("echo up; exec sleep 1000"),
                                                  .capture = 1, .instances = 2)),
             0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "db", .argv = SHELL("exec sleep 1000"))), 0);
}

static kin_supervisor *options(unsigned flags)
{
    kin_supervisor *self = stage_plain("site", flags);
    add_programs(self);
    return self;
}

static unsigned flags_of_first;

static int supervise(void *context)
{
    struct shared *shared = context;
    kin_supervisor *self = options(flags_of_first);
    check_is(kin_supervisor_start(self, NULL), 0);
    stage_until(self, stage_count(stage_output, "up") == 2 && stage_is(self, "db", KIN_INSTANCE_READY));
    shared->pids[0] = stage_look(self, "web.1").pid;
    shared->pids[1] = stage_look(self, "web.2").pid;
    shared->pids[2] = stage_look(self, "db").pid;
    __atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
    for (;;)
        kin_supervisor_wait(self, KIN_FOREVER);
}

/* A supervisor with all that runs, killed. */
static struct shared *kill_supervisor(unsigned flags)
{
    struct shared *shared = test_shared(sizeof *shared);
    flags_of_first = flags;
    pid_t child = test_child(supervise, shared);
    test_until(__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE));
    test_kill(child);
    return shared;
}

static void without_adoption_all_goes_with_it(void **state)
{
    (void)state;
    struct shared *shared = kill_supervisor(0);
    for (int i = 0; i < 3; i++)
        test_until(!stage_lives(shared->pids[i]));
    kin_supervisor *self = options(0);
    check_is(kin_supervisor_start(self, NULL), 0);
    stage_until(self, stage_is(self, "db", KIN_INSTANCE_READY));
    check(stage_look(self, "db").pid != shared->pids[2]);
    kin_supervisor_close(self);
}

static void the_next_one_adopts_exactly_what_lives(void **state)
{
    (void)state;
    struct shared *shared = kill_supervisor(KIN_SUPERVISE_ADOPT);
    check(stage_lives(shared->pids[0]) && stage_lives(shared->pids[1]) && stage_lives(shared->pids[2]));
    kill(shared->pids[1], SIGKILL);
    test_until(!stage_lives(shared->pids[1]));
    kin_supervisor *self = options(KIN_SUPERVISE_ADOPT);
    check(stage_is(self, "web.1", KIN_INSTANCE_READY) && stage_is(self, "db", KIN_INSTANCE_READY));
    check_is(stage_look(self, "web.1").pid, shared->pids[0]);
    check_is(stage_look(self, "db").pid, shared->pids[2]);
    stage_until(self, stage_look(self, "web.2").restarts == 1 && stage_is(self, "web.2", KIN_INSTANCE_READY));
    check_is(stage_count(stage_events, "web.2 ended"), 1);
    check_is(stage_look(self, "web.1").restarts, 0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check_is(stage_look(self, "web.1").pid, shared->pids[0]);
    check_is(kin_supervisor_stop(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    check(!stage_lives(shared->pids[0]) && !stage_lives(shared->pids[2]));
    kin_supervisor_close(self);
}

/* A program that the next supervisor does not have is not left running. */
static void nobody_is_left_out(void **state)
{
    (void)state;
    struct shared *shared = kill_supervisor(KIN_SUPERVISE_ADOPT);
    kin_supervisor *self = stage_plain("site", KIN_SUPERVISE_ADOPT);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "db", .argv = SHELL("exec sleep 1000"))), 0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check_is(stage_count(stage_events, "its program is not known any more"), 2);
    test_until(!stage_lives(shared->pids[0]) && !stage_lives(shared->pids[1]));
    check_is(stage_look(self, "db").pid, shared->pids[2]);
    check_is(kin_supervisor_stop(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    kin_supervisor_close(self);
}

static int print_more(void *context)
{
    struct shared *shared = context;
    kin_supervisor *self = stage_plain("site", KIN_SUPERVISE_ADOPT);
    check_is(
        kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .capture = 1,
                                             .argv = SHELL("trap 'echo more' USR1; echo up; while :; do sleep 0.01;"
                                                           " done"))),
        0);
    check_is(kin_supervisor_start(self, NULL), 0);
    stage_until(self, stage_count(stage_output, "up"));
    shared->pids[0] = stage_look(self, "it").pid;
    __atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
    for (;;)
        pause();
}

/* What is printed while there is no supervisor waits for the next. */
static void pipes_outlive_the_supervisor(void **state)
{
    (void)state;
    struct shared *shared = test_shared(sizeof *shared);
    pid_t child = test_child(print_more, shared);
    test_until(__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE));
    test_kill(child);
    kill(shared->pids[0], SIGUSR1);
    kin_supervisor *self = stage_plain("site", KIN_SUPERVISE_ADOPT);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .capture = 1, .argv = SHELL("exit 1"))), 0);
    stage_until(self, stage_count(stage_output, "it:more\n") == 1);
    check_is(kin_supervisor_stop(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    kin_supervisor_close(self);
}

static void one_name_has_one_living_supervisor(void **state)
{
    kin_supervisor *other, *self = options(0);
    (void)state;
    check_is(kin_supervisor_start(self, NULL), 0);
    check_refused(kin_supervisor_open(NULL, "site", NULL, &other), -EBUSY, "site");
    check_is(kin_supervisor_look(NULL, "site", &other), 0);
    struct kin_supervisor_status status;
    check_is(kin_supervisor_status(other, &status), 0);
    check(status.alive && status.pid == getpid());
    check_is(status.instances, 3);
    check_is(status.running, 3);
    check_is(stage_look(other, "web.2").pid, stage_look(self, "web.2").pid);
    check_refused(kin_supervisor_stop(other, NULL), -EINVAL, "only looks");
    kin_supervisor_close(other);
    check_refused(kin_supervisor_look(NULL, "nothing", &other), -ENOENT, "nothing");
    kin_supervisor_close(self);
}

/* A process that leaves its group and its parent comes to the supervisor, and goes with its instance. */
static void orphans_go_with_their_instance(void **state)
{
    (void)state;
    pid_t orphan;
    kin_supervisor *self = stage_plain(NULL, KIN_SUPERVISE_SUBREAPER);
    check_is(kin_supervisor_add(
                 self, KIN_PROGRAM(.name = "it", .capture = 1,
                                   .argv = SHELL("(setsid sh -c 'echo $$; exec sleep 1000' &) ; exec sleep 1000"))),
             0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "short", .restart = KIN_RESTART_NEVER,
                                                  .argv = SHELL("(setsid true &); exit"))),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    stage_until(self, strchr(stage_output, '\n'));
    check_is(sscanf(stage_output, "it:%d", &orphan), 1);
    check(stage_lives(orphan));
    check_is(kin_supervisor_stop(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    struct kin_supervisor_status status;
    do {
        check(stage_step(self) != -ETIMEDOUT);
        kin_supervisor_status(self, &status);
    } while (status.orphans < 2);
    check(!stage_lives(orphan));
    kin_supervisor_close(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_adoption_all_goes_with_it),
        TEST(the_next_one_adopts_exactly_what_lives),
        TEST(nobody_is_left_out),
        TEST(pipes_outlive_the_supervisor),
        TEST(one_name_has_one_living_supervisor),
        TEST(orphans_go_with_their_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
