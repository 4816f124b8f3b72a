#include "common/contestant.h"
#include "common/require.h"
#include "common/resident.h"
#include "common/scratch.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANG_SECONDS 120
#define MEBIBYTE (UINT64_C(1) << 20)

struct task {
    const struct contestant *contestant;
    const char *contest;
    double nanoseconds;
};

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void tell(const struct task *task, const char *more, double value)
{
    printf("%s %s%s %.6g\n", task->contestant->name, task->contest, more, value);
}

static void skip(const struct task *task, const char *reason)
{
    printf("%s %s skipped: %s\n", task->contestant->name, task->contest, reason);
}

static bool run_transport(const struct task *task)
{
    const struct transport *transport = task->contestant->transport;
    enum placement placement = placement_of(task->contest);
    double fairness;
    if (!transport)
        return false;
    if (strcmp(task->contest, "pair") == 0)
        tell(task, "", transport_pair(transport, task->nanoseconds));
    else if (begins(task->contest, "latency-"))
        tell(task, "", transport_latency(transport, placement, task->nanoseconds));
    else if (begins(task->contest, "stream-"))
        tell(task, "", transport_stream(transport, 1, placement, task->nanoseconds));
    else if (begins(task->contest, "many-"))
        tell(task, "", transport_stream(transport, 2, placement, task->nanoseconds));
    else if (begins(task->contest, "hammer-")) {
        tell(task, "", transport_hammer(transport, placement, task->nanoseconds, &fairness));
        tell(task, "-fairness", fairness);
    } else
        return false;
    return true;
}

static bool run_locker(const struct task *task)
{
    const struct locker *locker = task->contestant->locker;
    double fairness;
    if (locker && strcmp(task->contest, "lock") == 0)
        tell(task, "", locker_pair(locker, task->nanoseconds));
    else if (locker && begins(task->contest, "contended-")) {
        tell(task, "", locker_contended(locker, placement_of(task->contest), task->nanoseconds, &fairness));
        tell(task, "-fairness", fairness);
    } else
        return false;
    return true;
}

static bool run_spawn(const struct task *task)
{
    unsigned long mebibytes;
    if (!task->contestant->spawn || sscanf(task->contest, "spawn-%lu", &mebibytes) != 1)
        return false;
    if (!resident_possible(mebibytes * MEBIBYTE))
        skip(task, "memory is short");
    else
        tell(task, "", resident_spawn(task->contestant->spawn, mebibytes * MEBIBYTE, placement_of(task->contest),
                                      task->nanoseconds));
    return true;
}

static bool run_special(const struct task *task)
{
    const struct contest_special *special = task->contestant->specials;
    for (; special && special->name; special++)
        if (begins(task->contest, special->name)) {
            unsigned long number = strtoul(task->contest + strlen(special->name), NULL, 10);
            tell(task, "", special->run(number, task->nanoseconds));
            return true;
        }
    return false;
}

static void run(const struct task *task)
{
    const char *absent = task->contestant->absent ? task->contestant->absent() : NULL;
    if (absent)
        skip(task, absent);
    else if (!placement_possible(placement_of(task->contest)))
        skip(task, "it needs two cpus");
    else if (!run_special(task) && !run_transport(task) && !run_locker(task) && !run_spawn(task)) {
        fprintf(stderr, "%s has no contest \"%s\"\n", task->contestant->name, task->contest);
        exit(2);
    }
}

static volatile pid_t runner;

static void end_runner(int signal)
{
    static const char hung[] = "a contest hung\n";
    if (signal == SIGALRM && write(STDERR_FILENO, hung, sizeof hung - 1) < 0)
        return;
    kill(-runner, SIGKILL);
}

/* The contest runs in a group of its own, so that this process can end and tidy it up whatever happens. */
static int run_apart(const struct task *task)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
    int status = 0;
    scratch_begin();
    runner = fork();
    require(runner >= 0);
    if (runner == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(task);
        fflush(stdout);
        _exit(0);
    }
    setpgid(runner, runner);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &(struct sigaction){.sa_handler = end_runner}, NULL);
    alarm(HANG_SECONDS);
    while (waitpid(runner, &status, 0) < 0)
        require(errno == EINTR);
    kill(-runner, SIGKILL);
    scratch_end();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int contestant_main(int argc, char **argv, const struct contestant *contestants, size_t count)
{
    const struct contestant *chosen = NULL;
    if (argc == 4)
        for (size_t i = 0; i < count; i++)
            if (strcmp(contestants[i].name, argv[1]) == 0)
                chosen = &contestants[i];
    if (chosen)
        return run_apart(&(struct task){chosen, argv[2], strtod(argv[3], NULL) * 1e6});
    fprintf(stderr, "usage: %s CONTESTANT CONTEST MILLISECONDS; contestants are:", argv[0]);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, " %s", contestants[i].name);
    fputs("\n", stderr);
    return 2;
}
