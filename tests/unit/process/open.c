/* Processes that kin did not start: opened by number and start time, waited for without being reaped. */
#include "namespace.h"
#include "program.h"
#include "sources.h"
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A grandchild: its parent tells its number, and reaps it only when told. */
struct line {
    pid_t grandchild;
    int reap;
    int (*run)(void);
};

static int set(int *flag, int value)
{
    __atomic_store_n(flag, value, __ATOMIC_SEQ_CST);
    return value;
}

static int get(const int *flag)
{
    return __atomic_load_n(flag, __ATOMIC_SEQ_CST);
}

static int be_a_parent(void *context)
{
    struct line *line = context;
    pid_t child = fork();
    if (child == 0)
        _exit(line->run());
    set(&line->grandchild, child);
    test_until(get(&line->reap));
    check_is(waitpid(child, NULL, 0), child);
    set(&line->reap, 2);
    pause();
    return 0;
}

static struct line *line_of(int (*run)(void), pid_t *parent)
{
    struct line *line = test_shared(sizeof *line);
    line->run = run;
    *parent = test_child(be_a_parent, line);
    test_until(get(&line->grandchild));
    return line;
}

static void reap_it(struct line *line)
{
    set(&line->reap, 1);
    test_until(get(&line->reap) == 2);
}

static kin_process *opened(pid_t pid, uint64_t start)
{
    kin_process *process;
    check_is(kin_process_open(pid, start, 0, &process), 0);
    check_is(kin_process_pid(process), pid);
    return process;
}

static int sleep_on(void)
{
    for (;;)
        pause();
    return 0;
}

static int exit_with_5(void)
{
    return 5;
}

static void *exit_with_9(void *unused)
{
    (void)unused;
    while (true) {
        char text[64], state = 0;
        snprintf(text, sizeof text, "/proc/%d/stat", getpid());
        FILE *file = fopen(text, "r");
        if (file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1 && state == 'Z')
            _exit(9);
        if (file)
            fclose(file);
    }
}

static int end_after_its_leader(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, exit_with_9, NULL);
    pthread_exit(NULL);
}

static void end_is(kin_process *process, enum kin_exit_kind kind, int status)
{
    struct kin_exit how;
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    check_is(how.kind, kind);
    check_is(how.status, status);
    check_is(kin_process_wait(process, 0, KIN_NOW, NULL), 0);
}

static void a_strangers_end_is_waited_for(void **state)
{
    (void)state;
    pid_t parent;
    struct kin_exit how = {.status = 1234};
    struct line *line = line_of(sleep_on, &parent);
    kin_process *process = opened(line->grandchild, 0);
    check_refused(kin_process_wait(process, 0, KIN_NOW, &how), -ETIMEDOUT, "goes on");
    kin_time until = kin_after(20 * MILLISECONDS);
    check_is(kin_process_wait(process, 0, until, &how), -ETIMEDOUT);
    check(kin_after(1) > until && how.status == 1234);
    check_refused(kin_process_wait(process, KIN_WAIT_STOPPED, KIN_NOW, &how), -ECHILD, "only its parent");
    check_is(readable(kin_process_fd(process)), 0);
    check_is(kin_process_signal(process, SIGTERM), 0);
    end_is(process, KIN_KILLED, SIGTERM);
    check_is(readable(kin_process_fd(process)), 1);
    reap_it(line); /* its parent finds what it looks for */
    end_is(process, KIN_KILLED, SIGTERM);
    kin_process_close(process);
    test_kill(parent);
}

static void a_zombie_tells_its_status(void **state)
{
    (void)state;
    pid_t parents[2];
    struct line *five = line_of(exit_with_5, &parents[0]), *nine = line_of(end_after_its_leader, &parents[1]);
    kin_process *one = opened(five->grandchild, 0), *other = opened(nine->grandchild, 0);
    end_is(one, KIN_EXITED, 5);
    end_is(other, KIN_EXITED, 9);
    check_refused(kin_process_signal(one, SIGTERM), -ESRCH, "has ended");
    kin_process_close(one);
    kin_process_close(other);
    test_kill(parents[0]);
    test_kill(parents[1]);
}

static bool kernel_tells(kin_process *process)
{
    struct kin_exit how;
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    return how.kind != KIN_ENDED;
}

static void who_was_reaped_first_is_asked_of_the_kernel(void **state)
{
    (void)state;
    pid_t parent;
    struct line *line = line_of(sleep_on, &parent);
    kin_process *process = opened(line->grandchild, 0);
    kill(line->grandchild, SIGUSR2);
    reap_it(line);
    if (kernel_tells(process))
        end_is(process, KIN_KILLED, SIGUSR2);
    else
        end_is(process, KIN_ENDED, 0);
    kin_process_close(process);
    test_kill(parent);
}

