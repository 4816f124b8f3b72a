/* A child that runs a function of ours. */
#include "program.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void ends_with(kin_process *process, enum kin_exit_kind kind, int status)
{
    struct kin_exit how;
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    check_is(how.kind, kind);
    check_is(how.status, status);
    kin_process_close(process);
}

static void runs(int (*run)(void *context), void *context, const struct kin_spawn_options *options, int status)
{
    kin_process *process;
    check_is(kin_process_fork(run, context, options, &process), 0);
    check(kin_process_pid(process) > 0);
    ends_with(process, KIN_EXITED, status);
}

static int private_value = 1;

static int change_value(void *context)
{
    int *shared = context;
    check_is(private_value, 1);
    private_value = 2;
    *shared = 2;
    return 42;
}

static void memory_is_a_copy_and_shared_memory_is_not(void **state)
{
    (void)state;
    int *shared = test_shared(sizeof *shared);
    runs(change_value, shared, NULL, 42);
    check_is(private_value, 1);
    check_is(*shared, 2);
}

static int is_open(void *context)
{
    return fcntl(*(int *)context, F_GETFD) >= 0;
}

/* How many there are, then their numbers. */
static int show_descriptors(void *context)
{
    int *found = context;
    for (int fd = 0; fd < 1024; fd++)
        if (is_open(&fd))
            found[++found[0]] = fd;
    return 0;
}

static void descriptors_come_by_the_list(void **state)
{
    (void)state;
    int *found = test_shared(4096);
    int extra = open("/dev/null", O_RDONLY), secret = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct kin_fd_map map[] = {{extra, secret}, {secret, extra}, {90, 0}};
    runs(show_descriptors, found, KIN_SPAWN(.fds = map, .fd_count = 3), 0);
    check_is(found[0], 6);
    check_is(found[4], extra);
    check_is(found[5], secret);
    check_is(found[6], 90);
    found[0] = 0;
    runs(show_descriptors, found, NULL, 0);
    check_is(found[0], 3);
    runs(is_open, &extra, KIN_SPAWN(.flags = KIN_SPAWN_KEEP_FDS), 1);
    runs(is_open, &secret, KIN_SPAWN(.flags = KIN_SPAWN_KEEP_FDS), 1);
    close(extra), close(secret);
}

static int show_signals(void *context)
{
    sigset_t mask;
    struct sigaction action;
    (void)context;
    check_is(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (signal < 32 || signal >= SIGRTMIN) {
            check_is(sigismember(&mask, signal), 0);
            check_is(sigaction(signal, NULL, &action), 0);
            check(action.sa_handler == SIG_DFL);
        }
    return 0;
}

static void do_nothing(int signal)
{
    (void)signal;
}

static void signals_begin_clean(void **state)
{
    (void)state;
    sigset_t all, before, after;
    sigfillset(&all);
    check_is(pthread_sigmask(SIG_SETMASK, &all, &before), 0);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, do_nothing);
    runs(show_signals, NULL, NULL, 0);
    check_is(pthread_sigmask(SIG_SETMASK, &before, &after), 0);
    check_is(sigismember(&after, SIGTERM), 1);
    signal(SIGUSR1, SIG_DFL);
    check(signal(SIGUSR2, SIG_DFL) == do_nothing);
}

static int check_place(void *context)
{
    char here[64];
    (void)context;
    check(getcwd(here, sizeof here) != NULL);
    check_text(here, "/usr");
    check_is(getsid(0), getpid());
    check_text(getenv("ONLY"), "this");
    check(getenv("PATH") == NULL);
    return 0;
}

static void the_other_options_hold_too(void **state)
{
    (void)state;
    char *const environment[] = {"ONLY=this", NULL};
    runs(check_place, NULL, KIN_SPAWN(.directory = "/usr", .flags = KIN_SPAWN_SESSION, .environment = environment), 0);
}

static int never(void *context)
{
    *(int *)context = 1;
    return 0;
}

static void a_failing_step_is_an_error_of_the_call(void **state)
{
    (void)state;
    int *ran = test_shared(sizeof *ran);
    kin_process *process = NULL;
    check_refused(kin_process_fork(never, ran, KIN_SPAWN(.directory = "/no/such"), &process), -ENOENT,
                  "the forked child was not started: cannot go to directory \"/no/such\"");
    check_refused(kin_process_fork(NULL, NULL, NULL, &process), -EINVAL, "no function");
    check_is(waitpid(-1, NULL, WNOHANG), -1);
    check_is(errno, ECHILD);
    check_is(*ran, 0);
    check(process == NULL);
}

/* The socket that failures are told on has the lowest free numbers; the map wants them. */
static void failures_are_told_whatever_the_map(void **state)
{
    (void)state;
    int *ran = test_shared(sizeof *ran), lowest = dup(0);
    kin_process *process = NULL;
    struct kin_fd_map map[] = {{lowest, 0}, {lowest + 1, 0}, {lowest + 2, 0}, {lowest + 3, 0}};
    close(lowest);
    for (size_t count = 0; count <= 4; count++) {
        const struct kin_spawn_options *bad = KIN_SPAWN(.directory = "/no/such", .fds = map, .fd_count = count);
        check_is(kin_process_fork(never, ran, bad, &process), -ENOENT);
    }
    check_is(*ran, 0);
}

