/* kin_barrier: everybody waits until everybody is there.
 *
 * Layout   kin_barrier in kin/barrier.h: a guard (sync/guard.h), an event (sync/event.h), `state`, the seats.
 *          state is {round, NEWS: a party died in this round, OLD_NEWS: one died in the round before}.
 *          A seat is {life, round in which it last arrived}.
 * States   a seat: VACANT, somebody is to come -> taken {life, an old round} -> arrived {life, round} -> (the round
 *          ends) taken; from all of these -> EMPTY, nobody is waited for -> taken. No seat taken: all -> VACANT.
 * Always   changed under the guard. Nothing is counted: the round is over when no seat is VACANT and every one that is
 *          taken has arrived. A round ends by one store of state, which makes every arrival an old one.
 *          Nobody can be more than one round behind, as none ends without him: OLD_NEWS is for him.
 * Order    fire, state, release, wake. NEWS before the seat is EMPTY, else a thief's thief would not tell.
 * Death    of a party: whoever comes next, or is woken by it, empties the seat and, if that ends the round, ends it. In
 *          the middle of an operation: the guard is stolen, the seats are looked at again. A sleeper sleeps on the
 *          lives of those who have not arrived, as far as there is room: it takes the arrival or the death of each of
 *          them to end the round, and whoever arrives looks at all.
 * Tests    tests/unit/sync, tests/crash/sweep_sync, model/barrier.pml. */
#include <kin/barrier.h>
#include "sync/guard.h"
#include "sys/reason.h"
#include <errno.h>

#define ROUND(state) ((uint32_t)(state))
#define NEWS (UINT64_C(1) << 32)
#define OLD_NEWS (UINT64_C(1) << 33)

#define VACANT UINT64_C(0)
#define EMPTY ((uint64_t)ID_MASK)
#define SEAT(life, round) ((life) | (uint64_t)(round) << 32)
#define SITTER(seat) ((uint32_t)(seat))
#define IS_TAKEN(seat) (SITTER(seat) != 0 && SITTER(seat) != ID_MASK)
#define HAS_ARRIVED(seat, round) ((uint32_t)((seat) >> 32) == (round))

_Static_assert(sizeof(kin_barrier) == 576 && offsetof(kin_barrier, seats) == 64, "one layout for 32 and 64 bits");
static poll_ready is_ready;
static const struct make make = {"barrier", MAGIC_BARRIER, sizeof(kin_barrier), offsetof(kin_barrier, magic),
                                 is_ready};

int kin_barrier_init(kin_segment *segment, kin_barrier *barrier, unsigned parties)
{
    if (parties == 0 || parties > KIN_BARRIER_SEATS)
        return reason(-EINVAL, "a barrier for %u parties cannot be: give 1 to %d", parties, KIN_BARRIER_SEATS);
    int result = place_clear(segment, barrier, &make);
    if (result < 0)
        return result;
    STORE(barrier->parties, parties);
    STORE(barrier->state, 1); /* an empty seat's round, 0, has not arrived in it */
    place_ready(barrier, &make);
    return 0;
}

struct turn {
    struct visit visit;
    kin_barrier *barrier;
    uint32_t seats; /* checked */
    uint64_t *mine; /* this thread's seat, NULL: none yet */
};

static int enter(struct turn *turn, kin_segment *segment, kin_barrier *barrier, kin_time until)
{
    *turn = (struct turn){.barrier = barrier};
    int result = guard_enter(&turn->visit, segment, barrier, &make, true, until);
    if (result < 0)
        return result;
    turn->seats = LOAD(barrier->parties);
    if (turn->seats == 0 || turn->seats > KIN_BARRIER_SEATS) {
        guard_leave(&turn->visit, turn->visit.known);
        return reason(-EBADMSG, "the barrier in %s is damaged: kin_barrier_init makes it anew",
                      segment->object.segment.path);
    }
    for (uint32_t i = 0; i < turn->seats; i++)
        if (SITTER(LOAD(barrier->seats[i])) == turn->visit.seat->id)
            turn->mine = &barrier->seats[i];
    return 0;
}

/* Whoever sleeps may have to end the round. */
static void give_up(struct turn *turn, uint64_t *seat)
{
    guard_fire(&turn->visit, &turn->barrier->event);
    STORE(*seat, EMPTY);
    KEEP_ORDER();
}

static void start_over_if_deserted(const struct turn *turn)
{
    uint64_t *seats = turn->barrier->seats;
    for (uint32_t i = 0; i < turn->seats; i++)
        if (IS_TAKEN(LOAD(seats[i])))
            return;
    for (uint32_t i = 0; i < turn->seats; i++)
        if (LOAD(seats[i]) != VACANT)
            STORE(seats[i], VACANT);
}

