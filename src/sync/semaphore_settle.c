/* Committing, repairing, and what the dead owe. The six headings are in sync/semaphore.h. */
#include "life/settle.h"
#include "sync/semaphore.h"
#include "sys/plant.h"
#include <errno.h>

static bool is_place(const struct set *set, uint64_t place)
{
    return (place >= CELLS_AT && place < CELLS_AT + set->count) ||
           (place >= set->entries_at && place < set->entries_at + set->holders);
}

static void forget_undo(const struct set *set, uint32_t clear)
{
    uint64_t *entries = &set->words[set->entries_at];
    for (uint32_t i = 0; i < set->holders; i++)
        if (clear == CLEAR_ALL || ENTRY_NUMBER(LOAD(entries[i])) == clear - 1)
            STORE(entries[i], 0);
}

/* Stores absolute values only, so it may be repeated from any point. */
static void apply(const struct set *set, uint32_t words)
{
    uint32_t clear = LOAD(set->shared->clear);
    if (unlikely(clear))
        forget_undo(set, clear);
    for (uint32_t i = 0; i < words && i < set->room; i++) {
        uint64_t place = LOAD(set->log[i].place);
        if (is_place(set, place))
            STORE(set->words[place], LOAD(set->log[i].word));
    }
}

void semaphore_commit(const struct set *set, uint32_t words)
{
    KEEP_ORDER();
    if (!PLANTED(NO_OP))
        STORE_RELEASE(set->shared->committed, words);
    KEEP_ORDER();
    apply(set, words);
    KEEP_ORDER();
    STORE(set->shared->committed, 0);
    KEEP_ORDER();
    STORE(set->shared->clear, 0);
}

/* After the lock was taken from the dead: completes or drops what they were doing, and wakes whom they were about to
 * wake. */
static void repair(const struct set *set, struct seat *seat, uint32_t dead)
{
    struct semaphore *shared = set->shared;
    uint32_t words = LOAD_ACQUIRE(shared->committed);
    if (words && !PLANTED(NO_REPAIR))
        apply(set, words);
    KEEP_ORDER();
    STORE(shared->committed, 0);
    KEEP_ORDER();
    STORE(shared->clear, 0);
    STORE(shared->event, (LOAD(shared->event) & ~EVENT_BITS) + EVENT_ONE);
    semaphore_wake(set, EVENT_BITS);
    KEEP_ORDER();
    STORE(seat->life->op.kind, 0);
    life_log(set->segment->object.domain, &set->segment->object.segment, dead, 0,
             words ? "an operation, done" : "an operation, undone");
}

int semaphore_lock_slowly(const struct set *set, struct seat *seat, kin_time until)
{
    struct mutex_ask ask = {
        .seat = seat,
        .word = &set->shared->lock,
        .object = &set->segment->object,
        .until = until,
        .adopt = true,
    };
    int result = mutex_acquire_slowly(&ask);
    if (result == KIN_RECOVERED)
        repair(set, seat, ask.dead);
    if (result >= 0)
        return 0;
    life_work_done(seat);
    return result;
}

/* One entry, as an operation of its own: the next one is settled by whoever comes next, if we die. */
static void give_back(const struct set *set, uint64_t *entry, uint32_t process_id)
{
    kin_domain *domain = set->segment->object.domain;
    uint64_t word = LOAD(*entry);
    uint32_t number = ENTRY_NUMBER(word);
    struct process *process = process_at(domain, process_id);
    int adjust = ENTRY_ADJUST(word);
    if (number >= set->count) {
        STORE(*entry, 0); /* damaged */
        return;
    }
    int value = (int)CELL_VALUE(LOAD(*cell_of(set, number))) + adjust;
    value = value < 0 ? 0 : value > (int)VALUE_MAX ? (int)VALUE_MAX : value;
    STORE(set->log[0].place, (uint64_t)(cell_of(set, number) - set->words));
    STORE(set->log[0].word, CELL_MAKE(value, process ? LOAD(process->pid) : 0));
    STORE(set->log[1].place, (uint64_t)(entry - set->words));
    STORE(set->log[1].word, 0);
    uint32_t bits = event_fire(&set->shared->event);
    semaphore_commit(set, 2);
    semaphore_wake(set, bits);
    life_log(domain, &set->segment->object.segment, 0, process_id,
             adjust > 0 ? "%d units, put back" : "%d units, taken", adjust > 0 ? adjust : -adjust);
}

