/* Waiting for a set, and sets of one as descriptors. */
#include "sync/poll_set.h"
#include "sync/wait.h"
#include "sys/clock.h"
#include "sys/cpu.h"
#include "sys/file.h"
#include "sys/plant.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

/* What lasts less was not worth its own cost and that of the wake; so long it is looked out for instead. */
#define SHORT_SLEEP (100 * INT64_C(1000))
#define EAGER_LOOKS (10 * WAIT_LOOKS)

/* 1: worth a try; 0: not yet, and armed. */
static int look(kin_poll *set, struct member *member, bool slow)
{
    struct pollable *thing = &member->thing;
    if (thing->ready(thing, slow))
        return 1;
    int result = set_arm(set, member);
    if (result < 0)
        return result;
    bool ready = thing->ready(thing, false);
    set->ending |= !ready && thing->ending;
    member->armed = !ready;
    return ready;
}

/* Who is not armed is to be looked at. All are found before the first is armed again: things may share a bit. */
static void see_who_rang(kin_poll *set, bool all)
{
    int sort = all ? RANG_ANY : set->rang;
    for (unsigned i = 0; i < set->size; i++) {
        struct member *member = &set->members[i];
        if (!member->armed || (sort != RANG_ANY && member->sort != sort))
            continue;
        const struct poller *poller = member->poller;
        if (all || !(LOAD_ACQUIRE(poller->arms) & member->thing.bit) ||
            LOAD(poller->bell) != bell_of(set, member))
            member->armed = false;
    }
}

/* After deaths and removals all is looked at. */
static bool somebody_died(kin_poll *set)
{
    bool any = false;
    for (unsigned i = 0; i < set->bell_count; i++) {
        struct set_bell *bell = &set->bells[i];
        uint32_t deaths = LOAD_ACQUIRE(bell->domain->shared->deaths);
        any |= deaths != bell->deaths;
        bell->deaths = deaths;
    }
    return any;
}

int set_look(kin_poll *set, bool slow)
{
    bool all = somebody_died(set) || slow;
    set->ending &= !all;
    if (all || set->rang != RANG_NONE)
        see_who_rang(set, all);
    set->rang = RANG_ANY;
    for (unsigned i = 0, number = set->cursor; i < set->size; i++, number++) {
        number = number < set->size ? number : 0;
        struct member *member = &set->members[number];
        int result = 0;
        if (member->kind == MEMBER_FD)
            result = member->ready;
        else if (member->kind == MEMBER_THING && !member->armed)
            result = look(set, member, slow);
        if (result < 0)
            return result;
        if (result == 0)
            continue;
        set->cursor = number + 1;
        return (int)number;
    }
    return -EAGAIN;
}

