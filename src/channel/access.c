/* Getting at the queue: its lock, waiting, waking. The six headings are in channel/queue.h. */
#include "channel/queue.h"
#include "sync/wait.h"
#include "sys/clock.h"
#include "sys/cpu.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>

/* Whoever was quicker so many times on end, or a queue that is damaged, is no reason to stay awake. */
#define HOPES_MAX 64u

int queue_lock_slowly(kin_queue *queue, struct seat *seat, kin_time until)
{
    struct mutex_ask ask = {
        .seat = seat,
        .word = &queue->hot->lock,
        .object = &queue->object,
        .until = until,
        .adopt = true,
    };
    int result = mutex_acquire_slowly(&ask);
    if (result == KIN_RECOVERED && !PLANTED(NO_REPAIR))
        queue_repair(queue, seat, ask.dead);
    if (result >= 0)
        return 0;
    life_work_done(seat);
    if (result == -ETIMEDOUT)
        reason(result, "%s is held by a process that does not go on (stopped?): `kin show` tells which",
               queue->object.segment.path);
    return result;
}

int queue_name_holder(kin_queue *queue, struct seat *seat)
{
    uint32_t forgotten = LOAD(queue->object.domain->forgotten);
    if (likely(queue->named_by == seat->process && queue->named_when == forgotten))
        return 0;
    int result = process_hold(seat, queue->object.id);
    if (result == 0) {
        queue->named_by = seat->process;
        queue->named_when = forgotten;
    }
    return result;
}

/* Whoever makes it possible must also have let go of the lock, or we would only stand in his way. */
static bool ready(const kin_queue *queue, enum kin_ready what)
{
    const struct hot *hot = queue->hot;
    return LOAD(hot->lock) == 0 && !queue_lacks(queue, what);
}

bool queue_glance(const kin_queue *queue, enum kin_ready what)
{
    bool elsewhere = queue->peer_cpu[what - 1] != cpu_now();
    for (unsigned i = 0; elsewhere && i < WAIT_LOOKS; i++) {
        if (ready(queue, what))
            return true;
        for (unsigned pause = 0; pause < WAIT_PAUSES; pause++)
            relax();
    }
    return false;
}

/* Only for who takes the first that comes: a picky one would find the same again. */
static bool look_a_while(const struct waiting *waiting)
{
    if (queue_glance(waiting->queue, waiting->what))
        return true;
    for (unsigned i = 0; i < WAIT_YIELDS; i++) {
        sched_yield();
        if (ready(waiting->queue, waiting->what))
            return true;
    }
    return false;
}

static enum woken sleep_on_event(struct waiting *waiting, uint32_t value, const struct standing *standing)
{
    kin_queue *queue = waiting->queue;
    struct wait wait = {
        .seat = waiting->seat,
        .object = queue->object.id,
        .word = queue_event(queue, waiting->what),
        .value = value,
        .until = waiting->until,
        .longest = waiting->longest,
    };
    for (unsigned i = 0; i < standing->lives && !PLANTED(NO_HOLDERS); i++)
        wait.life[wait.lives++] = standing->life[i];
    return wait_sleep(&wait);
}

static int late(const struct waiting *waiting)
{
    const char *path = waiting->queue->object.segment.path;
    return waiting->what == KIN_CAN_RECEIVE ? reason(-ETIMEDOUT, "no message came in %s", path)
                                            : reason(-ETIMEDOUT, "%s is full", path);
}

/* The lock is held on entry; on success it is held again. */
static int sleep_once(struct waiting *waiting, const struct standing *standing)
{
    kin_queue *queue = waiting->queue;
    uint32_t *event = queue_event(queue, waiting->what);
    uint32_t value = event_arm(event, EVENT_SLEEPERS | waiting->bits);
    queue_unlock(queue, waiting->seat);
    if (PLANTED(STOP_AWAKE))
        raise(SIGSTOP);
    enum woken woken = sleep_on_event(waiting, value, standing);
    if (PLANTED(STOP_WOKEN))
        raise(SIGSTOP);
    waiting->slept = true;
    waiting->late = woken == WOKEN_LATE;
    int result = object_removed(&queue->object, woken != WOKEN_LOOK);
    if (result == 0)
        result = queue_lock(queue, waiting->seat, waiting->until);
    if (result < 0)
        event_wake(event, EVENT_BITS); /* a wake that came to us was for somebody else */
    if (result == 0)
        queue_heed_deaths(queue, waiting->seat);
    if (result == 0 && woken == WOKEN_BACKSTOP) {
        struct standing after;
        queue_settle(queue, waiting->seat, true, &after);
    }
    return result;
}

int queue_wait(struct waiting *waiting)
{
    kin_queue *queue = waiting->queue;
    struct standing standing = {0};
    if (LOAD(queue->hot->held))
        queue_settle(queue, waiting->seat, false, &standing);
    if (standing.settled)
        return 0;
    if (waiting->what == KIN_CAN_RECEIVE && !(waiting->bits & EVENT_PICKY) && LOAD(queue->hot->depth) != 0) {
        queue_repair_own(queue, waiting->seat); /* it counts messages, and there are none */
        return 0;
    }
    waiting->longest = wait_pace(waiting->longest, standing.ending);
    if (waiting->until == KIN_NOW || waiting->late) {
        queue_unlock(queue, waiting->seat);
        return late(waiting);
    }
    if (waiting->bits & EVENT_PICKY || waiting->rounds++ > 0)
        return sleep_once(waiting, &standing);
    queue_unlock(queue, waiting->seat);
    bool worth = look_a_while(waiting);
    int result = queue_lock(queue, waiting->seat, waiting->until);
    /* On a busy machine each look is dear: nobody hopes beyond his time. */
    if (worth && waiting->hopes++ < HOPES_MAX && clock_left(waiting->until) > 0)
        waiting->rounds = 0;
    return result;
}

uint32_t queue_pass_on(struct waiting *waiting, bool more, uint32_t *ring)
{
    kin_queue *queue = waiting->queue;
    uint32_t *event = queue_event(queue, waiting->what);
    *ring = more ? (uint32_t)LOAD(queue->hot->armed) & waiting->what : 0;
    if (!waiting->slept)
        return 0;
    event_arm(event, EVENT_SLEEPERS);
    return more && !PLANTED(NO_BATON) ? event_fire(event) : 0;
}

void queue_leave(struct waiting *waiting)
{
    kin_queue *queue = waiting->queue;
    uint32_t ring, pass = queue_pass_on(waiting, true, &ring);
    queue_unlock(queue, waiting->seat);
    queue_wake(queue, queue_event(queue, waiting->what), pass, ring);
}
