/* Timers: once and in a period, what was missed, what is left, the two clocks and their steps. */
#include "sources.h"
#include <sys/epoll.h>
#include <pthread.h>
#include <unistd.h>

#define LONG kin_after(1000000 * MILLISECONDS)

static kin_timer *timer_of(kin_time first, int64_t period)
{
    kin_timer *timer;
    check_is(kin_timer_open(first, period, &timer), 0);
    return timer;
}

static uint64_t expirations(kin_timer *timer)
{
    uint64_t count;
    check_is(kin_timer_wait(timer, kin_after(TEST_HANG * 1000 * MILLISECONDS), &count), 0);
    return count;
}

static kin_time wall(int64_t later)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return kin_at(&now) - later;
}

static void once_is_once(void **state)
{
    (void)state;
    kin_time moment = kin_after(20 * MILLISECONDS);
    kin_timer *timer = timer_of(moment, 0);
    check_refused(kin_timer_wait(timer, KIN_NOW, NULL), -ETIMEDOUT, "has not expired");
    check_is(expirations(timer), 1);
    check(kin_after(1) > moment);
    check_is(readable(kin_timer_fd(timer)), 0);
    check_is(kin_timer_wait(timer, kin_after(5 * MILLISECONDS), NULL), -ETIMEDOUT);
    check_is(kin_timer_left(timer), INT64_MAX);
    kin_timer_close(timer);
    kin_timer_close(NULL);
}

static void now_is_at_once_and_forever_is_off(void **state)
{
    (void)state;
    kin_timer *timer = timer_of(KIN_NOW, 0);
    check_is(kin_timer_wait(timer, KIN_FOREVER, NULL), 0);
    check_is(kin_timer_set(timer, KIN_FOREVER, 1), 0);
    check_is(kin_timer_left(timer), INT64_MAX);
    check_is(kin_timer_wait(timer, KIN_NOW, NULL), -ETIMEDOUT);
    check_is(kin_timer_set(timer, 1, 0), 0); /* long past */
    check_is(expirations(timer), 1);
    kin_timer_close(timer);
    timer = timer_of(KIN_FOREVER, 0);
    check_is(kin_timer_wait(timer, KIN_NOW, NULL), -ETIMEDOUT);
    kin_timer_close(timer);
}

/* The trap of a late reader: nothing piles up but a number. */
static void what_was_missed_is_counted(void **state)
{
    (void)state;
    enum { PERIODS = 20 };
    int64_t period = MILLISECONDS;
    kin_time first = kin_after(period);
    kin_timer *timer = timer_of(first, period);
    test_until(kin_after(1) > first + PERIODS * period);
    uint64_t count = expirations(timer);
    check(count >= PERIODS);
    for (int i = 0; i < 5; i++)
        count += expirations(timer);
    kin_time now = kin_after(1);
    check(count <= (uint64_t)((now - first) / period) + 1); /* never ahead of the clock */
    int64_t left = kin_timer_left(timer);
    check(left > 0 && left <= period);
    kin_timer_close(timer);
}

static void it_is_set_anew(void **state)
{
    (void)state;
    kin_timer *timer = timer_of(LONG, 0);
    int64_t left = kin_timer_left(timer);
    check(left > 900000 * MILLISECONDS && left <= 1000000 * MILLISECONDS);
    check_is(kin_timer_set(timer, kin_after(MILLISECONDS), 0), 0);
    test_until(readable(kin_timer_fd(timer)));
    check_is(kin_timer_set(timer, LONG, 0), 0); /* the expiration is forgotten */
    check_is(readable(kin_timer_fd(timer)), 0);
    check_is(kin_timer_wait(timer, KIN_NOW, NULL), -ETIMEDOUT);
    check_is(kin_timer_set(timer, KIN_NOW, 0), 0);
    check_is(expirations(timer), 1);
    kin_timer_close(timer);
}

static void the_wall_clock_is_followed(void **state)
{
    (void)state;
    kin_time moment = wall(20 * MILLISECONDS);
    kin_timer *timer = timer_of(moment, 0);
    int result = kin_timer_wait(timer, kin_after(TEST_HANG * 1000 * MILLISECONDS), NULL);
    if (result == -ECANCELED) /* somebody set the clock meanwhile: right as well */
        return kin_timer_close(timer);
    check_is(result, 0);
    check(wall(0) <= moment); /* later */
    kin_timer_close(timer);
}

/* The clock is set to what it says: a step all the same. */
static bool set_the_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return clock_settime(CLOCK_REALTIME, &now) == 0;
}

