/* Sources of signals: what an event tells, in which order they come, whose they are. */
#include "program.h"
#include "sources.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

static void an_event_tells_who_sent_it(void **state)
{
    (void)state;
    struct kin_signal event = {.signal = 1234};
    kin_signals *signals = source(KIN_SIGNALS(SIGUSR1, SIGTERM));
    check_refused(kin_signals_next(signals, KIN_NOW, &event), -ETIMEDOUT, "none of these signals");
    check_is(event.signal, 1234);
    check_is(readable(kin_signals_fd(signals)), 0);
    kill(getpid(), SIGUSR1);
    check_is(readable(kin_signals_fd(signals)), 1);
    event = next(signals);
    check_is(event.signal, SIGUSR1);
    check_is(event.code, SI_USER);
    check_is(event.pid, getpid());
    check_is(event.uid, getuid());
    check_is(event.value, 0);
    check_is(event.status, 0);
    nothing_left(signals);
    kin_signals_close(signals);
    kin_signals_close(NULL);
}

static void deadlines_hold(void **state)
{
    (void)state;
    struct kin_signal event;
    struct timespec now;
    kin_signals *signals = source(KIN_SIGNALS(SIGUSR1));
    kin_time until = kin_after(20 * MILLISECONDS);
    check_is(kin_signals_next(signals, until, &event), -ETIMEDOUT);
    check(kin_after(1) > until);
    clock_gettime(CLOCK_REALTIME, &now);
    until = kin_at(&now) - 40 * MILLISECONDS; /* wall-clock moments are negative: later */
    check_is(kin_signals_next(signals, until, &event), -ETIMEDOUT);
    clock_gettime(CLOCK_REALTIME, &now);
    check(kin_at(&now) <= until);
    kin_signals_close(signals);
}

static int wait_for_ever(void *context)
{
    struct kin_signal event;
    check_is(kin_signals_next(source(KIN_SIGNALS(SIGUSR1)), KIN_FOREVER, &event), 0);
    check_is(event.signal, SIGUSR1);
    check_is(event.pid, *(pid_t *)context);
    return 0;
}

/* The child inherits the mask, so the signal cannot come too early. */
static void who_waits_for_ever_is_woken(void **state)
{
    (void)state;
    pid_t self = getpid();
    sigset_t before;
    check_is(kin_mask_block(KIN_SIGNALS(SIGUSR1), &before), 0);
    pid_t child = test_child(wait_for_ever, &self);
    check_is(kin_mask_restore(&before), 0);
    asleep(child);
    kill(child, SIGUSR1);
    check_is(test_end(child), 0);
}

/* The trap: a count of signals is no count of what happened. */
static void a_standard_signal_that_is_pending_swallows_the_next(void **state)
{
    (void)state;
    kin_signals *signals = source(KIN_SIGNALS(SIGUSR1, SIGUSR2));
    for (int i = 0; i < 5; i++) {
        kill(getpid(), SIGUSR2);
        kill(getpid(), SIGUSR1);
    }
    check_is(next(signals).signal, SIGUSR1);
    check_is(next(signals).signal, SIGUSR2);
    nothing_left(signals);
    kin_signals_close(signals);
}

static int exit_with(void *context)
{
    return *(int *)context;
}

/* Two ends, one SIGCHLD, no status lost; and a stranger's child, which is the host's, is not reaped. */
static void sigchld_is_read_and_nobody_is_reaped(void **state)
{
    (void)state;
    kin_signals *signals = source(KIN_SIGNALS(SIGCHLD));
    struct kin_exit how;
    siginfo_t info;
    int seven = 7;
    kin_process *children[] = {child_that_exits(3), child_that_exits(4)};
    pid_t stranger = test_child(exit_with, &seven);
    for (unsigned i = 0; i < 2; i++)
        check_is(waitid(P_PID, (id_t)kin_process_pid(children[i]), &info, WEXITED | WNOWAIT), 0);
    check_is(waitid(P_PID, (id_t)stranger, &info, WEXITED | WNOWAIT), 0);
    struct kin_signal event = next(signals);
    check_is(event.signal, SIGCHLD);
    check_is(event.code, CLD_EXITED);
    check(event.pid == stranger || event.pid == kin_process_pid(children[0]) ||
          event.pid == kin_process_pid(children[1]));
    check_is(event.status, event.pid == stranger ? 7 : event.pid == kin_process_pid(children[0]) ? 3 : 4);
    nothing_left(signals);
    for (unsigned i = 0; i < 2; i++) {
        check_is(kin_process_wait(children[i], 0, KIN_NOW, &how), 0);
        check_is(how.status, 3 + i);
        kin_process_close(children[i]);
    }
    check_is(test_end(stranger), 7);
    kin_signals_close(signals);
}

