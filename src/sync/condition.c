/* kin_condition: sleeping until what a lock guards has changed.
 *
 * Layout   kin_condition in kin/condition.h: an event count (sync/event.h).
 * States   those of the event.
 * Always   armed under the user's lock, raised with it or without. SLEEPERS unset while somebody sleeps, or is about
 *          to, on the present count is wrong; set too much is slow (a needless wake).
 * Order    waiter: arm, release the lock, sleep on the armed value. Signaller: has changed the data under the lock, so
 *          he sees the arming of whoever looked before; he changes the value, then wakes.
 * Death    a waiter, asleep or just woken: obit rings, all look, so the signal in his hands reaches them. A signaller
 *          between the new value and the wake: likewise. The lock's owner: obit rings, all ask for the lock, one gets
 *          it. An owner who got the lock and died between our look at it and our sleep is met at the backstop.
 * Tests    tests/unit/sync, tests/crash/sweep_sync, tests/crash/bites_sync, model/event.pml. */
#include <kin/condition.h>
#include "sync/event.h"
#include "sync/mutex.h"
#include "sync/place.h"
#include "sync/wait.h"
#include "sys/clock.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <signal.h>

_Static_assert(sizeof(kin_condition) == 64 && offsetof(kin_condition, event) == 0 &&
                   offsetof(kin_condition, magic) == 4 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "one layout for 32 and 64 bits");
static poll_ready is_ready;
static const struct make make = {"condition", MAGIC_CONDITION, sizeof(kin_condition), offsetof(kin_condition, magic),
                                 is_ready};

int kin_condition_init(kin_segment *segment, kin_condition *condition)
{
    int result = place_clear(segment, condition, &make);
    if (result == 0)
        place_ready(condition, &make);
    return result;
}

static enum woken sleep_on(struct seat *seat, kin_segment *segment, kin_condition *condition, kin_lock *lock,
                           uint32_t value, kin_time until)
{
    struct wait wait = {
        .seat = seat,
        .object = segment->object.id,
        .offset = (uint64_t)((uintptr_t)condition - (uintptr_t)segment->data),
        .word = &condition->event,
        .value = value,
        .until = until,
    };
    uint32_t owner = LOAD(lock->word) & ID_MASK;
    if (owner && owner != MUTEX_ORPHAN)
        wait.life[wait.lives++] = owner;
    return wait_sleep(&wait);
}

int kin_condition_wait(kin_segment *segment, kin_condition *condition, kin_lock *lock, kin_time until)
{
    uint64_t offset;
    int result = 0;
    struct seat *seat = place_enter(segment, condition, &make, &offset, &result);
    if (!seat)
        return result;
    uint32_t armed = PLANTED(ARM_LATE) ? 0 : event_arm_openly(&condition->event, EVENT_SLEEPERS);
    result = kin_lock_release(segment, lock);
    if (result < 0)
        return result;
    if (PLANTED(STOP_AWAKE))
        raise(SIGSTOP);
    if (PLANTED(ARM_LATE))
        armed = event_arm_openly(&condition->event, EVENT_SLEEPERS);
    enum woken woken = sleep_on(seat, segment, condition, lock, armed, until);
    result = object_removed(&segment->object, woken != WOKEN_LOOK);
    if (result == 0)
        result = kin_lock_acquire(segment, lock, KIN_FOREVER);
    if (result == 0 && woken == WOKEN_LATE)
        return reason(-ETIMEDOUT, "nobody signalled the condition in %s", segment->object.segment.path);
    return result;
}

/* Somebody sleeps, perhaps. Who dies before the wake must ring: he needs a life. */
static __attribute__((noinline)) int raise_it(kin_segment *segment, kin_condition *condition, bool all)
{
    uint64_t offset;
    int result = 0;
    if (!place_is(segment, condition, &make, &offset))
        return place_refuse(segment, condition, &make);
    if (!(LOAD(condition->event) & EVENT_BITS))
        return 0;
    if (!life_enter(segment->object.domain, &result))
        return result;
    if (all)
        event_raise(&condition->event);
    else
        event_raise_one(&condition->event);
    poll_ring_place(segment, (uint64_t)((uintptr_t)condition - (uintptr_t)segment->data));
    return 0;
}

/* Event and magic number in one load. */
#define TELLS (UINT64_C(0xffffffff) << 32 | EVENT_BITS)
#define QUIET ((uint64_t)MAGIC_CONDITION << 32)

static inline int tell(kin_segment *segment, kin_condition *condition, bool all)
{
    uint64_t offset;
    if (unlikely(!place_is_inside(segment, condition, &make, &offset)))
        return raise_it(segment, condition, all);
    if (unlikely((LOAD(*(const uint64_t *)(const void *)condition) & TELLS) != QUIET))
        return raise_it(segment, condition, all);
    return 0;
}

int kin_condition_signal(kin_segment *segment, kin_condition *condition)
{
    return tell(segment, condition, false);
}

int kin_condition_broadcast(kin_segment *segment, kin_condition *condition)
{
    return tell(segment, condition, true);
}

/* Whether it was signalled, or somebody died, since this was last asked. There is nothing to be had, so each is told
 * once; it is armed before the answer, so that no signal after it is missed. The backstop tells it as well, as it ends
 * every other wait. */
static bool is_ready(struct pollable *thing, bool slow)
{
    kin_segment *segment = thing->handle;
    kin_condition *condition = (kin_condition *)(void *)(segment->data + thing->offset);
    uint64_t before = thing->seen, armed = event_arm_openly(&condition->event, EVENT_SLEEPERS) | EVENT_BITS;
    thing->seen = armed | (uint64_t)LOAD(segment->object.domain->shared->deaths) << 32;
    bool late = slow && clock_monotonic() - thing->told >= BACKSTOP(WAIT_BACKSTOP);
    bool told = object_removed(&segment->object, slow) < 0 || (before && thing->seen != before) || late;
    if (told || !before)
        thing->told = clock_monotonic();
    return told;
}

int kin_condition_fd(kin_segment *segment, kin_condition *condition)
{
    return place_fd(segment, condition, &make, 0);
}

/* Twice: what was signalled before is told by this call, and the descriptor tells what comes after. */
int kin_condition_clear(kin_segment *segment, kin_condition *condition)
{
    int result = place_clear_fd(segment, condition, &make, 0);
    return result < 0 ? result : place_clear_fd(segment, condition, &make, 0);
}

int kin_poll_add_condition(kin_poll *poll, kin_segment *segment, kin_condition *condition)
{
    return place_poll(poll, segment, condition, &make, 0);
}
