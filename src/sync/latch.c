/* kin_latch: counts down to zero.
 *
 * Layout   kin_latch in kin/latch.h: a guard (sync/guard.h), `state`, an event (sync/event.h), the promises: life ids.
 *          state is {count, KEPT: the number of the promise that the last step kept or 0, BROKEN}.
 * States   a promise: free 0 -> promised {id} -> counted down: state {count - 1, KEPT} -> free 0 -> KEPT 0.
 * Always   changed under the guard. The count is never less than the promises that are not KEPT. BROKEN is set when a
 *          promise was counted down for a dead one, and stays.
 * Order    the promise is named in the life before, and forgotten after. Its count-down is one store of state: the
 *          count and which promise it was. state is stored with release: its pair is the waiter's first load.
 * Death    before that store the promise is the dead one's, and is counted down for him; after it KEPT names the
 *          promise that is to be freed, by whoever comes next, again and again. A count-down without a promise is one
 *          store.
 * Tests    tests/unit/sync, tests/crash/sweep_sync. */
#include <kin/latch.h>
#include "sync/guard.h"
#include "sys/reason.h"
#include <errno.h>

#define COUNT(state) ((uint32_t)(state))
#define KEPT(state) ((uint32_t)((state) >> 32) & 0xffu)
#define KEPT_AT(number) ((uint64_t)(number) << 32)
#define KEPT_MASK KEPT_AT(0xff)
#define BROKEN (UINT64_C(1) << 40)

_Static_assert(sizeof(kin_latch) == 256 && offsetof(kin_latch, promises) == 64, "one layout for 32 and 64 bits");
static poll_ready is_ready;
static const struct make make = {"latch", MAGIC_LATCH, sizeof(kin_latch), offsetof(kin_latch, magic), is_ready};

int kin_latch_init(kin_segment *segment, kin_latch *latch, uint32_t count)
{
    int result = place_clear(segment, latch, &make);
    if (result < 0)
        return result;
    STORE(latch->state, count);
    place_ready(latch, &make);
    return 0;
}

/* Frees the promise that the last count-down kept. */
static void finish(kin_latch *latch)
{
    uint64_t state = LOAD(latch->state);
    uint32_t number = KEPT(state);
    if (!number)
        return;
    if (number <= KIN_LATCH_PROMISES)
        STORE(latch->promises[number - 1], 0);
    KEEP_ORDER();
    STORE_RELEASE(latch->state, state & ~KEPT_MASK);
    KEEP_ORDER();
}

/* `number` is that of the promise, from 1 on; 0: none. */
static void take_off(struct visit *visit, kin_latch *latch, uint32_t number, uint64_t broken)
{
    uint64_t state = LOAD(latch->state);
    if (COUNT(state) == 1)
        guard_fire(visit, &latch->event);
    KEEP_ORDER();
    if (PLANTED(COMMIT_FIRST) && number) { /* the promise is freed apart from the count */
        STORE(latch->promises[number - 1], 0);
        KEEP_ORDER();
        number = 0;
    }
    if (COUNT(state))
        state--;
    STORE_RELEASE(latch->state, state | KEPT_AT(number) | broken);
    KEEP_ORDER();
    finish(latch);
}

/* Counts down for the dead. How many promises of the living are left; they are added to what `wait` waits for. */
static uint32_t settle(struct visit *visit, kin_latch *latch, enum effort effort, struct wait *wait)
{
    uint32_t promised = 0;
    finish(latch);
    for (uint32_t i = 0; i < KIN_LATCH_PROMISES; i++) {
        uint32_t id = LOAD(latch->promises[i]);
        if (!id)
            continue;
        if (place_is_gone(visit->seat, id, effort) ||
            (effort == EFFORT_SLOW && !place_is_named(visit->seat, id, visit->segment->object.id, visit->offset))) {
            life_log(visit->seat->domain, &visit->segment->object.segment, id & ID_MASK, 0, "a promise");
            take_off(visit, latch, i + 1, BROKEN);
            continue;
        }
        promised++;
        if (wait)
            guard_wait_for(wait, id);
    }
    return promised;
}

/* The number of the promise of that life, from 1 on; 0: there is none. */
static uint32_t promise_of(const kin_latch *latch, uint32_t id)
{
    for (uint32_t i = 0; i < KIN_LATCH_PROMISES; i++)
        if (LOAD(latch->promises[i]) == id)
            return i + 1;
    return 0;
}

static int promise(struct visit *visit, kin_latch *latch)
{
    const char *path = visit->segment->object.segment.path;
    if (promise_of(latch, visit->seat->id))
        return reason(-EALREADY, "this thread has promised to count the latch in %s down: do that first", path);
    uint32_t promised = settle(visit, latch, EFFORT_FAIR, NULL), free = promise_of(latch, 0);
    if (promised >= COUNT(LOAD(latch->state)))
        return reason(-ERANGE, "all that is left of the latch in %s is promised: make it with a higher count", path);
    if (!free)
        return reason(-ENOSPC, "%d threads have promised to count the latch in %s down: no more can",
                      KIN_LATCH_PROMISES, path);
    STORE(latch->promises[free - 1], visit->seat->id);
    KEEP_ORDER();
    return 0;
}