static void a_step_of_the_wall_clock_is_told_once(void **state)
{
    (void)state;
    kin_timer *steady = timer_of(LONG, 0), *timer = timer_of(wall(1000000 * MILLISECONDS), 0);
    if (!set_the_clock())
        test_skip("no permission to set the clock");
    check_is(readable(kin_timer_fd(timer)), 1);
    check_refused(kin_timer_wait(timer, KIN_FOREVER, NULL), -ECANCELED, "the wall clock was set");
    check_is(kin_timer_left(timer), INT64_MAX);
    check_is(kin_timer_wait(timer, KIN_NOW, NULL), -ETIMEDOUT);
    check_is(kin_timer_set(timer, wall(1000000 * MILLISECONDS), 0), 0);
    check(kin_timer_left(timer) < INT64_MAX);
    check(set_the_clock());
    check_is(kin_timer_set(timer, wall(1000000 * MILLISECONDS), 0), -ECANCELED); /* not told before */
    check_is(kin_timer_left(timer), INT64_MAX);
    check_is(kin_timer_set(timer, wall(1000000 * MILLISECONDS), 0), 0);
    check_is(kin_timer_wait(steady, KIN_NOW, NULL), -ETIMEDOUT); /* no concern of the monotonic clock */
    check(kin_timer_left(steady) < INT64_MAX);
    kin_timer_close(timer);
    kin_timer_close(steady);
}

static void what_cannot_be_meant_is_refused(void **state)
{
    (void)state;
    kin_timer *timer = NULL;
    check_refused(kin_timer_open(KIN_NOW, -1, &timer), -EINVAL, "period is -1 ns");
    check(!timer);
    timer = timer_of(LONG, 0);
    check_refused(kin_timer_set(timer, wall(1), 0), -EINVAL, "goes by the monotonic clock");
    check_refused(kin_timer_set(timer, KIN_NOW, INT64_MIN), -EINVAL, "period");
    check(kin_timer_left(timer) < INT64_MAX); /* as it was */
    check_is(kin_timer_set(timer, KIN_NOW, INT64_MAX), 0);
    check_is(expirations(timer), 1);
    kin_timer_close(timer);
    timer = timer_of(wall(1000000 * MILLISECONDS), 0);
    check_refused(kin_timer_set(timer, LONG, 0), -EINVAL, "goes by the wall clock");
    kin_timer_close(timer);
    struct rlimit before, none = {0, 0};
    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    timer = NULL;
    int result = kin_timer_open(KIN_NOW, 0, &timer);
    setrlimit(RLIMIT_NOFILE, &before);
    check_is(result, -EMFILE);
    check(test_contains(kin_reason(), "RLIMIT_NOFILE") && !timer);
}

/* A fork shares the descriptor, and would take expirations from its parent. */
static int use_the_parents(void *timer)
{
    check_refused(kin_timer_wait(timer, KIN_NOW, NULL), -ECHILD, "forked from");
    check_refused(kin_timer_set(timer, KIN_FOREVER, 0), -ECHILD, "forked from");
    kin_timer_close(timer);
    return 0;
}

static void a_fork_takes_no_expirations(void **state)
{
    (void)state;
    kin_timer *timer = timer_of(KIN_NOW, 0);
    check_is(test_end(test_child(use_the_parents, timer)), 0);
    check_is(expirations(timer), 1);
    kin_timer_close(timer);
}

struct watcher {
    kin_timer *timer;
    uint64_t count;
    int result;
    pthread_t thread;
};

static void *watch(void *context)
{
    struct watcher *watcher = context;
    watcher->result = kin_timer_wait(watcher->timer, kin_after(200 * MILLISECONDS), &watcher->count);
    return NULL;
}

static void one_expiration_is_for_one_thread(void **state)
{
    (void)state;
    struct watcher watchers[2] = {{.timer = timer_of(kin_after(10 * MILLISECONDS), 0)}};
    watchers[1].timer = watchers[0].timer;
    for (int i = 0; i < 2; i++)
        check_is(pthread_create(&watchers[i].thread, NULL, watch, &watchers[i]), 0);
    for (int i = 0; i < 2; i++)
        check_is(pthread_join(watchers[i].thread, NULL), 0);
    check_is(watchers[0].count + watchers[1].count, 1);
    check_is(watchers[0].result + watchers[1].result, -ETIMEDOUT);
    kin_timer_close(watchers[0].timer);
}

static void an_event_loop_sees_it(void **state)
{
    (void)state;
    struct epoll_event found;
    int loop = epoll_create1(EPOLL_CLOEXEC);
    kin_timer *timer = timer_of(kin_after(MILLISECONDS), 5 * MILLISECONDS);
    check_is(epoll_ctl(loop, EPOLL_CTL_ADD, kin_timer_fd(timer), &(struct epoll_event){.events = EPOLLIN}), 0);
    for (int i = 0; i < 3; i++) {
        check_is(epoll_wait(loop, &found, 1, -1), 1);
        check(kin_timer_wait(timer, KIN_NOW, NULL) == 0);
    }
    kin_timer_close(timer);
    close(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(once_is_once),
        TEST(now_is_at_once_and_forever_is_off),
        TEST(what_was_missed_is_counted),
        TEST(it_is_set_anew),
        TEST(the_wall_clock_is_followed),
        TEST(a_step_of_the_wall_clock_is_told_once),
        TEST(what_cannot_be_meant_is_refused),
        TEST(a_fork_takes_no_expirations),
        TEST(one_expiration_is_for_one_thread),
        TEST(an_event_loop_sees_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