static void sigchld_tells_a_kill_and_a_stop(void **state)
{
    (void)state;
    kin_signals *signals = source(KIN_SIGNALS(SIGCHLD));
    kin_process *child = child_that_hangs();
    check_is(kin_process_signal(child, SIGSTOP), 0);
    struct kin_signal event = next(signals);
    check_is(event.code, CLD_STOPPED);
    check_is(event.status, SIGSTOP);
    check_is(event.pid, kin_process_pid(child));
    check_is(kin_process_signal(child, SIGKILL), 0);
    do /* a continuation may come before */
        event = next(signals);
    while (event.code == CLD_CONTINUED);
    check_is(event.code, CLD_KILLED);
    check_is(event.status, SIGKILL);
    check_is(kin_process_wait(child, 0, KIN_FOREVER, NULL), 0);
    kin_process_close(child);
    kin_signals_close(signals);
}

/* The trap: an ignored SIGCHLD is never sent. */
static void an_ignored_sigchld_is_refused(void **state)
{
    (void)state;
    kin_signals *signals = NULL;
    signal(SIGCHLD, SIG_IGN);
    check_refused(kin_signals_open(KIN_SIGNALS(SIGTERM, SIGCHLD), &signals), -EINVAL, "SIGCHLD is ignored");
    check(!signals && !is_blocked(SIGTERM));
    signal(SIGCHLD, SIG_DFL);
}

/* Any other ignored signal is read like the rest. */
static void an_ignored_signal_is_read(void **state)
{
    (void)state;
    signal(SIGUSR1, SIG_IGN);
    kin_signals *signals = source(KIN_SIGNALS(SIGUSR1));
    kill(getpid(), SIGUSR1);
    check_is(next(signals).signal, SIGUSR1);
    kin_signals_close(signals);
    signal(SIGUSR1, SIG_DFL);
}

enum { SENT = 2000 };
struct reader {
    kin_signals *signals;
    int got[SENT];
    pthread_t thread;
};

static void *read_until_the_end(void *context)
{
    struct reader *reader = context;
    for (;;) {
        struct kin_signal event = next(reader->signals);
        if (event.signal == SIGUSR1)
            return NULL;
        check_is(event.signal, SIGRTMIN);
        reader->got[event.value]++;
    }
}

/* Each event is told once, whoever asks; the threads have inherited the mask. */
static void two_threads_share_a_source(void **state)
{
    (void)state;
    struct reader readers[2] = {{.signals = source(KIN_SIGNALS(SIGRTMIN, SIGUSR1))}};
    readers[1].signals = readers[0].signals;
    for (int i = 0; i < 2; i++)
        check_is(pthread_create(&readers[i].thread, NULL, read_until_the_end, &readers[i]), 0);
    for (int i = 0; i < SENT; i++)
        while (sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}) < 0)
            check_is(errno, EAGAIN);
    test_until(readable(kin_signals_fd(readers[0].signals)) == 0);
    for (int i = 0; i < 2; i++)
        pthread_kill(readers[i].thread, SIGUSR1);
    for (int i = 0; i < 2; i++)
        check_is(pthread_join(readers[i].thread, NULL), 0);
    for (int i = 0; i < SENT; i++)
        check_is(readers[0].got[i] + readers[1].got[i], 1);
    kin_signals_close(readers[0].signals);
}

static void *unblock_and_wait(void *context)
{
    sigset_t mask;
    kin_mask_unblock(KIN_SIGNALS(SIGUSR1), NULL);
    kin_mask_save(&mask);
    *(int *)context = sigismember(&mask, SIGUSR1);
    for (;;)
        pause();
    return NULL;
}

static int be_careless(void *context)
{
    pthread_t thread;
    kin_signals *signals = source(KIN_SIGNALS(SIGUSR1));
    int *blocked = context;
    check_is(pthread_create(&thread, NULL, unblock_and_wait, blocked), 0);
    test_until(__atomic_load_n(blocked, __ATOMIC_SEQ_CST) == 0);
    kill(getpid(), SIGUSR1);
    next(signals);
    return 0;
}

/* The trap that the header tells of: a thread that does not block it takes it, and the program ends. */
static void a_thread_that_does_not_block_it_takes_it(void **state)
{
    (void)state;
    int *blocked = test_shared(sizeof *blocked);
    *blocked = -1;
    check_is(test_end(test_child(be_careless, blocked)), -SIGUSR1);
}

struct family {
    kin_signals *signals;
    int *stage;
};

/* A child by fork(): the parent's events are not its own, its own are. */
static int be_a_fork(void *context)
{
    struct family *family = context;
    struct kin_signal event;
    struct epoll_event found;
    check_is(readable(kin_signals_fd(family->signals)), 0); /* the parent has one pending */
    check_refused(kin_signals_next(family->signals, KIN_NOW, &event), -ECHILD, "forked from");
    kin_signals *own = source(KIN_SIGNALS(SIGUSR1));
    int loop = epoll_create1(EPOLL_CLOEXEC);
    check_is(epoll_ctl(loop, EPOLL_CTL_ADD, kin_signals_fd(own), &(struct epoll_event){.events = EPOLLIN}), 0);
    kill(getpid(), SIGUSR1);
    check_is(epoll_wait(loop, &found, 1, -1), 1);
    check_is(next(own).pid, getpid());
    kin_signals_close(own);
    check(is_blocked(SIGUSR1)); /* as the parent's source began it */
    kin_signals_close(family->signals);
    check(!is_blocked(SIGUSR1));
    return 0;
}

