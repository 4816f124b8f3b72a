/* Operations, and waiting until they are possible. The six headings are in sync/semaphore.h. */
#include "sync/semaphore.h"
#include "sys/clock.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>

/* Before a sleep: looks with pauses between that double up to this many, then yields. */
#define LOOKS 40u
#define PAUSES_MAX 64u
#define YIELDS 4u

/* The log as it is being written, and what it will do. */
struct plan {
    uint32_t words;
    uint64_t seen; /* a bit of 64 for each number in it */
    bool raised, emptied, undo;
};

struct asking {
    struct set set;
    kin_semaphore *semaphore;
    struct seat *seat;
    const struct kin_semaphore_op *ops;
    size_t count, blocked; /* the operation that has to wait */
    kin_time until;
    bool picky; /* wants something else than a unit of the only semaphore */
    bool slept, late, looked;
    int64_t longest;
};

/* The word as the plan has it, else as it is. */
static uint64_t planned(const struct set *set, const struct plan *plan, uint64_t place, uint32_t *index)
{
    for (uint32_t i = plan->words; i-- > 0;)
        if (LOAD(set->log[i].place) == place) {
            *index = i;
            return LOAD(set->log[i].word);
        }
    *index = plan->words;
    return LOAD(set->words[place]);
}

static void write_plan(const struct set *set, struct plan *plan, uint32_t index, uint64_t place, uint64_t word)
{
    STORE(set->log[index].place, place);
    STORE(set->log[index].word, word);
    if (index == plan->words)
        plan->words++;
}

/* The entry with that key, or one that can be taken for it; 0: there is none. */
static __attribute__((noinline)) uint32_t look_for_entry(const struct set *set, const struct plan *plan, uint64_t key)
{
    uint32_t home = entry_home(set, key) - set->entries_at, idle = 0, index;
    for (uint32_t i = 0; i < set->holders; i++) {
        uint32_t at = home + i < set->holders ? home + i : home + i - set->holders;
        uint64_t word = LOAD(set->words[set->entries_at + at]);
        if (ENTRY_IS(word, key))
            return set->entries_at + at;
        if (idle || ENTRY_ADJUST(word) != 0)
            continue;
        planned(set, plan, set->entries_at + at, &index);
        if (index == plan->words)
            idle = set->entries_at + at;
    }
    return idle;
}

ALWAYS_INLINE uint32_t find_entry(const struct set *set, const struct plan *plan, uint64_t key)
{
    uint32_t home = entry_home(set, key);
    return likely(ENTRY_IS(LOAD(set->words[home]), key)) ? home : look_for_entry(set, plan, key);
}

/* -ERANGE: it would owe too much; -ENOSPC: no entry is free. */
static int plan_undo(const struct asking *asking, struct plan *plan, const struct kin_semaphore_op *op, bool known)
{
    const struct set *set = &asking->set;
    uint64_t key = ENTRY_KEY(asking->seat->process, op->number);
    uint32_t place = 0, index = plan->words;
    uint64_t word = 0;
    for (uint32_t i = 0; known && i < plan->words && !place; i++) /* an entry that only this plan has */
        if (LOAD(set->log[i].place) >= set->entries_at && ENTRY_IS(LOAD(set->log[i].word), key))
            place = (uint32_t)LOAD(set->log[i].place);
    if (!place)
        place = find_entry(set, plan, key);
    if (!place)
        return -ENOSPC;
    word = planned(set, plan, place, &index);
    int adjust = (ENTRY_IS(word, key) ? ENTRY_ADJUST(word) : 0) - op->by;
    if (adjust > KIN_SEMAPHORE_VALUE_MAX || adjust < -KIN_SEMAPHORE_VALUE_MAX)
        return -ERANGE;
    write_plan(set, plan, index, place, ENTRY_MAKE(key, adjust));
    return 0;
}

/* 0: the log has it all; 1: operation asking->blocked has to wait; else an error. */
static int make_plan(struct asking *asking, struct plan *plan)
{
    const struct set *set = &asking->set;
    *plan = (struct plan){0};
    for (size_t i = 0; i < asking->count; i++) {
        const struct kin_semaphore_op *op = &asking->ops[i];
        uint64_t bit = UINT64_C(1) << (op->number & 63);
        bool known = plan->seen & bit;
        uint64_t place = CELLS_AT + op->number;
        uint32_t index = plan->words;
        uint64_t cell = known ? planned(set, plan, place, &index) : LOAD(set->words[place]);
        int value = (int)CELL_VALUE(cell), after = value + op->by;
        if ((op->by == 0 && value != 0) || after < 0) {
            asking->blocked = i;
            return 1;
        }
        if (after > KIN_SEMAPHORE_VALUE_MAX)
            return -ERANGE;
        plan->seen |= bit;
        plan->raised |= op->by > 0;
        plan->emptied |= op->by < 0 && after == 0;
        write_plan(set, plan, index, place, CELL_MAKE(after, asking->seat->pid));
        if (!(op->flags & KIN_SEMAPHORE_UNDO) || op->by == 0)
            continue;
        int result = plan_undo(asking, plan, op, known);
        if (result < 0)
            return result;
        plan->undo = true;
    }
    return 0;
}

