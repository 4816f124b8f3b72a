/* Masks of a thread, saved and given back; what is pending; names of signals, both ways. */
#include "sources.h"
#include <pthread.h>
#include <unistd.h>

static void masks_are_changed_and_restored(void **state)
{
    (void)state;
    sigset_t before, again;
    kin_mask_save(&before);
    check_is(kin_mask_block(KIN_SIGNALS(SIGUSR1, SIGRTMAX), &again), 0);
    check(is_blocked(SIGUSR1) && is_blocked(SIGRTMAX) && sigismember(&again, SIGUSR1) == 0);
    check_is(kin_mask_unblock(KIN_SIGNALS(SIGUSR1), NULL), 0);
    check(!is_blocked(SIGUSR1) && is_blocked(SIGRTMAX));
    check_is(kin_mask_set(KIN_SIGNALS(SIGINT), &again), 0);
    check(is_blocked(SIGINT) && !is_blocked(SIGRTMAX) && sigismember(&again, SIGRTMAX) == 1);
    check_is(kin_mask_restore(&again), 0);
    check(!is_blocked(SIGINT) && is_blocked(SIGRTMAX));
    check_is(kin_mask_restore(&before), 0);
    check(!is_blocked(SIGRTMAX));
}

static void kill_and_stop_are_refused(void **state)
{
    (void)state;
    sigset_t all, before;
    memset(&before, 0x5a, sizeof before);
    all = before;
    check_refused(kin_mask_block(KIN_SIGNALS(SIGTERM, SIGKILL), &before), -EINVAL, "SIGKILL cannot be blocked");
    check_refused(kin_mask_set(KIN_SIGNALS(SIGSTOP), &before), -EINVAL, "SIGSTOP cannot be blocked");
    check_refused(kin_mask_unblock(KIN_SIGNALS(99), &before), -EINVAL, "no signal 99");
    check_is(memcmp(&all, &before, sizeof all), 0);
    sigfillset(&all);
    check_refused(kin_mask_restore(&all), -EINVAL, "SIGKILL cannot be blocked");
    check(!is_blocked(SIGTERM));
}

static void what_is_pending_is_shown(void **state)
{
    (void)state;
    sigset_t pending, before;
    check_is(kin_mask_block(KIN_SIGNALS(SIGUSR1, SIGUSR2, SIGRTMIN), &before), 0);
    kin_mask_pending(&pending);
    check_is(sigisemptyset(&pending), 1);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGRTMIN);
    pthread_kill(pthread_self(), SIGUSR2);
    kin_mask_pending(&pending);
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        check_is(sigismember(&pending, signal) == 1, signal == SIGUSR1 || signal == SIGUSR2 || signal == SIGRTMIN);
    kin_signals *signals = source(KIN_SIGNALS(SIGUSR1, SIGUSR2, SIGRTMIN));
    for (int i = 0; i < 3; i++)
        next(signals);
    kin_mask_pending(&pending);
    check_is(sigisemptyset(&pending), 1);
    kin_signals_close(signals);
    check(is_blocked(SIGUSR1)); /* it was before the source */
    check_is(kin_mask_restore(&before), 0);
}

static void closing_a_source_restores_the_mask(void **state)
{
    (void)state;
    sigset_t before;
    check_is(kin_mask_block(KIN_SIGNALS(SIGUSR2), &before), 0);
    kin_signals *signals = source(KIN_SIGNALS(SIGUSR1, SIGUSR2));
    check(is_blocked(SIGUSR1) && is_blocked(SIGUSR2));
    check_is(kin_mask_block(KIN_SIGNALS(SIGINT), NULL), 0);
    kin_signals_close(signals);
    check(!is_blocked(SIGUSR1) && is_blocked(SIGUSR2) && is_blocked(SIGINT));
    check_is(kin_mask_restore(&before), 0);
}

/* In whatever order: no source loses what it blocks to another one. */
static void sources_overlap_and_close_in_any_order(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 6; order++) {
        static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
        kin_signals *sources[] = {source(KIN_SIGNALS(SIGUSR1)), source(KIN_SIGNALS(SIGUSR1, SIGUSR2)),
                                  source(KIN_SIGNALS(SIGUSR2, SIGINT))};
        bool open[3] = {true, true, true};
        for (int i = 0; i < 3; i++) {
            int which = orders[order][i];
            kin_signals_close(sources[which]);
            open[which] = false;
            check_is(is_blocked(SIGUSR1), open[0] || open[1]);
            check_is(is_blocked(SIGUSR2), open[1] || open[2]);
            check_is(is_blocked(SIGINT), open[2]);
        }
    }
}