bool set_drain(kin_poll *set)
{
    char bytes[256];
    uint64_t ticks;
    for (unsigned i = 0; i < set->bell_count; i++)
        while (set->bells[i].fd >= 0 && file_read(set->bells[i].fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes)
            continue;
    return set->timer >= 0 && file_read(set->timer, &ticks, sizeof ticks) > 0;
}

/* Waits for bells and descriptors, and says which of the descriptors are ready. How many of all are, or an error. */
static int poll_descriptors(kin_poll *set, kin_time until)
{
    unsigned count = 0;
    for (unsigned i = 0; i < set->bell_count; i++)
        set->fds[count++] = (struct pollfd){.fd = set->bells[i].fd, .events = POLLIN};
    unsigned first = count;
    for (unsigned i = 0; i < set->size; i++)
        if (set->members[i].kind == MEMBER_FD)
            set->fds[count++] = (struct pollfd){.fd = set->members[i].fd, .events = set->members[i].events};
    int result = ready_until(set->fds, count, until);
    if (result < 0 && result != -ETIMEDOUT)
        return reason_errno("cannot wait for %u descriptors", count);
    for (unsigned i = 0; i < set->size; i++)
        if (set->members[i].kind == MEMBER_FD)
            set->members[i].ready = result > 0 && set->fds[first++].revents != 0;
    return result == -ETIMEDOUT ? 0 : result;
}

static int sleep_on_descriptors(kin_poll *set, kin_time until, enum woken *woken)
{
    int64_t left = clock_left(until), backstop = set->longest ? set->longest : BACKSTOP(WAIT_BACKSTOP);
    int result = poll_descriptors(set, kin_after(left < backstop ? left : backstop));
    bool ticked = set_drain(set);
    if (result < 0)
        return result;
    *woken = result > 0 && !ticked ? WOKEN_LOOK : result > 0 || clock_left(until) > 0 ? WOKEN_BACKSTOP : WOKEN_LATE;
    return 0;
}

/* Who rings may be about to: if he did so last from another processor, for as long as a sleep would cost him and us;
 * then, as everywhere, this one is offered to him. */
static bool rings_soon(const kin_poll *set, const struct seat *seat, uint32_t rung)
{
    unsigned looks = (rung & RUNG_FROM) == (cpu_now() & RUNG_FROM) ? 0 : set->eager ? EAGER_LOOKS : WAIT_LOOKS;
    for (unsigned i = 0; i < looks; i++) {
        if (LOAD(seat->life->rung) != rung)
            return true;
        for (unsigned pause = 0; pause < WAIT_PAUSES; pause++)
            relax();
    }
    for (unsigned i = 0; i < 2 * WAIT_YIELDS; i++) {
        sched_yield();
        if (LOAD(seat->life->rung) != rung)
            return true;
    }
    return false;
}

/* `rung` is the life's bell as it was before all was looked at. */
static enum woken sleep_on_life(kin_poll *set, struct seat *seat, uint32_t rung, kin_time until)
{
    if (rings_soon(set, seat, rung))
        return WOKEN_LOOK;
    struct wait wait = {.seat = seat, .word = &seat->life->rung, .value = rung, .longest = set->longest,
                        .until = until};
    for (unsigned i = 0; i < set->size && set->used == 1; i++)
        if (set->members[i].kind == MEMBER_THING) {
            wait.object = set->members[i].thing.object->id;
            wait.offset = set->members[i].thing.offset;
        }
    int64_t begun = clock_monotonic();
    if (PLANTED(STOP_AWAKE))
        raise(SIGSTOP);
    enum woken woken = wait_sleep(&wait);
    set->eager = clock_monotonic() - begun < SHORT_SLEEP;
    return woken;
}

/* Of one ring since, it is known for which sort. */
static void hear(kin_poll *set, uint32_t rung)
{
    if (rung == set->rung)
        set->rang = RANG_NONE;
    else if (RUNG_COUNT(rung) == RUNG_COUNT(set->rung + (1u << RUNG_COUNT_AT)) || PLANTED(ONE_RING))
        set->rang = (int)RUNG_SORT(rung);
    set->rung = rung;
}

int kin_poll_wait(kin_poll *set, kin_time until, int *which)
{
    struct seat *seat = NULL;
    enum woken woken = WOKEN_LOOK;
    if (set->used == 0)
        return reason(-EINVAL, "the set is empty: nothing would ever end the wait");
    int result = set_prepare(set);
    if (result == 0 && set->bell_count && set->bells[0].fd < 0)
        seat = life_enter(set->bells[0].domain, &result);
    if (result == 0 && !seat && set->descriptors)
        result = poll_descriptors(set, KIN_NOW);
    while (result >= 0) {
        uint32_t rung = seat ? LOAD_ACQUIRE(seat->life->rung) : 0;
        if (seat)
            hear(set, rung);
        result = set_look(set, woken != WOKEN_LOOK);
        if (result != -EAGAIN)
            break;
        if (woken == WOKEN_LATE || (until == KIN_NOW && seat))
            return reason(-ETIMEDOUT, "nothing in the set became ready");
        result = 0;
        set->longest = wait_pace(set->longest, set->ending);
        if (seat)
            woken = sleep_on_life(set, seat, rung, until);
        else
            result = sleep_on_descriptors(set, until, &woken);
    }
    if (result >= 0)
        *which = result;
    return result < 0 ? result : 0;
}

static void ring_ourselves(kin_poll *set)
{
    for (unsigned i = 0; i < set->bell_count; i++)
        file_write(set->bells[i].fd, "!", 1);
}

int kin_poll_fd(kin_poll *set)
{
    set->exported = true;
    int result = set_prepare(set);
    if (result < 0)
        return result;
    ring_ourselves(set); /* nothing was looked at yet */
    return set->epoll;
}

static kin_poll **find(struct poll_fds *fds, const struct pollable *thing)
{
    kin_poll **place = &fds->first;
    while (*place && ((*place)->members[0].thing.offset != thing->offset ||
                      (*place)->members[0].thing.what != thing->what))
        place = &(*place)->next;
    return place;
}

static void close_all(struct poll_fds *fds)
{
    while (fds->first) {
        kin_poll *set = fds->first;
        fds->first = set->next;
        kin_poll_destroy(set);
    }
}

static int make_one(const struct pollable *thing, kin_poll **out)
{
    kin_poll *set;
    int result = kin_poll_create(&set);
    if (result < 0)
        return result;
    set->exported = true;
    result = poll_add(set, thing);
    if (result < 0)
        kin_poll_destroy(set);
    else
        *out = set;
    return result;
}

/* Looks, and is readable if that is worth a try. */
static int look_and_ring(kin_poll *set, bool slow)
{
    int result = set_prepare(set);
    if (result == 0)
        result = set_look(set, slow);
    if (result >= 0)
        ring_ourselves(set);
    return result == -EAGAIN || result >= 0 ? 0 : result;
}

int poll_fd(struct poll_fds *fds, const struct pollable *thing)
{
    pthread_mutex_lock(&fds->lock);
    fds->close = close_all;
    kin_poll **place = find(fds, thing);
    int result = *place ? 0 : make_one(thing, place);
    if (result >= 0)
        result = look_and_ring(*place, false);
    int fd = result < 0 ? result : (*place)->epoll;
    pthread_mutex_unlock(&fds->lock);
    return fd;
}

int poll_clear(struct poll_fds *fds, const struct pollable *thing, const char *noun)
{
    pthread_mutex_lock(&fds->lock);
    kin_poll *set = *find(fds, thing);
    int result = set ? 0 : reason(-EINVAL, "kin_%s_fd was not asked for this descriptor", noun);
    if (set) {
        bool ticked = set_drain(set);
        set->members[0].armed = false;
        result = look_and_ring(set, ticked);
    }
    pthread_mutex_unlock(&fds->lock);
    return result;
}