void semaphore_settle(const struct set *set, struct seat *seat, bool slow, uint32_t asked, struct owing *out)
{
    kin_domain *domain = set->segment->object.domain;
    uint64_t *entries = &set->words[set->entries_at];
    uint32_t last = 0;
    enum verdict verdict = VERDICT_ALIVE;
    *out = (struct owing){0};
    for (uint32_t i = 0; i < set->holders; i++) {
        uint64_t word = LOAD(entries[i]);
        uint32_t owner = ENTRY_PROCESS(word);
        if (likely(ENTRY_ADJUST(word) == 0) || owner == seat->process)
            continue;
        if (owner != last) {
            verdict = process_verdict(domain, owner, slow);
            last = owner;
            if (verdict == VERDICT_ALIVE)
                out->lives = wait_for_process(domain, owner, out->life, out->lives);
        }
        out->ending |= verdict == VERDICT_ENDING;
        out->asked_is_ending |= verdict == VERDICT_ENDING && owner == asked;
        /* Corrupt: an entry that no process can own any more, as its record is freed, or it is damaged. */
        if (verdict_is_gone(verdict)) {
            give_back(set, &entries[i], owner);
            out->settled++;
        }
    }
}

/* ---- the name in the process record ---- */

struct walk {
    struct seat *seat;
    uint32_t process;
    uint64_t held;
    int result;
};

static uint32_t units_of(const struct set *set, uint32_t process)
{
    uint32_t units = 0;
    for (uint32_t i = 0; i < set->holders; i++) {
        uint64_t word = LOAD(set->words[set->entries_at + i]);
        if (ENTRY_PROCESS(word) == process && ENTRY_ADJUST(word) != 0)
            units += ENTRY_ADJUST(word) > 0 ? (uint32_t)ENTRY_ADJUST(word) : 0;
    }
    return units;
}

static bool owes(const struct set *set, uint32_t process)
{
    for (uint32_t i = 0; i < set->holders; i++) {
        uint64_t word = LOAD(set->words[set->entries_at + i]);
        if (ENTRY_PROCESS(word) == process && ENTRY_ADJUST(word) != 0)
            return true;
    }
    return false;
}

static bool view_at(kin_segment *segment, uint64_t offset, struct set *set)
{
    return offset < segment->bytes && offset % 8 == 0 &&
           semaphore_view(segment, (kin_semaphore *)(void *)(segment->data + offset), set);
}

static int keep_named(void *context, kin_segment *segment, uint64_t offset)
{
    struct walk *walk = context;
    struct set set;
    if (!view_at(segment, offset, &set) || semaphore_lock(&set, walk->seat, KIN_FOREVER) < 0)
        return 0;
    if (owes(&set, walk->seat->process))
        process_hold(walk->seat, segment->object.id);
    mutex_release(&set.shared->lock);
    return 0;
}

/* At the end of a handle: the segment is not named for nothing, so that a process that holds nothing can leave in an
 * orderly way. The own life names it meanwhile. */
static void give_up(kin_segment *segment)
{
    kin_domain *domain = segment->object.domain;
    int result;
    if (LOAD(segment->named_by) != LOAD(*domain->own))
        return;
    struct walk walk = {.seat = life_enter(domain, &result)};
    if (!walk.seat)
        return;
    life_work_on(walk.seat, segment->object.id);
    process_forget(domain, segment->object.id);
    segment_each_inner(segment, INNER_SEMAPHORE, keep_named, &walk);
    life_work_done(walk.seat);
}

int semaphore_name(const struct set *set, struct seat *seat)
{
    kin_segment *segment = set->segment;
    uint32_t forgotten = LOAD(segment->object.domain->forgotten);
    int result = PLANTED(NO_HOLD) ? 0 : process_hold(seat, segment->object.id);
    if (result < 0)
        return result;
    segment->give_up = give_up;
    STORE(segment->named_when, forgotten);
    STORE(segment->named_by, seat->process);
    return 0;
}

/* ---- for the sweep ---- */

static int settle_one(void *context, kin_segment *segment, uint64_t offset)
{
    struct walk *walk = context;
    struct owing owing;
    struct set set;
    if (!view_at(segment, offset, &set))
        return 0; /* no semaphore any more: nothing to settle */
    int result = semaphore_lock(&set, walk->seat, KIN_NOW);
    if (result < 0)
        return result;
    semaphore_settle(&set, walk->seat, false, walk->process, &owing);
    semaphore_unlock(&set, walk->seat);
    return owing.asked_is_ending ? -EAGAIN : 0;
}

int semaphore_settle_all(kin_segment *segment, struct seat *seat, uint32_t asked)
{
    struct walk walk = {.seat = seat, .process = asked};
    return segment_each_inner(segment, INNER_SEMAPHORE, settle_one, &walk);
}

static int count_one(void *context, kin_segment *segment, uint64_t offset)
{
    struct walk *walk = context;
    struct set set;
    if (view_at(segment, offset, &set))
        walk->held += units_of(&set, walk->process);
    return 0;
}

uint64_t semaphore_count_held(kin_segment *segment, uint32_t process)
{
    struct walk walk = {.process = process};
    segment_each_inner(segment, INNER_SEMAPHORE, count_one, &walk);
    return walk.held;
}
