/* Asking, releasing, and becoming the other. The six headings are in sync/rwlock.h. */
#include "sync/rwlock.h"
#include "life/graph.h"
#include "sync/event.h"
#include "sync/mutex.h"
#include "sync/place.h"
#include "sync/wait.h"
#include "sys/clock.h"
#include "sys/membarrier.h"
#include "sys/reason.h"
#include <errno.h>

_Static_assert(sizeof(kin_rwlock) == 1088 && offsetof(kin_rwlock, lines) == 64, "one layout for 32 and 64 bits");
static poll_ready is_ready;
static const struct make make = {"rwlock", MAGIC_RWLOCK, sizeof(kin_rwlock), offsetof(kin_rwlock, magic), is_ready};

int kin_rwlock_init(kin_segment *segment, kin_rwlock *rwlock)
{
    int result = place_clear(segment, rwlock, &make);
    if (result == 0)
        place_ready(rwlock, &make);
    return result;
}

static uint32_t *find(kin_rwlock *rwlock, uint32_t id)
{
    uint32_t *own = slot_of(rwlock, id);
    if (likely(LOAD(*own) == id))
        return own;
    for (uint32_t i = 0; i < LINES * SLOTS; i++)
        if (LOAD(rwlock->lines[i / SLOTS].slots[i % SLOTS]) == id)
            return &rwlock->lines[i / SLOTS].slots[i % SLOTS];
    return NULL;
}

static bool is_left(struct wish *wish, const uint32_t *slot, uint32_t id)
{
    if (place_is_gone(wish->seat, id, wish->effort))
        return true;
    if (wish->effort != EFFORT_SLOW || place_is_named(wish->seat, id, wish->segment->object.id, wish->offset))
        return false;
    bool again = wish->doubted == slot && wish->doubted_id == id;
    wish->doubted = slot;
    wish->doubted_id = id;
    return again;
}

/* Whether the wish is granted; else those in its way are added to what `wait` waits for. Strikes off the dead. */
static bool look(struct wish *wish, struct wait *wait)
{
    bool free = false, taken = false;
    wait->lives = 0;
    for (uint32_t i = 0; i < LINES * SLOTS; i++) {
        uint32_t *slot = &wish->rwlock->lines[i / SLOTS].slots[i % SLOTS];
        uint32_t id = LOAD_ACQUIRE(*slot);
        if (id && slot != wish->but && is_left(wish, slot, id)) {
            life_log(wish->seat->domain, &wish->segment->object.segment, id & ID_MASK, 0, "a read lock");
            if (CAS(*slot, &id, 0))
                id = 0;
        }
        free |= id == 0 && (i % SLOTS >= SLOTS / 2 || slot == slot_of(wish->rwlock, wish->seat->id));
        if (id == 0 || slot == wish->but)
            continue;
        taken = true;
        if (wait->lives < WAIT_LIVES_MAX)
            wait->life[wait->lives++] = id;
    }
    return wish->room ? free : !taken;
}

/* With the word in hand, of which quick readers may know nothing yet. */
static void fence_readers(kin_rwlock *rwlock)
{
    FENCE_BEHIND_ATOMIC();
    if (likely(!(LOAD(rwlock->state) & QUICK)))
        return;
    if (!PLANTED(NO_FENCE) && !membarrier_fence_all()) {
        change_state(rwlock, NEVER, 0);
        clock_pause(DRAIN);
    }
    KEEP_ORDER();
    change_state(rwlock, 0, QUICK);
    FULL_FENCE();
}

static bool closes_cycle(const struct wish *wish)
{
    struct intent intent = {wish->segment->object.id, wish->offset, 0, true};
    return wish->until != KIN_NOW && LOAD(wish->segment->check_cycles) && life_closes_cycle(wish->seat, &intent);
}

static int no_cycle(const struct wish *wish)
{
    return reason(-EDEADLK, "whoever holds the rwlock in %s waits for this thread", wish->segment->object.segment.path);
}