static void a_fork_does_not_eat_its_parents_signals(void **state)
{
    (void)state;
    struct family family = {source(KIN_SIGNALS(SIGUSR1)), NULL};
    kill(getpid(), SIGUSR1);
    check_is(test_end(test_child(be_a_fork, &family)), 0);
    check_is(next(family.signals).signal, SIGUSR1);
    nothing_left(family.signals);
    kin_signals_close(family.signals);
}

/* By kin_process_fork() nothing is blocked, and the number of the descriptor may be another file's. */
static int be_a_kin_fork(void *context)
{
    struct family *family = context;
    struct kin_signal event;
    int fd = kin_signals_fd(family->signals);
    check(!is_blocked(SIGUSR1));
    check_is(dup2(STDOUT_FILENO, fd), fd);
    check_is(kin_signals_next(family->signals, KIN_NOW, &event), -ECHILD);
    kin_signals *own = source(KIN_SIGNALS(SIGUSR1));
    kin_signals_close(own);
    check(!is_blocked(SIGUSR1));
    kin_signals_close(family->signals);
    check(fcntl(fd, F_GETFD) >= 0);
    return 0;
}

static void a_kin_fork_begins_clean(void **state)
{
    (void)state;
    struct family family = {source(KIN_SIGNALS(SIGUSR1)), NULL};
    struct kin_exit how;
    kin_process *child;
    check_is(kin_process_fork(be_a_kin_fork, &family, KIN_SPAWN(.flags = KIN_SPAWN_DESPITE_THREADS), &child), 0);
    check_is(kin_process_wait(child, 0, KIN_FOREVER, &how), 0);
    check_is(how.kind, KIN_EXITED);
    check_is(how.status, 0);
    kin_process_close(child);
    kin_signals_close(family.signals);
}

/* The trap of inherited masks: a spawned child has none. */
static void a_spawned_child_blocks_nothing(void **state)
{
    (void)state;
    kin_signals *signals = source(KIN_SIGNALS(SIGTERM, SIGINT, SIGUSR1));
    check_text(output_of(PROBE("blocked"), NULL), "");
    kin_process *child = child_that_hangs();
    check_is(kin_process_signal(child, SIGTERM), 0);
    check_is(kin_process_wait(child, 0, KIN_FOREVER, NULL), 0);
    kin_process_close(child);
    kin_signals_close(signals);
}

static void bad_lists_are_refused(void **state)
{
    (void)state;
    kin_signals *signals = NULL;
    check_refused(kin_signals_open(KIN_SIGNALS(SIGTERM, SIGKILL), &signals), -EINVAL, "SIGKILL cannot be blocked");
    check_refused(kin_signals_open(KIN_SIGNALS(SIGSTOP), &signals), -EINVAL, "SIGSTOP cannot be blocked");
    check_refused(kin_signals_open(KIN_SIGNALS(SIGRTMAX + 1), &signals), -EINVAL, "no signal 65");
    check_refused(kin_signals_open(KIN_SIGNALS(-1), &signals), -EINVAL, "no signal -1");
    check_refused(kin_signals_open(KIN_SIGNALS(1 << 30), &signals), -EINVAL, "from 1 to 64");
    check_refused(kin_signals_open((int[]){0}, &signals), -EINVAL, "is empty");
    if (SIGRTMIN > 32)
        check_refused(kin_signals_open(KIN_SIGNALS(32), &signals), -EINVAL, "libc's own");
    check(!signals && !is_blocked(SIGTERM));
    struct rlimit before, none = {0, 0};
    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    int result = kin_signals_open(KIN_SIGNALS(SIGTERM), &signals);
    setrlimit(RLIMIT_NOFILE, &before);
    check_is(result, -EMFILE);
    check(test_contains(kin_reason(), "RLIMIT_NOFILE") && !signals && !is_blocked(SIGTERM));
}

static void a_descriptor_closed_underneath_is_told(void **state)
{
    (void)state;
    struct kin_signal event;
    kin_signals *signals = source(KIN_SIGNALS(SIGUSR1));
    close(kin_signals_fd(signals));
    check_refused(kin_signals_next(signals, KIN_FOREVER, &event), -EBADF, "close the descriptor");
    kin_signals_close(signals);
    check(!is_blocked(SIGUSR1));
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(an_event_tells_who_sent_it),
        TEST(deadlines_hold),
        TEST(who_waits_for_ever_is_woken),
        TEST(a_standard_signal_that_is_pending_swallows_the_next),
        TEST(sigchld_is_read_and_nobody_is_reaped),
        TEST(sigchld_tells_a_kill_and_a_stop),
        TEST(an_ignored_sigchld_is_refused),
        TEST(an_ignored_signal_is_read),
        TEST(two_threads_share_a_source),
        TEST(a_thread_that_does_not_block_it_takes_it),
        TEST(a_fork_does_not_eat_its_parents_signals),
        TEST(a_kin_fork_begins_clean),
        TEST(a_spawned_child_blocks_nothing),
        TEST(bad_lists_are_refused),
        TEST(a_descriptor_closed_underneath_is_told),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
