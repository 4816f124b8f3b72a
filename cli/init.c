/* Two processes look after CMD: this one, and between it and CMD a keeper, which does the same in the same words. Both
 * are subreapers, so whoever below loses his parent becomes a child of the keeper; if the keeper is killed, of this
 * one. If this one is killed, the keeper is told by its lifeline. Either way what lives below is ended by the other.
 * Process 1 of a PID namespace needs no keeper: the kernel ends all with it. A supervisor is its own keeper. */
#include "init.h"
#include "descendants.h"
#include "run.h"
#include "supervise/site.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE INT64_C(10000000000)
#define LIFELINE SIGIO

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH, SIGPWR};
enum { PASSED_ON = sizeof passed_on / sizeof *passed_on };

struct care {
    const struct call *call;
    int64_t grace;
    struct site *site; /* what is looked after in place of CMD, or NULL */
    pid_t parent;      /* of the keeper; 0: this is none */
    kin_signals *signals;
    kin_process *charge; /* CMD, or the keeper */
    bool ended, lost;    /* the charge has; the parent is */
    struct kin_exit how;
};

/* What we were started to ignore stays ignored, for CMD too. */
static int open_signals(struct care *care)
{
    int list[PASSED_ON + 3], count = 0;
    struct sigaction action;
    for (size_t i = 0; i < PASSED_ON; i++)
        if (sigaction(passed_on[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            list[count++] = passed_on[i];
    list[count++] = SIGCHLD;
    list[count++] = LIFELINE;
    list[count] = 0;
    return kin_signals_open(list, &care->signals);
}

/* False: nobody is left. */
static bool reap(struct care *care)
{
    for (;;) {
        siginfo_t about = {0};
        if (waitid(P_ALL, 0, &about, WEXITED | WNOHANG | WNOWAIT) < 0)
            return false;
        if (about.si_pid == 0)
            return true;
        if (about.si_pid == kin_process_pid(care->charge))
            care->ended = kin_process_wait(care->charge, 0, KIN_NOW, &care->how) == 0;
        else
            waitid(P_PID, (id_t)about.si_pid, &about, WEXITED);
    }
}

/* What a terminal sends has reached all of our process group, CMD too. */
static void take(struct care *care, const struct kin_signal *event)
{
    if (event->signal == SIGCHLD)
        return;
    if (event->signal == LIFELINE)
        care->lost = care->parent && getppid() != care->parent;
    else if (care->ended)
        signal_descendants(event->signal);
    else if (event->code != SI_KERNEL)
        kin_process_signal(care->charge, event->signal);
}

static void wait_for_charge(struct care *care)
{
    struct kin_signal event;
    while (reap(care) && !care->ended && !care->lost)
        if (kin_signals_next(care->signals, KIN_FOREVER, &event) == 0)
            take(care, &event);
}

/* SIGTERM once, and after the grace SIGKILL, until nobody is left: who is born meanwhile becomes our child when his
 * parent ends, which tells us by SIGCHLD. */
static void end_the_rest(struct care *care)
{
    struct kin_signal event;
    kin_time deadline = care->lost ? KIN_NOW : kin_after(care->grace);
    if (!care->lost && reap(care)) {
        signal_descendants(SIGTERM);
        signal_descendants(SIGCONT);
    }
    while (reap(care)) {
        if (care->lost || kin_signals_next(care->signals, deadline, &event) == -ETIMEDOUT) {
            signal_descendants(SIGKILL);
            deadline = kin_after(care->grace);
            kin_signals_next(care->signals, deadline, &event);
            deadline = KIN_NOW;
        } else {
            take(care, &event);
        }
    }
}

static int keep(void *context);

/* Its own subreaper, and told by SIGTERM when we have died: then it stops all in order. */
static int supervise(void *context)
{
    return site_run(context);
}

static int start(struct care *care)
{
    struct kin_spawn_options spawn =
        *KIN_SPAWN(.flags = KIN_SPAWN_KEEP_IGNORED | KIN_SPAWN_KEEP_FDS | KIN_SPAWN_LIFELINE);
    if (care->site) {
        spawn.lifeline_signal = SIGTERM;
        return kin_process_fork(supervise, care->site, &spawn, &care->charge);
    }
    if (care->parent || getpid() == 1)
        return kin_process_spawn(care->call->cmd, &spawn, &care->charge);
    struct care keeper = {.call = care->call, .grace = care->grace, .parent = getpid()};
    spawn.flags |= KIN_SPAWN_KEEP_MASK;
    spawn.lifeline_signal = LIFELINE;
    return kin_process_fork(keep, &keeper, &spawn, &care->charge);
}

static int care_for(struct care *care)
{
    int result = kin_process_subreaper(1);
    if (result == 0)
        result = open_signals(care);
    if (result < 0)
        return failed(care->call, result);
    result = start(care);
    if (result == 0) {
        wait_for_charge(care);
        end_the_rest(care);
        kin_process_close(care->charge);
    }
    kin_signals_close(care->signals);
    return result < 0 ? not_started(care->call, result) : exit_code_of(&care->how);
}

static int keep(void *context)
{
    return care_for(context);
}

int look_after(const struct call *call)
{
    struct care care = {.call = call, .grace = GRACE};
    int code = duration_of(call, OPTION_KILL_AFTER, &care.grace);
    return code == EXIT_OK ? care_for(&care) : code;
}

int look_after_site(struct site *site)
{
    struct care care = {.call = site->call, .site = site, .grace = GRACE};
    return getpid() == 1 ? site_run(site) : care_for(&care);
}