/* Who may not look at the zombie is told that it ended, and how when its parent has reaped it. */
static int look_as_nobody(void *context)
{
    struct line *line = context;
    struct kin_exit how;
    char text[64];
    kin_process *process = opened(line->grandchild, 0);
    check_is(setresuid(65534, 65534, 65534), 0);
    check_refused(kin_process_signal(process, 0), -EPERM, "CAP_KILL");
    set(&line->reap, -1);
    end_is(process, KIN_ENDED, 0);
    check_is(kin_process_wait(process, 0, KIN_NOW, &how), 0);
    check_text(kin_exit_text(&how, text, sizeof text), "ended; how is not known");
    set(&line->reap, 1);
    test_until(get(&line->reap) == 2);
    if (kernel_tells(process))
        end_is(process, KIN_EXITED, 5);
    return 0;
}

static int exit_when_told(void)
{
    sigset_t set;
    int signal;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return sigwait(&set, &signal) == 0 ? 5 : 1;
}

static int be_a_parent_that_tells(void *context)
{
    struct line *line = context;
    pid_t child = fork();
    if (child == 0)
        _exit(line->run());
    set(&line->grandchild, child);
    test_until(get(&line->reap) == -1);
    kill(child, SIGUSR1);
    test_until(get(&line->reap) == 1);
    check_is(waitpid(child, NULL, 0), child);
    set(&line->reap, 2);
    return 0;
}

static void what_may_not_be_seen_is_not_known(void **state)
{
    (void)state;
    if (geteuid() != 0)
        test_skip("it takes root to become another user");
    struct line *line = test_shared(sizeof *line);
    line->run = exit_when_told;
    sigset_t before;
    check_is(kin_mask_block(KIN_SIGNALS(SIGUSR1), &before), 0);
    pid_t parent = test_child(be_a_parent_that_tells, line);
    check_is(kin_mask_restore(&before), 0);
    test_until(get(&line->grandchild));
    check_is(test_end(test_child(look_as_nobody, line)), 0);
    check_is(test_end(parent), 0);
}

/* The trap: who reaps whose child. */
static void an_own_child_is_not_reaped_by_watching(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(6);
    kin_process *process = opened(child, 0);
    end_is(process, KIN_EXITED, 6);
    kin_process_close(process);
    check_is(waitpid(child, &status, WNOHANG), child);
    check_is(WEXITSTATUS(status), 6);
}

static void an_own_child_is_reaped_when_asked_for(void **state)
{
    (void)state;
    kin_process *process, *none = NULL;
    pid_t child = fork();
    if (child == 0)
        _exit(6);
    check_is(kin_process_open(child, 0, KIN_PROCESS_REAP, &process), 0);
    end_is(process, KIN_EXITED, 6);
    check_is(waitpid(child, NULL, WNOHANG), -1);
    check_is(errno, ECHILD);
    kin_process_close(process);
    check_refused(kin_process_open(getppid(), 0, KIN_PROCESS_REAP, &none), -ECHILD, "no child of this process");
    check(!none);
}

static void bad_numbers_are_refused(void **state)
{
    (void)state;
    kin_process *none = NULL;
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    check_is(waitpid(gone, NULL, 0), gone);
    check_refused(kin_process_open(gone, 0, 0, &none), -ESRCH, "there is no process");
    check_refused(kin_process_open(0, 0, 0, &none), -EINVAL, "no number of a process");
    check_refused(kin_process_open(-5, 0, 0, &none), -EINVAL, "no number of a process");
    check_refused(kin_process_open(1 << 30, 0, 0, &none), -ESRCH, "there is no process");
    check_refused(kin_process_open(getpid(), 0, 16, &none), -EINVAL, "0x10");
    check_refused(kin_process_open(getpid(), 1, 0, &none), -ESRCH, "started at 1 has ended");
    check(!none);
}

static void *tell_number(void *context)
{
    kin_process *none = NULL;
    (void)context;
    check_refused(kin_process_open(gettid(), 0, 0, &none), -EINVAL, "number of a thread");
    check(!none);
    return NULL;
}

static void a_thread_is_no_process(void **state)
{
    (void)state;
    pthread_t thread;
    check_is(pthread_create(&thread, NULL, tell_number, NULL), 0);
    check_is(pthread_join(thread, NULL), 0);
}

static void the_start_names_it(void **state)
{
    (void)state;
    kin_process *child = child_that_hangs();
    uint64_t start = kin_process_start(child);
    check(start > 0);
    kin_process *again = opened(kin_process_pid(child), start);
    check_is(kin_process_start(again), start);
    check_is(kin_process_signal(again, SIGKILL), 0);
    check_is(kin_process_wait(child, 0, KIN_FOREVER, NULL), 0);
    check_is(kin_process_start(child), 0);
    check_is(kin_process_start(again), start);
    end_is(again, KIN_KILLED, SIGKILL);
    kin_process_close(again);
    kin_process_close(child);
}

/* The trap: the number was reused. */
enum { NUMBER = 4343 };

static pid_t sleeper_with_the_number(void)
{
    pid_t child = test_child_with_number(NUMBER);
    if (child == 0)
        sleep_on();
    check_is(child, NUMBER);
    return child;
}

