/* What the dead held. The six headings are in channel/queue.h. */
#include "channel/move.h"
#include "life/settle.h"
#include "sys/plant.h"
#include <errno.h>

/* The one function by which thief, sweep and owner alike decide what becomes of a held record: a pure function of its
 * state and of the finish record of the life that was finishing it, which is frozen until both queues are settled. */
static uint64_t state_after_death(kin_queue *queue, struct record *record, uint32_t slot)
{
    uint64_t state = LOAD(record->state);
    uint32_t attempts = STATE_ATTEMPTS(state), finisher = LOAD(record->finisher);
    struct finish finish = {0};
    bool finished = finisher && !PLANTED(IGNORE_FINISH) &&
                    life_finish_of(queue->object.domain, finisher, STATE_OWNER(state), &finish);
    switch (STATE_TAG(state)) {
    case TAG_LEASED:
        finished = finished && finish.job_object == queue->object.id && finish.job_slot == slot &&
                   finish.job_sequence == LOAD(record->sequence);
        return finished ? STATE_MAKE(TAG_FREE, 0, 0) : STATE_MAKE(TAG_FULL, attempts + 1, 0);
    case TAG_LOANED:
        finished = finished && finish.result_object == queue->object.id && finish.result_slot == slot;
        return finished ? STATE_MAKE(TAG_FULL, 0, 0) : STATE_MAKE(TAG_FREE, 0, 0);
    case TAG_READING:
        return STATE_MAKE(TAG_FULL, attempts, 0);
    default:
        return STATE_MAKE(TAG_FREE, 0, 0); /* a borrow was committed when it was taken */
    }
}

/* Under the lock. The wakes that it owes are paid at once: deaths are rare. */
static bool settle_record(kin_queue *queue, struct seat *seat, uint32_t slot, struct record *record)
{
    struct move move = {.slot = slot, .record = record};
    uint64_t before = LOAD(record->state);
    uint32_t owner = STATE_OWNER(before), ring;
    move.after = state_after_death(queue, record, slot);
    bool full = STATE_TAG(move.after) == TAG_FULL;
    if (full && STATE_TAG(before) == TAG_LOANED)
        STORE(record->sequence, FETCH_ADD(queue->hot->sequence, 1)); /* a result takes its place now */
    if (!move_from(queue, &move, LIST_HELD))
        return false;
    if (full ? !move_to_place(queue, &move) : !move_to(queue, &move, LIST_FREE))
        return false;
    enum kin_ready what = full ? KIN_CAN_RECEIVE : KIN_CAN_SEND;
    move_prepare(seat, &move);
    uint32_t bits = queue_fire(queue, what, &ring), caller = event_fire(&record->caller);
    bool done = move_commit(queue, seat, &move);
    event_wake(queue_event(queue, what), bits);
    event_wake(&record->caller, caller);
    if (ring)
        poll_ring_slowly(queue->object.domain, queue_pollers(queue), ring);
    static const char *const names[] = {"", "", "a loan", "a borrow", "a lease", "a receive"};
    life_log(queue->object.domain, &queue->object.segment, 0, owner, "%s, %s", names[STATE_TAG(before)],
             full ? STATE_TAG(before) == TAG_LOANED ? "sent" : "put back" : "freed");
    return done;
}

void queue_settle(kin_queue *queue, struct seat *seat, bool slow, struct standing *out)
{
    uint32_t slot = LOAD(queue->hot->held), last = 0;
    enum verdict verdict = VERDICT_ALIVE;
    *out = (struct standing){0};
    for (uint32_t i = 0; slot && i <= queue->messages; i++) {
        struct record *record = record_at(queue, slot);
        uint64_t state = record ? LOAD(record->state) : 0;
        if (STATE_TAG(state) < TAG_LOANED || STATE_TAG(state) > TAG_READING) {
            queue_repair_own(queue, seat);
            return;
        }
        uint32_t owner = STATE_OWNER(state), next = LOAD(record->next);
        if (owner != last) {
            verdict = owner == seat->process ? VERDICT_ALIVE : process_verdict(queue->object.domain, owner, slow);
            last = owner;
            if (verdict == VERDICT_ALIVE && owner != seat->process)
                out->lives = wait_for_process(queue->object.domain, owner, out->life, out->lives);
        }
        out->ending |= verdict == VERDICT_ENDING;
        /* A record that no process can own any more: its process record is freed, or it is damaged. */
        if (verdict_is_gone(verdict)) {
            if (!settle_record(queue, seat, slot, record))
                return;
            out->settled++;
        }
        slot = next;
    }
}

void queue_settle_deaths(kin_queue *queue, struct seat *seat)
{
    struct standing standing = {0};
    uint32_t deaths = LOAD(queue->object.domain->shared->deaths);
    if (LOAD(queue->hot->held))
        queue_settle(queue, seat, false, &standing);
    if (!standing.ending)
        STORE(queue->deaths, deaths);
}

int queue_settle_object(kin_domain *domain, const char *name, uint32_t id)
{
    static const struct kin_queue_options existing = {.size = sizeof existing, .flags = KIN_MUST_EXIST};
    struct standing standing;
    struct seat *seat;
    kin_queue *queue;
    (void)id;
    int result = kin_queue_open(domain, name, &existing, &queue);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    result = queue_enter(queue, &seat, KIN_NOW);
    if (result == 0) {
        queue_settle(queue, seat, false, &standing);
        queue_unlock(queue, seat);
    }
    kin_queue_close(queue);
    return result == -EIDRM ? 0 : result;
}

uint64_t queue_count_held(kin_domain *domain, const char *name, uint32_t process)
{
    static const struct kin_queue_options existing = {.size = sizeof existing, .flags = KIN_MUST_EXIST};
    struct seat *seat;
    kin_queue *queue;
    uint64_t count = 0;
    if (kin_queue_open(domain, name, &existing, &queue) < 0)
        return 0;
    if (queue_enter(queue, &seat, KIN_NOW) == 0) {
        uint32_t slot = LOAD(queue->hot->held);
        for (uint32_t i = 0; slot && i <= queue->messages; i++) {
            struct record *record = record_at(queue, slot);
            count += record && STATE_OWNER(LOAD(record->state)) == process;
            slot = record ? LOAD(record->next) : 0;
        }
        queue_unlock(queue, seat);
    }
    kin_queue_close(queue);
    return count;
}
