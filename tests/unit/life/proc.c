/* What /proc shows is not always the truth about this process's neighbours. */
#include "lives.h"
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Runs it as a child of pid 1 of a new PID namespace; `proc` are the options of a /proc of its own, NULL: the old one
 * stays. -1: not permitted here. */
struct inside {
    kin_segment *segment;
    const char *proc;
    int (*run)(void *segment);
};

static int as_pid_one(struct inside *inside)
{
    if (inside->proc &&
        (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("proc", "/proc", "proc", 0, inside->proc) < 0))
        return 77;
    return test_end(test_child(inside->run, inside->segment));
}

static int in_new_namespace(void *context)
{
    int status;
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        return 77;
    pid_t first = fork(); /* not test_child(): its parent is number 0 in there */
    if (first == 0)
        _exit(as_pid_one(context));
    check_is(waitpid(first, &status, 0), first);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

/* The next child's number. */
static void next_number(int number)
{
    FILE *file = fopen("/proc/sys/kernel/ns_last_pid", "w");
    check(file && fprintf(file, "%d", number - 1) > 0 && fclose(file) == 0);
}

static int unused_number(void)
{
    char path[64];
    for (int number = 20000;; number++) {
        snprintf(path, sizeof path, "/proc/%d", number);
        if (access(path, F_OK) < 0)
            return number;
    }
}

/* A living owner, and a waiter that looks at him four times. */
static int hold_and_ask(void *segment)
{
    pid_t owner = test_child(hold_the_lock, segment);
    flag_await(segment, 0);
    check_is(acquire_and_release(segment, kin_after(SECOND)), -ETIMEDOUT);
    test_kill(owner);
    check_is(acquire_and_release(segment, SOON), KIN_RECOVERED);
    return 0;
}

static int hold_and_ask_as_nobody_outside(void *segment)
{
    next_number(unused_number());
    return hold_and_ask(segment);
}

static void in_a_namespace(const char *proc, int (*run)(void *segment))
{
    struct inside inside = {desk_open(), proc, run};
    int result = test_end(test_child(in_new_namespace, &inside));
    kin_segment_close(inside.segment);
    if (result == 77)
        test_skip("no permission to make a PID namespace here");
    check_is(result, 0);
}

static void a_namespace_with_its_own_proc(void **state)
{
    (void)state;
    in_a_namespace("", hold_and_ask);
}

/* As `unshare --pid --fork` without --mount-proc leaves it: /proc numbers the processes of another namespace. */
static void a_namespace_with_a_strange_proc(void **state)
{
    (void)state;
    in_a_namespace(NULL, hold_and_ask_as_nobody_outside);
}

static void become(unsigned user)
{
    check_is(setgroups(0, NULL), 0);
    check_is(setresgid(user, user, user), 0);
    check_is(setresuid(user, user, user), 0);
}

static int hold_as_another_user(void *segment)
{
    become(65533);
    return hold_the_lock(segment);
}

static int ask_as_another_user(void *segment)
{
    become(65534);
    check_is(acquire_and_release(segment, kin_after(SECOND)), -ETIMEDOUT); /* four backstops */
    return 0;
}

static int hold_and_ask_across_users(void *segment)
{
    test_child(hold_as_another_user, segment);
    flag_await(segment, 0);
    return test_end(test_child(ask_as_another_user, segment));
}

/* hidepid=2: other users' processes are not there to be seen. What is not seen is not dead. */
static void a_proc_that_hides_others(void **state)
{
    check_is(kin_domain_open(*state, NULL, &(kin_domain *){NULL}), 0);
    char path[128];
    chmod(*state, 01777);
    snprintf(path, sizeof path, "%s/domain", (char *)*state);
    chmod(path, 0666);
    in_a_namespace("hidepid=2", hold_and_ask_across_users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_namespace_with_its_own_proc),
        TEST(a_namespace_with_a_strange_proc),
        TEST(a_proc_that_hides_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