static int use_a_number_twice(void *context)
{
    kin_process *none = NULL;
    struct kin_exit how;
    int status;
    (void)context;
    kin_process *first = opened(sleeper_with_the_number(), 0);
    uint64_t start = kin_process_start(first);
    check(start > 0);
    kill(NUMBER, SIGUSR2);
    check_is(waitpid(NUMBER, &status, 0), NUMBER);
    test_next_tick();
    sleeper_with_the_number();
    check_refused(kin_process_open(NUMBER, start, 0, &none), -ESRCH, "the number is that of one that started at");
    check_refused(kin_process_signal(first, SIGKILL), -ESRCH, "has ended");
    check_refused(kin_process_queue(first, SIGRTMIN, 1), -ESRCH, "has ended");
    check_is(kin_process_start(first), start);
    check_is(kin_process_wait(first, 0, KIN_NOW, &how), 0);
    check(how.kind == KIN_ENDED || (how.kind == KIN_KILLED && how.status == SIGUSR2));
    kin_process *second = opened(NUMBER, 0);
    check(kin_process_start(second) > start);
    check_is(kin_process_signal(second, 0), 0); /* alive: none of it came to the newcomer */
    check_is(waitpid(NUMBER, &status, WNOHANG), 0);
    kill(NUMBER, SIGKILL);
    check_is(waitpid(NUMBER, &status, 0), NUMBER);
    kin_process_close(first);
    kin_process_close(second);
    return 0;
}

static void a_number_that_was_reused_is_refused(void **state)
{
    (void)state;
    int result = test_in_namespace(use_a_number_twice, NULL);
    test_need_namespaces(result);
    check_is(result, 0);
}

/* /proc is another namespace's: nobody can say when a process here started. */
static int ask_a_strange_proc(void *context)
{
    int status;
    (void)context;
    if (unshare(CLONE_NEWPID) < 0)
        return 77;
    pid_t first = fork();
    if (first == 0) {
        kin_process *process = NULL;
        check_refused(kin_process_open(getpid(), 5, 0, &process), -EACCES, "/proc does not show");
        check(!process);
        process = opened(getpid(), 0);
        check_is(kin_process_start(process), 0);
        _exit(0);
    }
    check_is(waitpid(first, &status, 0), first);
    return status;
}

static void without_proc_nothing_is_taken_on_trust(void **state)
{
    (void)state;
    int result = test_end(test_child(ask_a_strange_proc, NULL));
    test_need_namespaces(result);
    check_is(result, 0);
}

/* The trap: nobody looks after orphans, and init takes them. */
static int leave_an_orphan(void *context)
{
    pid_t child = fork();
    if (child == 0)
        _exit(exit_when_told());
    set(context, child);
    return 0;
}

static int adopt(void *context)
{
    kin_process *orphan;
    struct kin_exit how;
    int on = 0;
    kin_signals *signals = source(KIN_SIGNALS(SIGCHLD));
    check_is(kin_mask_block(KIN_SIGNALS(SIGUSR1), NULL), 0);
    check_is(kin_process_subreaper(1), 0);
    check_is(prctl(PR_GET_CHILD_SUBREAPER, &on, 0, 0, 0), 0);
    check_is(on, 1);
    check_is(test_end(test_child(leave_an_orphan, context)), 0);
    check_is(next(signals).signal, SIGCHLD);
    check_is(kin_process_open(get(context), 0, KIN_PROCESS_REAP, &orphan), 0);
    check_is(kin_process_wait(orphan, 0, KIN_NOW, &how), -ETIMEDOUT);
    check_is(kin_process_signal(orphan, SIGUSR1), 0);
    check_is(next(signals).pid, kin_process_pid(orphan));
    check_is(kin_process_wait(orphan, 0, KIN_NOW, &how), 0);
    check_is(how.kind, KIN_EXITED);
    check_is(how.status, 5);
    check_is(waitpid(-1, NULL, WNOHANG), -1);
    check_is(errno, ECHILD);
    kin_process_close(orphan);
    check_is(kin_process_subreaper(0), 0);
    check_is(prctl(PR_GET_CHILD_SUBREAPER, &on, 0, 0, 0), 0);
    check_is(on, 0);
    return 0;
}

static void orphans_go_to_the_subreaper(void **state)
{
    (void)state;
    check_is(test_end(test_child(adopt, test_shared(sizeof(int)))), 0);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(a_strangers_end_is_waited_for),
        TEST(a_zombie_tells_its_status),
        TEST(who_was_reaped_first_is_asked_of_the_kernel),
        TEST(what_may_not_be_seen_is_not_known),
        TEST(an_own_child_is_not_reaped_by_watching),
        TEST(an_own_child_is_reaped_when_asked_for),
        TEST(bad_numbers_are_refused),
        TEST(a_thread_is_no_process),
        TEST(the_start_names_it),
        TEST(a_number_that_was_reused_is_refused),
        TEST(without_proc_nothing_is_taken_on_trust),
        TEST(orphans_go_to_the_subreaper),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