/* With the word in hand. */
static int await_readers(struct wish *wish)
{
    kin_rwlock *rwlock = wish->rwlock;
    struct wait wait = {.seat = wish->seat, .object = wish->segment->object.id, .offset = wish->offset};
    wait.word = &rwlock->event;
    wait.until = wish->until;
    fence_readers(rwlock);
    for (unsigned i = 0; i < LOOKS; i++) {
        if (look(wish, &wait))
            return 0;
        for (unsigned k = 0; k < PAUSES && wish->until != KIN_NOW; k++)
            relax();
    }
    for (wish->effort = EFFORT_FAIR;;) {
        wait.value = event_arm_openly(&rwlock->event, EVENT_SLEEPERS);
        if (!(LOAD(rwlock->state) & NEVER) && !membarrier_fence_all())
            change_state(rwlock, NEVER, 0);
        if (look(wish, &wait))
            return 0;
        if (!wish->room && closes_cycle(wish))
            return no_cycle(wish);
        enum woken woken = wait_sleep(&wait);
        if (woken == WOKEN_LATE)
            return reason(-ETIMEDOUT, "other threads hold the rwlock in %s", wish->segment->object.segment.path);
        wish->effort = woken == WOKEN_BACKSTOP ? EFFORT_SLOW : EFFORT_FAIR;
        int result = object_removed(&wish->segment->object, woken == WOKEN_BACKSTOP);
        if (result < 0)
            return result;
    }
}

/* The word, whoever had it. */
static int take_word(const struct wish *wish, kin_time until)
{
    kin_rwlock *rwlock = wish->rwlock;
    if (mutex_try(wish->seat, &rwlock->word))
        return 0;
    struct mutex_ask ask = {.seat = wish->seat, .word = &rwlock->word, .object = &wish->segment->object};
    ask.offset = wish->offset;
    ask.until = until;
    ask.check_cycles = LOAD(wish->segment->check_cycles);
    int result = mutex_acquire_slowly(&ask);
    if (result == KIN_RECOVERED && LOAD(rwlock->state) & DIRTY)
        life_log(wish->seat->domain, &wish->segment->object.segment, ask.dead, 0, "a write lock");
    if (result == -ETIMEDOUT)
        return reason(result, "another thread holds the rwlock in %s, or is on its way in",
                      wish->segment->object.segment.path);
    if (result == -EDEADLK)
        return no_cycle(wish);
    return result < 0 ? result : 0;
}

static int news(const kin_rwlock *rwlock)
{
    return LOAD(rwlock->state) & DIRTY ? KIN_RECOVERED : 0;
}

/* With the word in hand: some slot, his own if it is free. Others may hold one for a moment, see the word, and
 * leave. */
static bool take_slot(kin_rwlock *rwlock, uint32_t id)
{
    uint32_t free = 0;
    if (CAS(*slot_of(rwlock, id), &free, id))
        return true;
    for (uint32_t i = 0; i < OWN; i++) {
        free = 0;
        if (CAS(rwlock->lines[i % LINES].slots[SLOTS / 2 + i / LINES], &free, id))
            return true;
    }
    return false;
}

static void free_slot(kin_segment *segment, kin_rwlock *rwlock, uint32_t *slot)
{
    EXCHANGE(*slot, 0);
    FENCE_BEHIND_ATOMIC();
    poll_raise(segment, (uint64_t)((uintptr_t)rwlock - (uintptr_t)segment->data), &rwlock->event);
}

static void release_word(kin_segment *segment, kin_rwlock *rwlock)
{
    if (unlikely(mutex_let_go(&rwlock->word)))
        poll_wake_mutex(segment, &rwlock->word);
}

static __attribute__((noinline)) int read_slowly(struct wish *wish)
{
    wish->room = true;
    int result = take_word(wish, wish->until);
    if (result < 0)
        return result;
    while (result == 0 && !take_slot(wish->rwlock, wish->seat->id))
        result = await_readers(wish);
    if (result == 0)
        result = news(wish->rwlock);
    release_word(wish->segment, wish->rwlock);
    return result;
}

/* Inside, with a fence. */
static void count_fence(struct seat *seat, kin_segment *segment, kin_rwlock *rwlock)
{
    if (seat->read_slot == 0)
        seat->read_slot = ID_INDEX(seat->id) >= OWN || !membarrier_join()
                              ? NO_SLOT
                              : (uint32_t)((char *)slot_of(rwlock, seat->id) - (char *)rwlock);
    if (seat->read_slot == NO_SLOT || ++seat->fenced_reads < FENCED_READS || LOAD(rwlock->state) & (QUICK | NEVER))
        return;
    seat->fenced_reads = 0;
    if (!mutex_try(seat, &rwlock->word))
        return;
    if (!(LOAD(rwlock->state) & NEVER))
        change_state(rwlock, QUICK, 0);
    release_word(segment, rwlock);
}

