/* The caller's process during a run: its cpu, its signals, its timer, and checks that may hang.
 *
 * The timer ticks while something is waited for, so that waitpid returns with EINTR and the waiter can look around; and
 * it ends a check that hangs. One cpu for tracer and victim: a step is two switches between them, and a switch on one
 * cpu does not depend on how soon another wakes. */
#include "internal.h"

#include <setjmp.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define CRASHES (sizeof crashes / sizeof *crashes)

static sigjmp_buf escape;
static volatile sig_atomic_t checking;

double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void escape_check(int signal)
{
    if (checking) {
        checking = 0;
        siglongjmp(escape, signal);
    }
}

void alarm_set(unsigned first_ms, unsigned every_ms)
{
    struct itimerval timer = {.it_value = {first_ms / 1000, first_ms % 1000 * 1000},
                              .it_interval = {every_ms / 1000, every_ms % 1000 * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* Without SA_RESTART: a tick must end waitpid. */
static void take_signals(struct sweep *sweep)
{
    struct sigaction on_alarm = {.sa_handler = escape_check}, by_default = {.sa_handler = SIG_DFL};
    sigset_t ticks;
    sigemptyset(&ticks);
    sigaddset(&ticks, SIGALRM);
    sigaction(SIGALRM, &on_alarm, &sweep->alarm_action);
    sigaction(SIGCHLD, &by_default, &sweep->child_action);
    sigprocmask(SIG_UNBLOCK, &ticks, &sweep->mask);
}

void host_take(struct sweep *sweep, bool pin)
{
    struct itimerval off = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &off, &sweep->timer);
    take_signals(sweep);
    int cpu = sched_getcpu();
    if (!pin || cpu < 0 || sched_getaffinity(0, sizeof sweep->cpus, &sweep->cpus) < 0)
        return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sweep->pinned = sched_setaffinity(0, sizeof one, &one) == 0;
}

void host_give_back(struct sweep *sweep)
{
    alarm_set(0, 0);
    if (sweep->pinned)
        sched_setaffinity(0, sizeof sweep->cpus, &sweep->cpus);
    sigprocmask(SIG_SETMASK, &sweep->mask, NULL);
    sigaction(SIGCHLD, &sweep->child_action, NULL);
    sigaction(SIGALRM, &sweep->alarm_action, NULL);
    setitimer(ITIMER_REAL, &sweep->timer, NULL);
}

static int check_guarded(struct sweep *sweep)
{
    int signal = sigsetjmp(escape, 1);
    if (signal == SIGALRM && sweep->crash.dump)
        sweep->crash.dump(sweep->crash.context);
    if (signal == SIGALRM)
        return fault("check hung: not done after %u ms", sweep->crash.hang_ms);
    if (signal != 0)
        return fault("check crashed: %s", strsignal(signal));
    checking = 1;
    alarm_set(sweep->crash.hang_ms, 0);
    int result = sweep->crash.check(sweep->crash.context, &sweep->point);
    checking = 0;
    return told(result, "check");
}

int check_here(struct sweep *sweep)
{
    struct sigaction on_crash = {.sa_handler = escape_check}, saved[CRASHES];
    for (size_t i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &on_crash, &saved[i]);
    int result = check_guarded(sweep);
    alarm_set(0, 0);
    for (size_t i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &saved[i], NULL);
    return result;
}

/* xorshift64*, enough to spread samples and kills. */
uint64_t chance(struct sweep *sweep, uint64_t below)
{
    uint64_t x = sweep->chance;
    sweep->result->seed = sweep->seed;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    sweep->chance = x;
    return x * UINT64_C(0x2545F4914F6CDD1D) % below;
}
