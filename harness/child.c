/* Processes that are not stepped: survivors, peers, workers; and waiting for any process with an eye on the clock. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 2
#define ASLEEP_MS 5 /* a nap is shorter */

static void become_child(struct sweep *sweep, pid_t parent, bool pinned)
{
    static const int taken[] = {SIGALRM, SIGCHLD, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        signal(taken[i], SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    if (sweep->pinned && !pinned)
        sched_setaffinity(0, sizeof sweep->cpus, &sweep->cpus);
}

pid_t child_fork(struct sweep *sweep, bool pinned)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        become_child(sweep, parent, pinned);
    if (child < 0)
        fault("fork failed: %s", strerror(errno));
    return child;
}

static bool read_about(pid_t process, const char *what, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)process, what);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t length = read(file, text, size - 1);
    close(file);
    text[length > 0 ? length : 0] = 0;
    return length > 0;
}

/* Since when it has been asleep, and how often it had gone to sleep by then: a nap raises the count. */
struct sleeper {
    double since;
    long switches;
};

/* True when it has not been awake for a while. */
static bool sleeps_on(pid_t process, struct sleeper *sleeper)
{
    char text[4096];
    long switches;
    if (!read_about(process, "status", text, sizeof text))
        return false;
    const char *state = strstr(text, "\nState:\tS");
    const char *count = strstr(text, "\nvoluntary_ctxt_switches:");
    if (!state || !count || sscanf(count, "\nvoluntary_ctxt_switches: %ld", &switches) != 1)
        return false;
    if (switches != sleeper->switches)
        *sleeper = (struct sleeper){seconds(), switches};
    return seconds() - sleeper->since > ASLEEP_MS / 1e3;
}

enum change child_wait(struct sweep *sweep, pid_t child, bool asleep, int *status)
{
    enum change change = CHANGED;
    double hang = seconds() + sweep->crash.hang_ms / 1e3;
    struct sleeper sleeper = {.switches = -1};
    alarm_set(TICK_MS, TICK_MS);
    while (waitpid(child, status, __WALL) < 0 && errno == EINTR) {
        if (asleep && sleeps_on(child, &sleeper))
            change = SLEEPS;
        else if (seconds() > hang)
            change = HANGS;
        if (change != CHANGED)
            break;
    }
    alarm_set(0, 0);
    return change;
}

void child_kill(pid_t child)
{
    int status;
    if (child <= 0)
        return;
    kill(child, SIGKILL);
    while (waitpid(child, &status, __WALL) == child ? WIFSTOPPED(status) : errno == EINTR)
        continue;
}

int child_hangs(struct sweep *sweep, pid_t child, const char *who)
{
    char text[64];
    long call;
    if (sweep->crash.dump)
        sweep->crash.dump(sweep->crash.context);
    if (read_about(child, "syscall", text, sizeof text) && sscanf(text, "%ld", &call) == 1)
        return fault("%s hung: still in system call %ld after %u ms", who, call, sweep->crash.hang_ms);
    return fault("%s hung: still running after %u ms", who, sweep->crash.hang_ms);
}

int child_end(struct sweep *sweep, pid_t child, const char *who)
{
    int status = 0;
    if (child_wait(sweep, child, false, &status) == HANGS) {
        child_hangs(sweep, child, who);
        child_kill(child);
        return KIN_CRASH_FAULT;
    }
    if (WIFSIGNALED(status))
        return fault("%s was ended by a signal: %s", who, strsignal(WTERMSIG(status)));
    return WEXITSTATUS(status) == 0 ? 0 : fault("%s exited with status %d", who, WEXITSTATUS(status));
}

int child_check(struct sweep *sweep)
{
    pid_t survivor = child_fork(sweep, false);
    if (survivor == 0)
        _exit(told(sweep->crash.check(sweep->crash.context, &sweep->point), "check"));
    return survivor < 0 ? KIN_CRASH_FAULT : child_end(sweep, survivor, "check");
}