/* Empties the seats of the dead. */
static void settle(struct turn *turn, enum effort effort)
{
    const struct visit *visit = &turn->visit;
    kin_barrier *barrier = turn->barrier;
    for (uint32_t i = 0; i < turn->seats; i++) {
        uint64_t seat = LOAD(barrier->seats[i]);
        uint32_t id = SITTER(seat);
        if (!IS_TAKEN(seat) ||
            (!place_is_gone(visit->seat, id, effort) &&
             (effort != EFFORT_SLOW || place_is_named(visit->seat, id, visit->segment->object.id, visit->offset))))
            continue;
        life_log(visit->seat->domain, &visit->segment->object.segment, id & ID_MASK, 0, "a seat");
        if (!PLANTED(NO_REPAIR))
            STORE(barrier->state, LOAD(barrier->state) | NEWS);
        KEEP_ORDER();
        give_up(turn, &barrier->seats[i]);
    }
    start_over_if_deserted(turn);
}

static uint64_t *find(const struct turn *turn, uint64_t wanted)
{
    for (uint32_t i = 0; i < turn->seats; i++)
        if (SITTER(LOAD(turn->barrier->seats[i])) == wanted)
            return &turn->barrier->seats[i];
    return NULL;
}

static int sit_down(struct turn *turn)
{
    if (turn->mine)
        return 0;
    uint64_t *seat = find(turn, VACANT);
    if (!seat)
        seat = find(turn, EMPTY);
    if (!seat)
        return reason(-EBUSY, "all %u seats of the barrier in %s are taken by the living", turn->seats,
                      turn->visit.segment->object.segment.path);
    STORE(*seat, SEAT(turn->visit.seat->id, ROUND(LOAD(turn->barrier->state)) - 1));
    KEEP_ORDER();
    turn->mine = seat;
    return 0;
}

/* Whether all are there; else the others are added to what `wait` waits for. */
static bool is_over(const struct turn *turn, struct wait *wait)
{
    bool over = true;
    uint32_t round = ROUND(LOAD(turn->barrier->state));
    for (uint32_t i = 0; i < turn->seats; i++) {
        uint64_t seat = LOAD(turn->barrier->seats[i]);
        if (SITTER(seat) == EMPTY || (IS_TAKEN(seat) && HAS_ARRIVED(seat, round)))
            continue;
        over = false;
        if (IS_TAKEN(seat))
            guard_wait_for(wait, SITTER(seat));
    }
    return over;
}

static int end_round(struct turn *turn)
{
    uint64_t state = LOAD(turn->barrier->state);
    guard_fire(&turn->visit, &turn->barrier->event);
    KEEP_ORDER();
    STORE_RELEASE(turn->barrier->state, (uint32_t)(ROUND(state) + 1) | (state & NEWS ? OLD_NEWS : 0));
    KEEP_ORDER();
    return KIN_SERIAL | (state & NEWS ? KIN_RECOVERED : 0);
}

/* Has arrived, holds the guard. Sleeps once, unless it ends the round. 1: `*result` is the answer. */
static bool arrive_and_sleep(struct turn *turn, uint32_t round, kin_time until, enum woken *woken, int *result)
{
    kin_barrier *barrier = turn->barrier;
    struct object *object = &turn->visit.segment->object;
    struct wait wait = {.seat = turn->visit.seat, .object = object->id,
                        .offset = turn->visit.offset, .word = &barrier->event, .until = until};
    settle(turn, *woken == WOKEN_BACKSTOP ? EFFORT_SLOW : EFFORT_FAIR);
    if (is_over(turn, &wait)) {
        *result = end_round(turn);
        guard_leave(&turn->visit, true);
        return true;
    }
    wait.value = event_arm(&barrier->event, EVENT_BITS);
    guard_leave(&turn->visit, true);
    poll_ring_place(turn->visit.segment, turn->visit.offset);
    *woken = wait_sleep(&wait);
    uint64_t state = LOAD_ACQUIRE(barrier->state);
    *result = ROUND(state) != round ? (state & OLD_NEWS ? KIN_RECOVERED : 0)
                                    : object_removed(object, *woken != WOKEN_LOOK);
    return ROUND(state) != round || *result < 0;
}