static int refused(const struct asking *asking, int result)
{
    const char *path = asking->set.segment->object.segment.path;
    if (result == -ERANGE)
        return reason(result, "a semaphore of %s, or what undo owes it, would go beyond %d", path,
                      KIN_SEMAPHORE_VALUE_MAX);
    return reason(result, "%s has undo for %u holders, and as many hold something: make it with more (holders)", path,
                  asking->set.holders);
}

static int would_wait(const struct asking *asking, int result)
{
    const struct kin_semaphore_op *op = &asking->ops[asking->blocked];
    const char *path = asking->set.segment->object.segment.path;
    if (op->by == 0)
        return reason(result, "semaphore %u of %s is not 0", op->number, path);
    return reason(result, "semaphore %u of %s has less than %d", op->number, path, -(int)op->by);
}

/* Commits the plan, releases, and wakes whoever can go on now. */
static void carry_out(struct asking *asking, const struct plan *plan)
{
    const struct set *set = &asking->set;
    struct semaphore *shared = set->shared;
    if (LOAD(shared->times))
        STORE(shared->operated, clock_realtime());
    /* Others may sleep as we did; who was woken and leaves something passes the wake on. */
    bool fire = plan->raised || (plan->emptied && LOAD(shared->event) & EVENT_PICKY);
    if (asking->slept && !asking->picky) {
        event_arm(&shared->event, EVENT_SLEEPERS);
        fire |= CELL_VALUE(LOAD(set->log[0].word)) != 0 && !PLANTED(NO_BATON);
    }
    uint32_t bits = fire ? event_fire(&shared->event) : 0;
    semaphore_commit(set, plan->words);
    semaphore_unlock(set, asking->seat);
    semaphore_wake(set, bits);
}

/* A pause between two looks at what another processor is about to change: longer each time, in the end it is offered
 * to others. */
static void pause_before(unsigned look, unsigned *pauses)
{
    if (look >= LOOKS) {
        sched_yield();
        return;
    }
    for (unsigned i = 0; i < *pauses; i++)
        relax();
    if (*pauses < PAUSES_MAX)
        *pauses *= 2;
}

/* The other side may be about to release: looks for a while without the lock. */
static void look_a_while(const struct asking *asking)
{
    const uint64_t *cell = cell_of(&asking->set, 0);
    unsigned pauses = 1;
    for (unsigned i = 0; i < LOOKS + YIELDS && CELL_VALUE(LOAD(*cell)) == 0; i++)
        pause_before(i, &pauses);
}

static int lock_again(struct asking *asking, bool thorough)
{
    kin_segment *segment = asking->set.segment;
    int result = object_removed(&segment->object, thorough);
    if (result == 0 && !semaphore_view(segment, asking->semaphore, &asking->set))
        result = reason(-EIDRM, "the semaphore in %s was ended", segment->object.segment.path);
    return result < 0 ? result : semaphore_lock(&asking->set, asking->seat, asking->until);
}

/* The lock is held on entry; on success it is held again. */
static int sleep_once(struct asking *asking, const struct owing *owing)
{
    const struct set *set = &asking->set;
    const struct kin_semaphore_op *op = &asking->ops[asking->blocked];
    struct wait wait = {
        .seat = asking->seat,
        .object = set->segment->object.id,
        .offset = set->offset,
        .what = op->number | (op->by == 0 ? WAITS_ZERO : 0),
        .word = &set->shared->event,
        .value = event_arm(&set->shared->event, EVENT_SLEEPERS | (asking->picky ? EVENT_PICKY : 0)),
        .until = asking->until,
        .longest = asking->longest,
    };
    for (unsigned i = 0; i < owing->lives && !PLANTED(NO_HOLDERS); i++)
        wait.life[wait.lives++] = owing->life[i];
    semaphore_unlock(set, asking->seat);
    if (PLANTED(STOP_AWAKE))
        raise(SIGSTOP);
    enum woken woken = wait_sleep(&wait);
    if (PLANTED(STOP_WOKEN))
        raise(SIGSTOP);
    asking->slept = true;
    asking->late = woken == WOKEN_LATE;
    int result = lock_again(asking, woken != WOKEN_LOOK);
    if (result < 0)
        semaphore_wake(set, EVENT_BITS); /* a wake that came to us was for somebody else */
    else if (woken == WOKEN_BACKSTOP) {
        struct owing after;
        semaphore_settle(set, asking->seat, true, 0, &after);
    }
    return result;
}