/* The lock is named. */
static int read_named(struct seat *seat, kin_segment *segment, kin_rwlock *rwlock, uint64_t offset, int number,
                      kin_time until)
{
    uint32_t *slot = slot_of(rwlock, seat->id), free = 0;
    if (likely(LOAD(rwlock->word) == 0 && CAS(*slot, &free, seat->id))) {
        FENCE_BEHIND_ATOMIC();
        if (likely(LOAD_ACQUIRE(rwlock->word) == 0)) {
            int result = news(rwlock);
            count_fence(seat, segment, rwlock);
            return result;
        }
        free_slot(segment, rwlock, slot);
    }
    struct wish wish = {.seat = seat, .segment = segment, .rwlock = rwlock, .offset = offset, .until = until};
    int result = read_slowly(&wish);
    if (result < 0)
        life_forget(seat, number);
    return result;
}

static int write_named(struct wish *wish, int number)
{
    kin_rwlock *rwlock = wish->rwlock;
    int result = take_word(wish, wish->until);
    if (result == 0) {
        result = await_readers(wish);
        if (result < 0)
            release_word(wish->segment, rwlock);
    }
    if (result < 0) {
        life_forget(wish->seat, number);
        return result;
    }
    result = news(rwlock);
    if (!PLANTED(NO_OP))
        change_state(rwlock, DIRTY, 0);
    KEEP_ORDER();
    return result;
}

/* Names the lock. The entry's number, or why not. */
static int name_it(kin_segment *segment, const kin_rwlock *rwlock, uint64_t *offset, struct seat **out)
{
    int result = 0;
    struct seat *seat = *out = place_enter(segment, rwlock, &make, offset, &result);
    if (!seat)
        return result;
    if (life_holds(seat, segment->object.id, *offset) >= 0)
        return reason(-EDEADLK, "this thread holds the rwlock in %s already", segment->object.segment.path);
    int number = life_hold(seat, segment->object.id, *offset);
    return number >= 0 ? number : reason(number, "this thread holds %u locks already: release one first", HOLDS_MAX);
}

/* Where this thread sets its slot without a fence; NULL: nowhere. */
static inline uint32_t *own_slot(const struct seat *seat, kin_rwlock *rwlock)
{
    return likely(seat->read_slot - 1 < NO_SLOT - 1) ? (uint32_t *)(void *)((char *)rwlock + seat->read_slot) : NULL;
}

static __attribute__((noinline)) int read_any(kin_segment *segment, kin_rwlock *rwlock, kin_time until)
{
    uint64_t offset;
    struct seat *seat;
    int number = name_it(segment, rwlock, &offset, &seat);
    return number < 0 ? number : read_named(seat, segment, rwlock, offset, number, until);
}

/* The lock is named, as the only one, and perhaps the slot is set. */
static __attribute__((noinline)) int read_fenced(kin_segment *segment, kin_rwlock *rwlock, kin_time until)
{
    struct seat *seat = &life_now;
    uint32_t *slot = own_slot(seat, rwlock);
    if (slot && LOAD(*slot) == seat->id)
        free_slot(segment, rwlock, slot);
    return read_named(seat, segment, rwlock, LOAD(seat->life->holds[0].offset), 0, until);
}

int kin_rwlock_acquire_read(kin_segment *segment, kin_rwlock *rwlock, kin_time until)
{
    uint64_t offset;
    struct seat *seat = life_current(segment->object.domain);
    if (unlikely(!seat || seat->holds || !place_is_known(segment, rwlock, &make, &offset)))
        return read_any(segment, rwlock, until);
    life_hold_at(seat, 0, segment->object.id, offset);
    uint32_t *slot = own_slot(seat, rwlock);
    if (unlikely(!slot || LOAD(rwlock->state) != QUICK || LOAD(*slot) != 0))
        return read_fenced(segment, rwlock, until);
    STORE(*slot, seat->id);
    KEEP_ORDER();
    if (unlikely(LOAD_ACQUIRE(rwlock->word) != 0 || LOAD_ACQUIRE(rwlock->state) != QUICK))
        return read_fenced(segment, rwlock, until);
    return 0;
}

