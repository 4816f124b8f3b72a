/* What the harness owes its caller: its own state back, no process left behind, and a sentence when it cannot work. */
#include "../../support/support.h"
#include <kin/crash.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kin_crash_result result;
static cpu_set_t cpus_at_start;
static pid_t *victim_seen; /* shared with the victim */

static int run(const struct kin_crash *crash, enum kin_crash_mode mode)
{
    return kin_crash_run(crash, mode, &result);
}

static int pass(void *context, const struct kin_crash_point *point)
{
    (void)context, (void)point;
    return 0;
}

static int return_zero(void *context)
{
    (void)context;
    return 0;
}

static void own_alarm(int signal)
{
    (void)signal;
}

static void the_caller_gets_its_own_back(void **state)
{
    (void)state;
    cpu_set_t after;
    struct sigaction action = {.sa_handler = own_alarm}, found;
    struct itimerval timer = {.it_value = {1000, 0}}, left;
    check_is(sigaction(SIGALRM, &action, NULL), 0);
    check_is(sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_IGN}, NULL), 0);
    check_is(setitimer(ITIMER_REAL, &timer, NULL), 0);
    check_is(run(KIN_CRASH(.victim = {.operate = return_zero}, .check = pass), KIN_CRASH_KILL), 0);
    check_is(sigaction(SIGALRM, NULL, &found), 0);
    check(found.sa_handler == own_alarm);
    check_is(sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, &found), 0);
    check(found.sa_handler == SIG_IGN);
    check_is(setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 0}}, &left), 0);
    check(left.it_value.tv_sec > 900);
    check_is(sched_getaffinity(0, sizeof after, &after), 0);
    check(CPU_EQUAL(&cpus_at_start, &after));
    check_is(waitpid(-1, NULL, 0), -1);
    check_is(errno, ECHILD);
}

static int stand_still(void *context)
{
    (void)context;
    __atomic_store_n(victim_seen, getpid(), __ATOMIC_RELEASE);
    pause();
    return 0;
}

/* One victim that is led to the end of an operation without end. */
static int step_for_ever(void *context)
{
    (void)context;
    return run(KIN_CRASH(.victim = {.operate = stand_still}, .check = pass, .limit = 1), KIN_CRASH_KILL);
}

static void the_victim_dies_with_its_tracer(void **state)
{
    (void)state;
    int status;
    victim_seen = test_shared(sizeof *victim_seen);
    check_is(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t tracer = test_child(step_for_ever, NULL);
    test_until(__atomic_load_n(victim_seen, __ATOMIC_ACQUIRE) != 0);
    test_kill(tracer);
    test_until(waitpid(*victim_seen, &status, WNOHANG) == *victim_seen);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    check_is(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

/* As a container without ptrace does it. */
static int forbid_ptrace(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1 : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int live_without_ptrace(void *context)
{
    const char *reason;
    (void)context;
    if (forbid_ptrace() < 0)
        return 77;
    check_is(kin_crash_available(&reason), 0);
    check(test_contains(reason, "no process may be traced here (Operation not permitted)"));
    check_is(run(KIN_CRASH(.victim = {.operate = return_zero}, .check = pass), KIN_CRASH_KILL), -EPERM);
    check(test_contains(result.sentence, "no process may be traced here"));
    return 0;
}

static void a_machine_without_ptrace_says_so(void **state)
{
    (void)state;
    int status = test_end(test_child(live_without_ptrace, NULL));
    if (status == 77)
        test_skip("no seccomp filters here");
    check_is(status, 0);
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    check_is(run(KIN_CRASH(.check = pass), KIN_CRASH_KILL), -EINVAL);
    check_is(strcmp(result.sentence, "this mode needs the callback .victim.operate"), 0);
    check_is(run(KIN_CRASH(.victim = {.operate = return_zero}), KIN_CRASH_SNAPSHOT), -EINVAL);
    check(test_contains(result.sentence, ".check"));
    check_is(run(KIN_CRASH(.victim = {.operate = return_zero}, .check = pass), KIN_CRASH_SNAPSHOT), -EINVAL);
    check(test_contains(result.sentence, ".regions"));
    check_is(run(KIN_CRASH(.victim = {.operate = return_zero}, .check = pass), KIN_CRASH_KILL_TWICE), -EINVAL);
    check(test_contains(result.sentence, ".second.operate"));
    check_is(run(KIN_CRASH(.check = pass), KIN_CRASH_RANDOM), -EINVAL);
    check(test_contains(result.sentence, ".work"));
    check_is(run(KIN_CRASH(.check = pass), (enum kin_crash_mode)9), -EINVAL);
    check(test_contains(result.sentence, "no mode 9"));
}

int main(void)
{
    const char *reason;
    sched_getaffinity(0, sizeof cpus_at_start, &cpus_at_start);
    if (!kin_crash_available(&reason)) {
        printf("1..0 # SKIP %s\n", reason);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        TEST(the_caller_gets_its_own_back),
        TEST(the_victim_dies_with_its_tracer),
        TEST(a_machine_without_ptrace_says_so),
        TEST(what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
