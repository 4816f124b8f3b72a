/* Kill and kill twice: for each moment a play of its own, from a fresh state to a survivor's check.
 *
 * The order within a play is the point of it: all arrive while nobody is dead; the peer sleeps before the victim
 * begins; he is judged before anybody new is started. */
#include "internal.h"

#include <string.h>
#include <unistd.h>

/* Beyond the end: the moment at which the operation is done, whichever it is. */
#define LAST_MOMENT UINT64_MAX

struct cast {
    struct victim first, second;
    pid_t peer;
};

/* The moments of one operation: what a visit of one does, and what it finds out about the operation's length. */
struct moments {
    int (*visit)(struct sweep *sweep, uint64_t moment);
    const uint64_t *passed;
    const int *finished;
};

static int start_peer(struct sweep *sweep, struct cast *cast)
{
    int status = 0;
    const struct kin_crash_actor *actor = &sweep->crash.peer;
    if (!actor->operate)
        return 0;
    cast->peer = child_fork(sweep, false);
    if (cast->peer == 0) {
        if (actor->arrive && told(actor->arrive(sweep->crash.context), "the peer's arrive") != 0)
            _exit(1);
        _exit(told(actor->operate(sweep->crash.context), "the peer"));
    }
    if (cast->peer < 0)
        return KIN_CRASH_FAULT;
    switch (child_wait(sweep, cast->peer, true, &status)) {
    case SLEEPS:
        return 0;
    case HANGS:
        return fault("the peer did not fall asleep within %u ms", sweep->crash.hang_ms);
    default:
        cast->peer = 0;
        return fault("the peer ended before the victim began: it must wait for what the victim does");
    }
}

static int gather(struct sweep *sweep, struct cast *cast, bool twice)
{
    int result = sweep->crash.prepare ? told(sweep->crash.prepare(sweep->crash.context), "prepare") : 0;
    if (result == 0)
        result = victim_start(sweep, &cast->first, &sweep->crash.victim);
    if (result == 0 && twice)
        result = victim_start(sweep, &cast->second, &sweep->crash.second);
    return result == 0 ? start_peer(sweep, cast) : result;
}

/* Leads a victim to the moment and kills it there. */
static int die(struct sweep *sweep, struct victim *victim, uint64_t moment, uint64_t *passed, int *finished)
{
    int result = 0;
    while (result == 0 && victim->step < moment && !victim->done) {
        result = victim_step(sweep, victim);
        *passed = victim->step;
    }
    *finished = victim->done;
    sweep->point.asleep = victim->asleep;
    if (victim->process > 0 && !victim->asleep)
        sweep->point.instruction = place_of(victim->process);
    if (result == 0)
        victim_kill(victim);
    return result;
}

static int judge_peer(struct sweep *sweep, struct cast *cast)
{
    const struct kin_crash *crash = &sweep->crash;
    if (cast->peer == 0)
        return 0;
    bool due = !crash->due || crash->due(crash->context, &sweep->point);
    if (!due) {
        pid_t feeder = child_fork(sweep, false);
        if (feeder == 0)
            _exit(told(crash->feed(crash->context), "feed"));
        int result = feeder < 0 ? KIN_CRASH_FAULT : child_end(sweep, feeder, "feed");
        if (result != 0)
            return result;
    }
    pid_t peer = cast->peer;
    cast->peer = 0;
    return child_end(sweep, peer, due ? "the peer" : "the peer, although fed,");
}

static int play(struct sweep *sweep, uint64_t moment, bool twice, uint64_t second_moment)
{
    struct cast cast = {.first = {.name = "the victim", .mark = &sweep->control->first},
                        .second = {.name = "the second victim", .mark = &sweep->control->second}};
    struct kin_crash_point *point = &sweep->point;
    memset(point, 0, sizeof *point);
    int result = gather(sweep, &cast, twice);
    point->victim = cast.first.process;
    if (result == 0)
        result = die(sweep, &cast.first, moment, &point->step, &point->finished);
    if (result == 0 && twice)
        result = die(sweep, &cast.second, second_moment, &point->second_step, &point->second_finished);
    sweep->result->points++;
    if (result == 0)
        result = judge_peer(sweep, &cast);
    if (result == 0)
        result = child_check(sweep);
    sweep->result->checked += result >= 0;
    victim_kill(&cast.first);
    victim_kill(&cast.second);
    child_kill(cast.peer);
    return result;
}

/* Visits every moment from the first on, until a visit finds the operation finished; with a limit so many, the last one
 * and one out of each of as many equal stretches. */
static int visit_moments(struct sweep *sweep, const struct moments *moments, uint64_t first, uint64_t limit)
{
    int result = 0;
    if (limit == 0) {
        for (uint64_t moment = first; result == 0; moment++) {
            result = moments->visit(sweep, moment);
            if (*moments->finished)
                break;
        }
        return result;
    }
    result = moments->visit(sweep, LAST_MOMENT);
    uint64_t length = *moments->passed > first ? *moments->passed - first : 0;
    uint64_t samples = length < limit - 1 ? length : limit - 1;
    for (uint64_t i = 0; i < samples && result == 0; i++) {
        uint64_t begin = i * length / samples, end = (i + 1) * length / samples;
        result = moments->visit(sweep, first + begin + chance(sweep, end - begin));
    }
    return result;
}

static int visit_once(struct sweep *sweep, uint64_t moment)
{
    return play(sweep, moment, false, 0);
}

int mode_kill(struct sweep *sweep)
{
    const struct moments moments = {visit_once, &sweep->point.step, &sweep->point.finished};
    return visit_moments(sweep, &moments, sweep->crash.first, sweep->crash.limit);
}

static int visit_second(struct sweep *sweep, uint64_t moment)
{
    return play(sweep, sweep->first_moment, true, moment);
}

/* One moment of the first victim, with all of the second one's or, when sampled, its share: at least two, since the
 * first of them is the second one's last. */
static int visit_first(struct sweep *sweep, uint64_t moment)
{
    const struct moments moments = {visit_second, &sweep->point.second_step, &sweep->point.second_finished};
    uint64_t limit = sweep->crash.limit;
    sweep->first_moment = moment;
    if (limit == 0 || moment != LAST_MOMENT)
        return visit_moments(sweep, &moments, 0, sweep->second_limit);
    int result = visit_moments(sweep, &moments, 0, 1);
    uint64_t rows = sweep->point.step + 1 < limit / 2 ? sweep->point.step + 1 : limit / 2;
    sweep->second_limit = rows > 0 ? limit / rows : 1;
    return result;
}

int mode_kill_twice(struct sweep *sweep)
{
    const struct moments moments = {visit_first, &sweep->point.step, &sweep->point.finished};
    uint64_t limit = sweep->crash.limit;
    return visit_moments(sweep, &moments, sweep->crash.first, limit / 2 + limit % 2);
}