int kin_rwlock_acquire_write(kin_segment *segment, kin_rwlock *rwlock, kin_time until)
{
    struct wish wish = {.segment = segment, .rwlock = rwlock, .until = until};
    int number = name_it(segment, rwlock, &wish.offset, &wish.seat);
    return number < 0 ? number : write_named(&wish, number);
}

static inline bool is_writer(const struct seat *seat, const kin_rwlock *rwlock)
{
    return (LOAD(rwlock->word) & ID_MASK) == seat->id;
}

static inline int release_named(struct seat *seat, kin_segment *segment, kin_rwlock *rwlock, int number)
{
    uint32_t *slot;
    int result = 0;
    if (is_writer(seat, rwlock)) {
        change_state(rwlock, 0, DIRTY);
        release_word(segment, rwlock);
    } else if (likely((slot = find(rwlock, seat->id)) != NULL)) {
        free_slot(segment, rwlock, slot);
    } else {
        result = reason(-EBADMSG, "the rwlock in %s is damaged: this thread's mark is not in it",
                        segment->object.segment.path);
    }
    life_forget(seat, number);
    return result;
}

static __attribute__((noinline)) int release_any(kin_segment *segment, kin_rwlock *rwlock)
{
    uint64_t offset;
    struct seat *seat;
    int number = place_held(segment, rwlock, &make, &offset, &seat);
    return number < 0 ? number : release_named(seat, segment, rwlock, number);
}

/* The slot is free, and somebody may wait for that. */
static __attribute__((noinline)) int tell_writer(kin_segment *segment, kin_rwlock *rwlock)
{
    FULL_FENCE();
    poll_raise(segment, (uint64_t)((uintptr_t)rwlock - (uintptr_t)segment->data), &rwlock->event);
    life_forget(&life_now, 0);
    return 0;
}

int kin_rwlock_release(kin_segment *segment, kin_rwlock *rwlock)
{
    /* What is held was checked when it was acquired. */
    uint64_t offset = (uint64_t)((uintptr_t)rwlock - (uintptr_t)segment->data);
    struct seat *seat = life_current(segment->object.domain);
    if (unlikely(!seat || seat->holds != 1 || LOAD(seat->life->holds[0].offset) != offset ||
                 LOAD(seat->life->holds[0].object) != segment->object.id))
        return release_any(segment, rwlock);
    uint32_t *slot = own_slot(seat, rwlock);
    if (unlikely(!slot || LOAD(*slot) != seat->id))
        return release_any(segment, rwlock);
    STORE_RELEASE(*slot, 0);
    KEEP_ORDER();
    if (unlikely(LOAD(rwlock->state) != QUICK || LOAD(rwlock->event) & EVENT_BITS))
        return tell_writer(segment, rwlock);
    life_forget(seat, 0);
    return 0;
}

int kin_rwlock_upgrade(kin_segment *segment, kin_rwlock *rwlock, kin_time until)
{
    struct wish wish = {.segment = segment, .rwlock = rwlock, .until = until};
    int result = place_held(segment, rwlock, &make, &wish.offset, &wish.seat);
    if (result < 0)
        return result;
    uint32_t *mine = find(rwlock, wish.seat->id);
    if (!mine || is_writer(wish.seat, rwlock))
        return reason(-EPERM, "this thread does not hold the rwlock in %s for reading", segment->object.segment.path);
    wish.but = mine;
    result = take_word(&wish, KIN_NOW);
    if (result == -ETIMEDOUT)
        return reason(-EDEADLK, "another thread waits for the readers of the rwlock in %s, this one too: release it",
                      segment->object.segment.path);
    if (result == 0) {
        result = await_readers(&wish);
        if (result < 0)
            release_word(segment, rwlock);
    }
    if (result < 0)
        return result;
    result = news(rwlock);
    change_state(rwlock, DIRTY, 0);
    KEEP_ORDER();
    free_slot(segment, rwlock, mine); /* who polls to write looks again, at the word */
    return result;
}