int kin_barrier_wait(kin_segment *segment, kin_barrier *barrier, kin_time until)
{
    struct turn turn;
    enum woken woken = WOKEN_LOOK;
    int result = enter(&turn, segment, barrier, until);
    if (result < 0)
        return result;
    settle(&turn, EFFORT_FAIR);
    result = sit_down(&turn);
    if (result < 0) {
        guard_leave(&turn.visit, turn.visit.known);
        return result;
    }
    uint32_t round = ROUND(LOAD(barrier->state));
    STORE(*turn.mine, SEAT(turn.visit.seat->id, round));
    KEEP_ORDER();
    while (!arrive_and_sleep(&turn, round, until, &woken, &result)) {
        result = guard_enter_again(&turn.visit, &make, woken == WOKEN_LATE ? KIN_NOW : until);
        if (result < 0)
            return result;
        uint64_t state = LOAD(barrier->state);
        if (ROUND(state) == round && woken != WOKEN_LATE)
            continue;
        if (ROUND(state) == round)
            STORE(*turn.mine, SEAT(turn.visit.seat->id, round - 1));
        guard_leave(&turn.visit, true);
        if (ROUND(state) == round)
            return reason(-ETIMEDOUT, "not all have arrived at the barrier in %s", segment->object.segment.path);
        return state & OLD_NEWS ? KIN_RECOVERED : 0;
    }
    return result;
}

int kin_barrier_join(kin_segment *segment, kin_barrier *barrier)
{
    struct turn turn;
    int result = enter(&turn, segment, barrier, KIN_FOREVER);
    if (result < 0)
        return result;
    settle(&turn, EFFORT_FAIR);
    result = turn.mine ? reason(-EALREADY, "this thread has a seat at the barrier in %s already",
                                segment->object.segment.path)
                       : sit_down(&turn);
    guard_leave(&turn.visit, turn.visit.known || result == 0);
    return result;
}

int kin_barrier_leave(kin_segment *segment, kin_barrier *barrier)
{
    struct turn turn;
    int result = enter(&turn, segment, barrier, KIN_FOREVER);
    if (result < 0)
        return result;
    settle(&turn, EFFORT_FAIR);
    if (turn.mine)
        give_up(&turn, turn.mine);
    start_over_if_deserted(&turn);
    guard_leave(&turn.visit, false);
    return turn.mine ? 0 : reason(-EPERM, "this thread has no seat at the barrier in %s", segment->object.segment.path);
}

/* Whether all others are there: his arrival ends the round, by a seat of his own or by the only one that is left. */
static bool is_last(const struct turn *turn)
{
    uint32_t round = ROUND(LOAD(turn->barrier->state)), missing = 0, vacant = 0;
    for (uint32_t i = 0; i < turn->seats; i++) {
        uint64_t seat = LOAD(turn->barrier->seats[i]);
        missing += IS_TAKEN(seat) && !HAS_ARRIVED(seat, round) && &turn->barrier->seats[i] != turn->mine;
        vacant += SITTER(seat) == VACANT;
    }
    return missing == 0 && vacant <= (turn->mine ? 0u : 1u);
}

static bool is_ready(struct pollable *thing, bool slow)
{
    struct turn turn;
    kin_segment *segment = thing->handle;
    kin_barrier *barrier = (kin_barrier *)(void *)(segment->data + thing->offset);
    if (object_removed(&segment->object, slow) < 0 || enter(&turn, segment, barrier, KIN_NOW) < 0)
        return true;
    settle(&turn, slow ? EFFORT_SLOW : EFFORT_FAIR);
    bool last = is_last(&turn);
    if (!last)
        event_arm(&turn.barrier->event, EVENT_BITS);
    guard_leave(&turn.visit, turn.visit.known);
    return last;
}

int kin_barrier_fd(kin_segment *segment, kin_barrier *barrier)
{
    return place_fd(segment, barrier, &make, 0);
}

int kin_barrier_clear(kin_segment *segment, kin_barrier *barrier)
{
    return place_clear_fd(segment, barrier, &make, 0);
}

int kin_poll_add_barrier(kin_poll *poll, kin_segment *segment, kin_barrier *barrier)
{
    return place_poll(poll, segment, barrier, &make, 0);
}

static int set_up(void *context, kin_segment *segment)
{
    return kin_barrier_init(segment, kin_segment_data(segment), *(const unsigned *)context);
}

int kin_barrier_open(kin_domain *domain, const char *name, const struct kin_barrier_options *options,
                     kin_segment **home, kin_barrier **out)
{
    unsigned parties = options ? options->parties : 0;
    struct named named = {KIN_KIND_BARRIER, options ? options->flags : 0, options ? options->mode : 0,
                          sizeof(kin_barrier), set_up, &parties};
    void *barrier;
    int result = place_open(domain, name, &named, home, &barrier);
    if (result == 0)
        *out = barrier;
    return result;
}

int barrier_settle(kin_segment *segment, struct seat *seat, void *at, uint32_t dead)
{
    struct turn turn;
    (void)seat;
    (void)dead;
    int result = enter(&turn, segment, at, KIN_NOW);
    if (result < 0)
        return result == -EBADMSG ? 0 : result;
    settle(&turn, EFFORT_FAIR);
    guard_leave(&turn.visit, turn.visit.known);
    return 0;
}
