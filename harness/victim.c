/* One victim: born, led to its operation, stepped through it, killed.
 *
 * Begin and end are marks in memory that tracer and victim share, stored by the victim right before and right after its
 * operation; a few instructions of the harness around it are swept too. The SIGSTOP only hands the victim over. */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_MAX 1000000
#define LEAD_IN_MAX 100000

/* In a function of its own, so that a fault in the first and last moments names it. */
__attribute__((noinline, noreturn)) static void live_as_victim(struct sweep *sweep, struct mark *mark,
                                                               const struct kin_crash_actor *actor)
{
    if (actor->arrive && told(actor->arrive(sweep->crash.context), "arrive") != 0)
        _exit(1);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0) {
        fault("no process may be traced here (%s): in a container allow ptrace and CAP_SYS_PTRACE", strerror(errno));
        mark->stage = STAGE_REFUSED;
        _exit(1);
    }
    raise(SIGSTOP);
    mark->stage = STAGE_OPERATING;
    mark->result = actor->operate(sweep->crash.context);
    mark->stage = STAGE_DONE;
    for (;;)
        pause();
}

static int single_step(struct victim *victim)
{
    long signal = victim->signal;
    victim->signal = 0;
    if (ptrace(PTRACE_SINGLESTEP, victim->process, NULL, (void *)signal) == 0 || errno == ESRCH)
        return 0;
    fault("single steps do not work here: %s", strerror(errno));
    return -EPERM;
}

/* What its end means: an operation may end its process, but only in good order. */
static int ended(struct victim *victim, int status)
{
    victim->process = 0;
    victim->done = true;
    if (WIFSIGNALED(status))
        return fault("%s was ended by a signal: %s", victim->name, strsignal(WTERMSIG(status)));
    return WEXITSTATUS(status) == 0 ? 0 : fault("%s exited with status %d", victim->name, WEXITSTATUS(status));
}

/* Waits for its stop after one instruction. Another signal's stop is none: the signal goes along with the next step. */
static int finish_step(struct sweep *sweep, struct victim *victim)
{
    for (;;) {
        int status = 0;
        bool watch = sweep->crash.wake && !victim->asleep;
        enum change change = child_wait(sweep, victim->process, watch, &status);
        if (change == HANGS)
            return child_hangs(sweep, victim->process, victim->name);
        victim->asleep = change == SLEEPS;
        if (victim->asleep)
            return 0;
        if (!WIFSTOPPED(status))
            return ended(victim, status);
        if (WSTOPSIG(status) == SIGTRAP)
            return 0;
        victim->signal = WSTOPSIG(status);
        int result = single_step(victim);
        if (result != 0)
            return result;
    }
}

static int lead_in(struct sweep *sweep, struct victim *victim)
{
    for (int i = 0; victim->mark->stage == STAGE_ARRIVING; i++) {
        int result = i < LEAD_IN_MAX ? single_step(victim) : fault("%s does not begin", victim->name);
        if (result == 0)
            result = finish_step(sweep, victim);
        if (result != 0)
            return result;
    }
    return 0;
}

int victim_start(struct sweep *sweep, struct victim *victim, const struct kin_crash_actor *actor)
{
    int status = 0;
    victim->mark->stage = STAGE_ARRIVING;
    victim->process = child_fork(sweep, true);
    if (victim->process == 0)
        live_as_victim(sweep, victim->mark, actor);
    if (victim->process < 0)
        return -EAGAIN;
    if (child_wait(sweep, victim->process, false, &status) == HANGS)
        return child_hangs(sweep, victim->process, "arrive");
    if (!WIFSTOPPED(status)) {
        ended(victim, status);
        return victim->mark->stage == STAGE_REFUSED ? -EPERM : fault("%s ended in arrive", victim->name);
    }
    if (WSTOPSIG(status) != SIGSTOP)
        return fault("arrive of %s got a signal: %s", victim->name, strsignal(WSTOPSIG(status)));
    ptrace(PTRACE_SETOPTIONS, victim->process, NULL, (void *)PTRACE_O_EXITKILL);
    return lead_in(sweep, victim);
}

int victim_step(struct sweep *sweep, struct victim *victim)
{
    int result;
    if (victim->step >= STEPS_MAX)
        return fault("%s is not done after %d instructions: does it wait in a loop?", victim->name, STEPS_MAX);
    if (victim->asleep)
        result = told(sweep->crash.wake(sweep->crash.context), "wake");
    else
        result = single_step(victim);
    if (result == 0)
        result = finish_step(sweep, victim);
    if (result != 0)
        return result;
    victim->step++;
    if (victim->mark->stage != STAGE_DONE)
        return 0;
    victim->done = true;
    return told(victim->mark->result, "operate");
}

void victim_kill(struct victim *victim)
{
    if (victim->process > 0)
        child_kill(victim->process);
    victim->process = 0;
    victim->asleep = false;
}