int kin_rwlock_downgrade(kin_segment *segment, kin_rwlock *rwlock)
{
    uint64_t offset;
    struct seat *seat;
    int result = place_held(segment, rwlock, &make, &offset, &seat);
    if (result < 0)
        return result;
    if (!is_writer(seat, rwlock))
        return reason(-EPERM, "this thread does not hold the rwlock in %s for writing", segment->object.segment.path);
    while (!take_slot(rwlock, seat->id))
        relax(); /* all are taken by readers who see the word and leave */
    KEEP_ORDER();
    change_state(rwlock, 0, DIRTY);
    release_word(segment, rwlock);
    return 0;
}

/* The word first: whoever holds it lets nobody in. Then the slots. */
static bool is_ready(struct pollable *thing, bool slow)
{
    kin_segment *segment = thing->handle;
    kin_rwlock *rwlock = (kin_rwlock *)(void *)(segment->data + thing->offset);
    int result = 0;
    struct wait wait;
    struct wish wish = {.seat = life_enter(segment->object.domain, &result),
                        .segment = segment,
                        .rwlock = rwlock,
                        .offset = thing->offset,
                        .room = thing->what == KIN_CAN_READ,
                        .effort = slow ? EFFORT_SLOW : EFFORT_FAIR};
    if (!wish.seat || object_removed(&segment->object, slow) < 0)
        return true;
    if (!mutex_arm(&segment->object, &rwlock->word, 0, slow))
        return false;
    event_arm_openly(&rwlock->event, EVENT_SLEEPERS);
    if (LOAD(rwlock->state) & QUICK)
        membarrier_fence_all(); /* if we may not: who leaves now is seen at the backstop */
    return look(&wish, &wait);
}

static int no_such_way(enum kin_rwlock_ready what)
{
    return reason(-EINVAL, "ask for KIN_CAN_READ or KIN_CAN_WRITE, not for %d", (int)what);
}

static bool is_way(enum kin_rwlock_ready what)
{
    return what == KIN_CAN_READ || what == KIN_CAN_WRITE;
}

int kin_rwlock_fd(kin_segment *segment, kin_rwlock *rwlock, enum kin_rwlock_ready what)
{
    return is_way(what) ? place_fd(segment, rwlock, &make, what) : no_such_way(what);
}

int kin_rwlock_clear(kin_segment *segment, kin_rwlock *rwlock, enum kin_rwlock_ready what)
{
    return is_way(what) ? place_clear_fd(segment, rwlock, &make, what) : no_such_way(what);
}

int kin_poll_add_rwlock(kin_poll *poll, kin_segment *segment, kin_rwlock *rwlock, enum kin_rwlock_ready what)
{
    return is_way(what) ? place_poll(poll, segment, rwlock, &make, what) : no_such_way(what);
}

static int set_up(void *context, kin_segment *segment)
{
    (void)context;
    return kin_rwlock_init(segment, kin_segment_data(segment));
}

int kin_rwlock_open(kin_domain *domain, const char *name, const struct kin_rwlock_options *options, kin_segment **home,
                    kin_rwlock **out)
{
    struct named named = {
        KIN_KIND_RWLOCK, options ? options->flags : 0, options ? options->mode : 0, sizeof(kin_rwlock), set_up, NULL};
    void *rwlock;
    int result = place_open(domain, name, &named, home, &rwlock);
    if (result == 0)
        *out = rwlock;
    return result;
}

int rwlock_settle(kin_segment *segment, struct seat *seat, void *at, uint32_t dead)
{
    kin_rwlock *rwlock = at;
    uint32_t *slot = find(rwlock, dead), id = dead, seen = LOAD_ACQUIRE(rwlock->word);
    if (slot && CAS(*slot, &id, 0)) {
        life_log(seat->domain, &segment->object.segment, dead, 0, "a read lock");
        poll_raise(segment, (uint64_t)((char *)at - segment->data), &rwlock->event);
    }
    if ((seen & ID_MASK) != dead)
        return 0;
    if (LOAD(rwlock->state) & DIRTY)
        life_log(seat->domain, &segment->object.segment, dead, 0, "a write lock");
    if (CAS(rwlock->word, &seen, 0) && seen & MUTEX_WAITERS)
        poll_wake_mutex(segment, &rwlock->word);
    return 0;
}