/* Releases without having done anything: a wake that was eaten goes to the next. */
static int leave(struct asking *asking, int result)
{
    uint32_t bits = 0;
    if (asking->slept) {
        event_arm(&asking->set.shared->event, EVENT_SLEEPERS | EVENT_PICKY);
        bits = event_fire(&asking->set.shared->event);
    }
    semaphore_unlock(&asking->set, asking->seat);
    semaphore_wake(&asking->set, bits);
    return result;
}

/* The lock is held and nothing was possible; on success it is held again: look again. Else it is not held. */
static int wait_for_it(struct asking *asking)
{
    struct owing owing;
    semaphore_settle(&asking->set, asking->seat, false, 0, &owing);
    if (owing.settled)
        return 0;
    if (asking->ops[asking->blocked].flags & KIN_SEMAPHORE_NO_WAIT)
        return leave(asking, would_wait(asking, -EAGAIN));
    if (asking->until == KIN_NOW || asking->late)
        return leave(asking, would_wait(asking, -ETIMEDOUT));
    asking->longest = wait_pace(asking->longest, owing.ending);
    if (asking->picky || asking->looked)
        return sleep_once(asking, &owing);
    asking->looked = true;
    semaphore_unlock(&asking->set, asking->seat);
    look_a_while(asking);
    return lock_again(asking, false);
}

/* The lock is held on entry, and not on return. */
static int operate(struct asking *asking)
{
    struct plan plan;
    bool settled = false;
    for (;;) {
        int result = make_plan(asking, &plan);
        if (result == 0 && plan.undo && !semaphore_is_named(asking->set.segment, asking->seat))
            result = semaphore_name(&asking->set, asking->seat);
        if (result == 0) {
            carry_out(asking, &plan);
            return 0;
        }
        if (result == -ENOSPC && !settled) { /* the dead make room */
            struct owing owing;
            settled = true;
            semaphore_settle(&asking->set, asking->seat, false, 0, &owing);
            if (owing.settled)
                continue;
        }
        if (result < 0)
            return leave(asking, result == -ERANGE || result == -ENOSPC ? refused(asking, result) : result);
        result = wait_for_it(asking);
        if (result < 0)
            return result;
    }
}

static int check_ops(const struct set *set, const struct kin_semaphore_op *ops, size_t count)
{
    const char *path = set->segment->object.segment.path;
    if (count == 0)
        return reason(-EINVAL, "no operation on %s is given", path);
    if (count > KIN_SEMAPHORE_OPS_MAX)
        return reason(-E2BIG, "%zu operations on %s are too many for one call, %d are possible", count, path,
                      KIN_SEMAPHORE_OPS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (ops[i].number >= set->count)
            return reason(-EFBIG, "%s has no semaphore %u: it is a set of %u, counted from 0", path, ops[i].number,
                          set->count);
        if (ops[i].flags & ~(unsigned)(KIN_SEMAPHORE_UNDO | KIN_SEMAPHORE_NO_WAIT))
            return reason(-EINVAL, "operation %zu on %s has flags that do not exist: 0x%x", i, path, ops[i].flags);
    }
    return 0;
}

int kin_semaphore_operate(kin_segment *segment, kin_semaphore *semaphore, const struct kin_semaphore_op *ops,
                          size_t count, kin_time until)
{
    struct asking asking = {.semaphore = semaphore, .ops = ops, .count = count, .until = until};
    if (!semaphore_view(segment, semaphore, &asking.set))
        return semaphore_refuse(segment, semaphore);
    int result = check_ops(&asking.set, ops, count);
    if (result < 0)
        return result;
    asking.picky = asking.set.count != 1 || count != 1 || ops->by != -1;
    result = semaphore_enter(segment, semaphore, until, &asking.set, &asking.seat);
    return result < 0 ? result : operate(&asking);
}

enum outcome { DONE, BUSY, THE_LONG_WAY };