static int sleep_on(void *context)
{
    for (;;)
        pause();
    return *(int *)context;
}

static void *fork_and_end(void *context)
{
    check_is(
        kin_process_fork(sleep_on, NULL, KIN_SPAWN(.flags = KIN_SPAWN_LIFELINE | KIN_SPAWN_DESPITE_THREADS), context),
        0);
    return NULL;
}

static void the_lifeline_ends_with_the_thread(void **state)
{
    (void)state;
    kin_process *process;
    pthread_t thread;
    check_is(pthread_create(&thread, NULL, fork_and_end, &process), 0);
    check_is(pthread_join(thread, NULL), 0);
    ends_with(process, KIN_KILLED, SIGKILL);
}

static pthread_barrier_t barrier;

static void *meet_twice(void *context)
{
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return context;
}

static int return_five(void *context)
{
    (void)context;
    return 5;
}

static void threads_are_refused_unless_asked_for(void **state)
{
    (void)state;
    pthread_t thread;
    kin_process *process = NULL;
    pthread_barrier_init(&barrier, NULL, 2);
    check_is(pthread_create(&thread, NULL, meet_twice, NULL), 0);
    pthread_barrier_wait(&barrier);
    check_refused(kin_process_fork(return_five, NULL, NULL, &process), -EDEADLK, "another thread");
    runs(return_five, NULL, KIN_SPAWN(.flags = KIN_SPAWN_DESPITE_THREADS), 5);
    pthread_barrier_wait(&barrier);
    check_is(pthread_join(thread, NULL), 0);
    runs(return_five, NULL, NULL, 5);
    pthread_barrier_destroy(&barrier);
}

static void *do_nothing_else(void *context)
{
    return context;
}

/* A joined thread's task may be seen for a moment longer, one time in some thousand. So many forks would take long:
 * with too few descriptors each fails just behind the look at the threads. */
static int join_and_look(void *context)
{
    pthread_t thread;
    kin_process *process;
    int lowest = dup(0);
    struct rlimit few = {(rlim_t)lowest + 2, (rlim_t)lowest + 2};
    close(lowest);
    check_is(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < 20000; i++) {
        check_is(pthread_create(&thread, NULL, do_nothing_else, NULL), 0);
        check_is(pthread_join(thread, NULL), 0);
        check_is(kin_process_fork(return_five, NULL, NULL, &process), -EMFILE);
    }
    return *(int *)context;
}

static void a_joined_thread_is_none(void **state)
{
    (void)state;
    int result = 11;
    check_is(test_end(test_child(join_and_look, &result)), result);
}

static int print(void *context)
{
    printf("child;%s", (const char *)context);
    return 0;
}

static int print_twice(void *context)
{
    printf("before;");
    runs(print, context, NULL, 0);
    printf("after;");
    return 0;
}

/* Into a pipe, so that stdout is fully buffered. */
static void buffered_output_comes_once(void **state)
{
    (void)state;
    int ends[2];
    char text[64] = "";
    kin_process *process;
    check_is(pipe(ends), 0);
    struct kin_fd_map map[] = {{1, ends[1]}};
    check_is(kin_process_fork(print_twice, "text;", KIN_SPAWN(.fds = map, .fd_count = 1), &process), 0);
    close(ends[1]);
    ends_with(process, KIN_EXITED, 0);
    check(read(ends[0], text, sizeof text - 1) > 0);
    check_text(text, "child;text;before;after;");
    close(ends[0]);
}

static int *handlers_run;

static void count_handler(void)
{
    ++*handlers_run;
}

static int at_exit_in_parent(void *context)
{
    handlers_run = context;
    atexit(count_handler);
    runs(return_five, NULL, NULL, 5);
    exit(0);
}

static void handlers_of_exit_run_in_the_parent_alone(void **state)
{
    (void)state;
    int *count = test_shared(sizeof *count);
    check_is(test_end(test_child(at_exit_in_parent, count)), 0);
    check_is(*count, 1);
}

static int forked_handlers;

static void count_fork(void)
{
    forked_handlers++;
}

static int see_handler(void *context)
{
    (void)context;
    return forked_handlers;
}

static void handlers_of_fork_run(void **state)
{
    (void)state;
    check_is(pthread_atfork(NULL, NULL, count_fork), 0);
    runs(see_handler, NULL, NULL, 1);
    check_is(forked_handlers, 0);
}

static int start_a_grandchild(void *context)
{
    (void)context;
    runs(return_five, NULL, NULL, 5);
    ends_with(child_that_exits(6), KIN_EXITED, 6);
    return 0;
}

static void a_child_can_have_children(void **state)
{
    (void)state;
    runs(start_a_grandchild, NULL, NULL, 0);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(memory_is_a_copy_and_shared_memory_is_not),
        TEST(descriptors_come_by_the_list),
        TEST(signals_begin_clean),
        TEST(the_other_options_hold_too),
        TEST(a_failing_step_is_an_error_of_the_call),
        TEST(failures_are_told_whatever_the_map),
        TEST(the_lifeline_ends_with_the_thread),
        TEST(threads_are_refused_unless_asked_for),
        TEST(a_joined_thread_is_none),
        TEST(buffered_output_comes_once),
        TEST(handlers_of_exit_run_in_the_parent_alone),
        TEST(handlers_of_fork_run),
        TEST(a_child_can_have_children),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
