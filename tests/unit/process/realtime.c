/* Real-time signals: each is queued, with its value, in order, until the queue is full. */
#include "sources.h"
#include <sys/wait.h>
#include <unistd.h>

static kin_process *opened(pid_t pid)
{
    kin_process *process;
    check_is(kin_process_open(pid, 0, 0, &process), 0);
    return process;
}

static void values_arrive_in_order(void **state)
{
    (void)state;
    enum { MANY = 100 };
    kin_process *self = opened(getpid());
    kin_signals *signals = source(KIN_SIGNALS(SIGRTMIN + 1));
    for (int i = 0; i < MANY; i++)
        check_is(kin_process_queue(self, SIGRTMIN + 1, i - 50), 0);
    for (int i = 0; i < MANY; i++) {
        struct kin_signal event = next(signals);
        check_is(event.signal, SIGRTMIN + 1);
        check_is(event.code, SI_QUEUE);
        check_is(event.value, i - 50);
        check_is(event.pid, getpid());
        check_is(event.uid, getuid());
    }
    nothing_left(signals);
    kin_signals_close(signals);
    kin_process_close(self);
}

static void the_lowest_number_comes_first(void **state)
{
    (void)state;
    static const int sent[] = {3, 1, 2, 1, 3}, wanted[] = {1, 1, 2, 3, 3}, values[] = {1, 3, 2, 0, 4};
    kin_process *self = opened(getpid());
    kin_signals *signals = source(KIN_SIGNALS(SIGRTMIN + 1, SIGRTMIN + 2, SIGRTMIN + 3));
    for (int i = 0; i < 5; i++)
        check_is(kin_process_queue(self, SIGRTMIN + sent[i], i), 0);
    for (int i = 0; i < 5; i++) {
        struct kin_signal event = next(signals);
        check_is(event.signal, SIGRTMIN + wanted[i]);
        check_is(event.value, values[i]);
    }
    kin_signals_close(signals);
    kin_process_close(self);
}

/* The trap: with a standard signal the second value is lost, and nobody is told. */
static void a_standard_signal_keeps_one_value(void **state)
{
    (void)state;
    kin_process *self = opened(getpid());
    kin_signals *signals = source(KIN_SIGNALS(SIGUSR1));
    for (int i = 1; i <= 3; i++)
        check_is(kin_process_queue(self, SIGUSR1, i), 0);
    check_is(next(signals).value, 1);
    nothing_left(signals);
    kin_signals_close(signals);
    kin_process_close(self);
}

static void a_pointer_of_sigqueue_is_whole(void **state)
{
    (void)state;
    kin_signals *signals = source(KIN_SIGNALS(SIGRTMIN));
    check_is(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_ptr = state}), 0);
    check_is(next(signals).pointer, (uintptr_t)state);
    kin_signals_close(signals);
}

struct meeting {
    int stage, received, in_order, most;
};

static int take_stage(struct meeting *meeting)
{
    return __atomic_load_n(&meeting->stage, __ATOMIC_SEQ_CST);
}

static void set_stage(struct meeting *meeting, int stage)
{
    __atomic_store_n(&meeting->stage, stage, __ATOMIC_SEQ_CST);
}

/* What is queued for this user now: for other tests, and for what was killed and is not reaped. */
static unsigned queued(void)
{
    char line[256];
    unsigned count = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "SigQ: %u", &count) != 1)
        ;
    if (file)
        fclose(file);
    return count;
}

/* Has room for few; reads when it is told that no more fit. */
static int be_narrow(void *context)
{
    struct meeting *meeting = context;
    struct rlimit few = {.rlim_cur = queued() + 40};
    struct kin_signal event;
    few.rlim_max = few.rlim_cur;
    meeting->most = (int)few.rlim_cur;
    check_is(setrlimit(RLIMIT_SIGPENDING, &few), 0);
    kin_signals *signals = source(KIN_SIGNALS(SIGRTMIN));
    set_stage(meeting, 1);
    test_until(take_stage(meeting) == 2);
    meeting->in_order = 1;
    for (; kin_signals_next(signals, KIN_NOW, &event) == 0; meeting->received++)
        meeting->in_order &= event.value == meeting->received;
    set_stage(meeting, 3);
    check_is(kin_signals_next(signals, KIN_FOREVER, &event), 0);
    return event.value;
}

/* The limit counts what is queued for all processes of the user, so how many fit is not known beforehand. */
static void a_full_queue_is_told_and_loses_nothing(void **state)
{
    (void)state;
    int sent = 0, result;
    struct meeting *meeting = test_shared(sizeof *meeting);
    pid_t child = test_child(be_narrow, meeting);
    test_until(take_stage(meeting) == 1);
    kin_process *process = opened(child);
    while ((result = kin_process_queue(process, SIGRTMIN, sent)) == 0)
        check(++sent <= meeting->most);
    check_is(result, -EAGAIN);
    check(test_contains(kin_reason(), "queue of its user is full") && test_contains(kin_reason(), "RLIMIT_SIGPENDING"));
    set_stage(meeting, 2);
    test_until(take_stage(meeting) == 3);
    check_is(meeting->received, sent);
    check_is(meeting->in_order, 1);
    test_until(kin_process_queue(process, SIGRTMIN, 42) == 0); /* there is room again, unless others took it */
    check_is(test_end(child), 42);
    kin_process_close(process);
}

static int end_with_the_value(void *context)
{
    (void)context;
    kin_signals *signals = source(KIN_SIGNALS(SIGRTMAX));
    struct kin_signal event = next(signals);
    check_is(event.pid, getppid());
    return event.value;
}

static void a_childs_handle_takes_values_too(void **state)
{
    (void)state;
    struct kin_exit how;
    kin_process *child;
    sigset_t before;
    check_is(kin_mask_block(KIN_SIGNALS(SIGRTMAX), &before), 0);
    check_is(kin_process_fork(end_with_the_value, NULL,
                              KIN_SPAWN(.flags = KIN_SPAWN_KEEP_MASK | KIN_SPAWN_DESPITE_THREADS), &child),
             0);
    check_is(kin_mask_restore(&before), 0);
    check_refused(kin_process_queue(child, 1000, 0), -EINVAL, "signal 1000");
    check_is(kin_process_queue(child, 0, 5), 0);
    check_is(kin_process_queue(child, SIGRTMAX, 77), 0);
    check_is(kin_process_wait(child, 0, KIN_FOREVER, &how), 0);
    check_is(how.status, 77);
    check_refused(kin_process_queue(child, SIGRTMAX, 1), -ESRCH, "has ended");
    kin_process_close(child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_arrive_in_order),
        TEST(the_lowest_number_comes_first),
        TEST(a_standard_signal_keeps_one_value),
        TEST(a_pointer_of_sigqueue_is_whole),
        TEST(a_full_queue_is_told_and_loses_nothing),
        TEST(a_childs_handle_takes_values_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