/* One unit more or less of the only semaphore, and the entry with it, when nothing stands in the way. */
ALWAYS_INLINE enum outcome change_at_once(kin_segment *segment, kin_semaphore *semaphore, int by)
{
    struct set set;
    struct seat *seat = life_current(segment->object.domain);
    if (unlikely(!seat || !semaphore_view(segment, semaphore, &set) || set.count != 1 ||
                 LOAD(segment->object.segment.header->removed)))
        return THE_LONG_WAY;
    struct semaphore *shared = set.shared;
    uint64_t *cell = &set.words[CELLS_AT], key = ENTRY_KEY(seat->process, 0);
    if (unlikely(by < 0 && CELL_VALUE(LOAD(*cell)) == 0))
        return BUSY; /* as a look, without disturbing who holds the lock */
    life_work_on(seat, segment->object.id);
    if (unlikely(!mutex_try(seat, &shared->lock))) {
        life_work_done(seat);
        return BUSY;
    }
    uint32_t value = CELL_VALUE(LOAD(*cell)), home = entry_home(&set, key);
    uint64_t entry = LOAD(set.words[home]);
    int adjust = ENTRY_ADJUST(entry) - by;
    if (unlikely(!ENTRY_IS(entry, key) || value + (uint32_t)by > VALUE_MAX || adjust < 0 || adjust > (int)VALUE_MAX ||
                 LOAD(shared->times) || !semaphore_is_named(segment, seat))) {
        semaphore_unlock(&set, seat);
        return value + (uint32_t)by == UINT32_MAX ? BUSY : THE_LONG_WAY;
    }
    uint64_t word = CELL_MAKE(value + (uint32_t)by, seat->pid);
    if (PLANTED(COMMIT_FIRST))
        STORE(shared->committed, 2);
    STORE(shared->redo[0].place, CELLS_AT);
    STORE(shared->redo[0].word, word);
    STORE(shared->redo[1].place, home);
    STORE(shared->redo[1].word, ENTRY_MAKE(key, adjust));
    uint32_t bits = by > 0                                                      ? event_fire(&shared->event)
                    : unlikely(LOAD(shared->event) & EVENT_PICKY) && value == 1 ? event_fire(&shared->event)
                                                                                : 0;
    KEEP_ORDER();
    if (!PLANTED(NO_OP))
        STORE_RELEASE(shared->committed, 2);
    KEEP_ORDER();
    STORE(*cell, word);
    STORE(set.words[home], ENTRY_MAKE(key, adjust));
    KEEP_ORDER();
    STORE(shared->committed, 0);
    semaphore_unlock(&set, seat);
    semaphore_wake(&set, bits);
    return DONE;
}

/* While another processor is in the middle of the same. */
static __attribute__((noinline)) bool change_soon(kin_segment *segment, kin_semaphore *semaphore, int by)
{
    unsigned pauses = 4;
    for (unsigned i = 0; i < LOOKS + YIELDS; i++) {
        pause_before(i, &pauses);
        enum outcome outcome = change_at_once(segment, semaphore, by);
        if (outcome != BUSY)
            return outcome == DONE;
    }
    return false;
}

static __attribute__((noinline)) int acquire_slowly(kin_segment *segment, kin_semaphore *semaphore, kin_time until,
                                                    enum outcome outcome)
{
    static const struct kin_semaphore_op take = {.by = -1, .flags = KIN_SEMAPHORE_UNDO};
    if (outcome == BUSY && until != KIN_NOW && change_soon(segment, semaphore, -1))
        return 0;
    return kin_semaphore_operate(segment, semaphore, &take, 1, until);
}

int kin_semaphore_acquire(kin_segment *segment, kin_semaphore *semaphore, kin_time until)
{
    enum outcome outcome = change_at_once(segment, semaphore, -1);
    return likely(outcome == DONE) ? 0 : acquire_slowly(segment, semaphore, until, outcome);
}

/* With undo when this process has something to give back, else a new unit. */
static __attribute__((noinline)) int release_slowly(kin_segment *segment, kin_semaphore *semaphore,
                                                    enum outcome outcome)
{
    struct asking asking = {.semaphore = semaphore, .count = 1, .until = KIN_FOREVER};
    struct kin_semaphore_op put = {.by = 1};
    struct plan plan = {0};
    if (outcome == BUSY && change_soon(segment, semaphore, 1))
        return 0;
    int result = semaphore_enter(segment, semaphore, KIN_FOREVER, &asking.set, &asking.seat);
    if (result < 0)
        return result;
    uint64_t key = ENTRY_KEY(asking.seat->process, 0);
    uint32_t place = find_entry(&asking.set, &plan, key);
    uint64_t entry = place ? LOAD(asking.set.words[place]) : 0;
    if (ENTRY_IS(entry, key) && ENTRY_ADJUST(entry) > 0)
        put.flags = KIN_SEMAPHORE_UNDO;
    asking.ops = &put;
    asking.picky = true;
    return operate(&asking);
}

int kin_semaphore_release(kin_segment *segment, kin_semaphore *semaphore)
{
    enum outcome outcome = change_at_once(segment, semaphore, 1);
    return likely(outcome == DONE) ? 0 : release_slowly(segment, semaphore, outcome);
}