static void *close_it(void *context)
{
    check(is_blocked(SIGUSR1)); /* inherited */
    kin_signals *own = source(KIN_SIGNALS(SIGUSR1));
    kin_signals_close(context);
    check(is_blocked(SIGUSR1));
    kin_signals_close(own);
    check(is_blocked(SIGUSR1));
    return NULL;
}

static int let_a_thread_close(void *context)
{
    pthread_t thread;
    (void)context;
    kin_signals *signals = source(KIN_SIGNALS(SIGUSR1));
    check_is(pthread_create(&thread, NULL, close_it, signals), 0);
    check_is(pthread_join(thread, NULL), 0);
    check(is_blocked(SIGUSR1));
    kin_signals_close(source(KIN_SIGNALS(SIGUSR1)));
    check(is_blocked(SIGUSR1)); /* for good */
    return 0;
}

static void another_threads_close_changes_no_mask(void **state)
{
    (void)state;
    check_is(test_end(test_child(let_a_thread_close, NULL)), 0);
}

/* What is pending when the source closes takes its old course. */
static int close_with_one_pending(void *context)
{
    (void)context;
    kin_signals *signals = source(KIN_SIGNALS(SIGUSR1));
    kill(getpid(), SIGUSR1);
    kin_signals_close(signals);
    return 0;
}

static void a_pending_signal_is_not_lost_by_closing(void **state)
{
    (void)state;
    check_is(test_end(test_child(close_with_one_pending, NULL)), -SIGUSR1);
}

static void names_lead_to_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int signal;
    } known[] = {{"TERM", SIGTERM}, {"SIGTERM", SIGTERM}, {"sigterm", SIGTERM}, {"term", SIGTERM}, {"15", SIGTERM},
                 {"0", 0},          {"1", SIGHUP},        {"CHLD", SIGCHLD},    {"CLD", SIGCHLD},  {"IOT", SIGABRT},
                 {"POLL", SIGIO},   {"IO", SIGIO},        {"SIGKILL", SIGKILL}, {"SYS", SIGSYS},   {"64", 64}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        check_is(kin_signal_number(known[i].name), known[i].signal);
    check_is(kin_signal_number("RTMIN"), SIGRTMIN);
    check_is(kin_signal_number("RTMIN+0"), SIGRTMIN);
    check_is(kin_signal_number("SIGRTMIN+3"), SIGRTMIN + 3);
    check_is(kin_signal_number("rtmax-1"), SIGRTMAX - 1);
    check_is(kin_signal_number("RTMAX"), SIGRTMAX);
    static const char *const bad[] = {"",        "SIG",     "TERM ",    " 15",      "-9",      "65",        "1x",
                                      "RTMIN-1", "RTMAX+1", "RTMIN+99", "RTMIN+",   "RTMIN+x", "RTMINX",    "SIG15",
                                      "9999999", "0x9",     "NONSENSE", "RTMAX-64", "RTMIN++", "SIGSIGTERM"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_refused(kin_signal_number(bad[i]), -EINVAL, bad[i]);
}

static void names_go_both_ways(void **state)
{
    (void)state;
    char text[32], small[4];
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        kin_signal_name(signal, text, sizeof text);
        if (signal < 32 || signal >= SIGRTMIN)
            check_is(kin_signal_number(text), signal);
        else
            check(test_contains(text, "signal 3"));
    }
    check_is(strcmp(kin_signal_name(SIGTERM, text, sizeof text), "SIGTERM"), 0);
    check_is(strcmp(kin_signal_name(SIGRTMIN, text, sizeof text), "SIGRTMIN"), 0);
    check_is(strcmp(kin_signal_name(SIGRTMIN + 3, text, sizeof text), "SIGRTMIN+3"), 0);
    check_is(strcmp(kin_signal_name(99, text, sizeof text), "signal 99"), 0);
    check_is(strcmp(kin_signal_name(-1, text, sizeof text), "signal -1"), 0);
    check_is(strcmp(kin_signal_name(SIGTERM, small, sizeof small), "SIG"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(masks_are_changed_and_restored),
        TEST(kill_and_stop_are_refused),
        TEST(what_is_pending_is_shown),
        TEST(closing_a_source_restores_the_mask),
        TEST(sources_overlap_and_close_in_any_order),
        TEST(another_threads_close_changes_no_mask),
        TEST(a_pending_signal_is_not_lost_by_closing),
        TEST(names_lead_to_numbers),
        TEST(names_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