int kin_latch_promise(kin_segment *segment, kin_latch *latch)
{
    struct visit visit;
    int result = guard_enter(&visit, segment, latch, &make, true, KIN_FOREVER);
    if (result < 0)
        return result;
    result = promise(&visit, latch);
    guard_leave(&visit, visit.known || result == 0);
    return result;
}

int kin_latch_count_down(kin_segment *segment, kin_latch *latch)
{
    struct visit visit;
    int result = guard_enter(&visit, segment, latch, &make, true, KIN_FOREVER);
    if (result < 0)
        return result;
    uint32_t promised = settle(&visit, latch, EFFORT_FAIR, NULL), mine = promise_of(latch, visit.seat->id);
    result = 0;
    if (mine || promised < COUNT(LOAD(latch->state)))
        take_off(&visit, latch, mine, 0);
    else
        result = reason(-ERANGE, "nothing is left of the latch in %s, or others have promised it",
                        segment->object.segment.path);
    guard_leave(&visit, false);
    return result;
}

/* 1: it is zero. 0: look again, `woken` says why. Negative: an error. */
static int sleep_until_zero(kin_segment *segment, kin_latch *latch, kin_time until, enum woken *woken)
{
    struct visit visit;
    struct wait wait = {.object = segment->object.id, .word = &latch->event, .until = until};
    int result = guard_enter(&visit, segment, latch, &make, true, until);
    if (result < 0)
        return result;
    wait.seat = visit.seat;
    wait.offset = visit.offset;
    settle(&visit, latch, *woken == WOKEN_BACKSTOP ? EFFORT_SLOW : EFFORT_FAIR, &wait);
    bool zero = COUNT(LOAD(latch->state)) == 0;
    if (!zero)
        wait.value = event_arm(&latch->event, EVENT_BITS);
    guard_leave(&visit, visit.known);
    if (zero)
        return 1;
    *woken = wait_sleep(&wait);
    return 0;
}

int kin_latch_wait(kin_segment *segment, kin_latch *latch, kin_time until)
{
    uint64_t offset;
    if (!place_is(segment, latch, &make, &offset))
        return place_refuse(segment, latch, &make);
    enum woken woken = WOKEN_LOOK;
    for (;;) {
        uint64_t state = LOAD_ACQUIRE(latch->state);
        if (COUNT(state) == 0)
            return state & BROKEN ? KIN_RECOVERED : 0;
        if (woken == WOKEN_LATE)
            return reason(-ETIMEDOUT, "%u are missing at the latch in %s", COUNT(state),
                          segment->object.segment.path);
        int result = object_removed(&segment->object, woken != WOKEN_LOOK);
        if (result == 0)
            result = sleep_until_zero(segment, latch, until, &woken);
        if (result < 0)
            return result;
    }
}

int64_t kin_latch_count(kin_segment *segment, const kin_latch *latch)
{
    uint64_t offset;
    if (!place_is(segment, latch, &make, &offset))
        return place_refuse(segment, latch, &make);
    return COUNT(LOAD_ACQUIRE(latch->state));
}

static bool is_ready(struct pollable *thing, bool slow)
{
    kin_segment *segment = thing->handle;
    kin_latch *latch = (kin_latch *)(void *)(segment->data + thing->offset);
    struct visit visit;
    if (COUNT(LOAD_ACQUIRE(latch->state)) == 0 || object_removed(&segment->object, slow) < 0 ||
        guard_enter(&visit, segment, latch, &make, true, KIN_NOW) < 0)
        return true;
    settle(&visit, latch, slow ? EFFORT_SLOW : EFFORT_FAIR, NULL);
    bool zero = COUNT(LOAD(latch->state)) == 0;
    if (!zero)
        event_arm(&latch->event, EVENT_BITS);
    guard_leave(&visit, visit.known);
    return zero;
}

int kin_latch_fd(kin_segment *segment, kin_latch *latch)
{
    return place_fd(segment, latch, &make, 0);
}

int kin_latch_clear(kin_segment *segment, kin_latch *latch)
{
    return place_clear_fd(segment, latch, &make, 0);
}

int kin_poll_add_latch(kin_poll *poll, kin_segment *segment, kin_latch *latch)
{
    return place_poll(poll, segment, latch, &make, 0);
}

static int set_up(void *context, kin_segment *segment)
{
    return kin_latch_init(segment, kin_segment_data(segment), *(const uint32_t *)context);
}

int kin_latch_open(kin_domain *domain, const char *name, const struct kin_latch_options *options, kin_segment **home,
                   kin_latch **out)
{
    uint32_t count = options ? options->count : 0;
    struct named named = {KIN_KIND_LATCH, options ? options->flags : 0, options ? options->mode : 0, sizeof(kin_latch),
                          set_up, &count};
    void *latch;
    int result = place_open(domain, name, &named, home, &latch);
    if (result == 0)
        *out = latch;
    return result;
}

int latch_settle(kin_segment *segment, struct seat *seat, void *at, uint32_t dead)
{
    struct visit visit;
    (void)seat;
    (void)dead;
    int result = guard_enter(&visit, segment, at, &make, true, KIN_NOW);
    if (result < 0)
        return result;
    settle(&visit, at, EFFORT_FAIR, NULL);
    guard_leave(&visit, visit.known);
    return 0;
}
