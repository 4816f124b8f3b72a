/* Giving back what is in hand: done, put back, release, done-and-send, the dead-letter queue.
 * The six headings are in channel/queue.h. */
#include "channel/move.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <string.h>

/* Where a record in hand goes. */
struct end {
    uint64_t after;
    bool to_lane; /* back to its place; else to the free ones, or aside */
    uint32_t list;
};

/* The lock is held, the record is checked. Releases the lock. */
static int end_record(kin_queue *queue, struct seat *seat, uint32_t slot, struct record *record, const struct end *end)
{
    struct move move = {.slot = slot, .record = record, .after = end->after};
    uint32_t ring = 0, bits = 0;
    if (!move_from(queue, &move, LIST_HELD) ||
        !(end->to_lane ? move_to_place(queue, &move) : move_to(queue, &move, end->list))) {
        queue_repair_own(queue, seat);
        queue_unlock(queue, seat);
        return reason(-EBADMSG, "%s was damaged and is repaired: try again", queue->object.segment.path);
    }
    enum kin_ready what = end->to_lane ? KIN_CAN_RECEIVE : KIN_CAN_SEND;
    move_prepare(seat, &move);
    if (end->to_lane || end->list == LIST_FREE)
        bits = queue_fire(queue, what, &ring);
    uint32_t caller = PLANTED(NO_CALLER) ? 0 : event_fire(&record->caller);
    move_commit(queue, seat, &move);
    queue_unlock(queue, seat);
    event_wake(&record->caller, caller);
    queue_wake(queue, queue_event(queue, what), bits, ring);
    return 0;
}

static int end_message(kin_queue *queue, const struct kin_message *message, enum tag tag, struct end end)
{
    struct seat *seat;
    struct record *record;
    int result = queue_enter_hand(queue, message, tag, &seat, &record);
    if (result < 0)
        return result;
    return end_record(queue, seat, message->slot, record, &end);
}

static const struct end gone = {.after = STATE_MAKE(TAG_FREE, 0, 0), .list = LIST_FREE};

int queue_end(kin_queue *queue, const struct kin_message *message, enum tag tag)
{
    return end_message(queue, message, tag, gone);
}

int kin_queue_done(kin_queue *queue, struct kin_message *message)
{
    return end_message(queue, message, TAG_LEASED, gone);
}

int kin_queue_put_back(kin_queue *queue, struct kin_message *message)
{
    struct end back = {.after = STATE_MAKE(TAG_FULL, message->attempts + 1, 0), .to_lane = true};
    return end_message(queue, message, TAG_LEASED, back);
}

int kin_queue_release(kin_queue *queue, struct kin_message *message)
{
    struct record *record = record_at(queue, message->slot);
    enum tag tag = record ? STATE_TAG(LOAD(record->state)) : TAG_FREE;
    return end_message(queue, message, tag == TAG_LOANED ? TAG_LOANED : TAG_BORROWED, gone);
}

/* What the record is ended as was decided by the commit; here it is carried out under the queue's own lock. If somebody
 * settled it already (he cannot while we live) there is nothing to do. */
static int carry_out_job(kin_queue *jobs, struct seat *seat, uint32_t slot)
{
    int result = queue_lock(jobs, seat, KIN_FOREVER);
    struct record *record = record_at(jobs, slot);
    if (result < 0)
        return result;
    if (record && STATE_TAG(LOAD(record->state)) == TAG_LEASED && LOAD(record->finisher) == seat->id)
        return end_record(jobs, seat, slot, record, &gone);
    queue_unlock(jobs, seat);
    return 0;
}

static int check_both(kin_queue *jobs, const struct kin_message *job, kin_queue *results,
                      const struct kin_message *result, const struct kin_send *how, struct record **a,
                      struct record **b, struct seat **seat)
{
    int error = 0;
    if (jobs->object.domain != results->object.domain)
        return reason(-EXDEV, "%s and %s are in different domains: a step across both needs one",
                      jobs->object.segment.path, results->object.segment.path);
    *seat = life_enter(jobs->object.domain, &error);
    if (!*seat)
        return error;
    if (LOAD(jobs->shared->base.removed))
        return object_removed(&jobs->object, false);
    if (LOAD(results->shared->base.removed))
        return object_removed(&results->object, false);
    if (how && (how->priority > KIN_PRIORITY_MAX || how->type < 0))
        return reason(-EINVAL, "the type or the priority of the result cannot be");
    error = how && how->priority ? lane_exists(results, *seat, how->priority) : 0;
    if (error == 0)
        error = queue_in_hand(jobs, *seat, job, TAG_LEASED, a);
    if (error == 0)
        error = queue_in_hand(results, *seat, result, TAG_LOANED, b);
    if (error == 0 && result->length > LOAD((*b)->length))
        error = reason(-EMSGSIZE, "the loan has %u bytes, not %llu: its length can only be made smaller",
                       LOAD((*b)->length), (unsigned long long)result->length);
    return error;
}

int kin_queue_done_and_send(kin_queue *jobs, struct kin_message *job, kin_queue *results, struct kin_message *result,
                            const struct kin_send *how)
{
    struct record *a = NULL, *b = NULL;
    struct seat *seat = NULL;
    int error = check_both(jobs, job, results, result, how, &a, &b, &seat);
    if (error < 0)
        return error;
    struct finish *finish = &seat->life->finish;
    STORE(b->length, (uint32_t)result->length);
    STORE(b->type, how && how->type ? how->type : 1);
    STORE(b->priority, how ? how->priority : 0);
    STORE(finish->job_object, jobs->object.id);
    STORE(finish->job_sequence, job->sequence);
    STORE(finish->job_slot, job->slot);
    STORE(finish->result_object, results->object.id);
    STORE(finish->result_slot, result->slot);
    STORE(a->finisher, seat->id);
    STORE(b->finisher, seat->id);
    KEEP_ORDER();
    STORE_RELEASE(finish->committed, 1); /* from here on it is done, whoever carries it out */
    KEEP_ORDER();
    error = queue_lock(results, seat, KIN_FOREVER);
    if (error == 0)
        error = queue_send_in_hand(results, seat, b, result, how);
    int second = carry_out_job(jobs, seat, job->slot);
    KEEP_ORDER();
    STORE_RELEASE(finish->committed, 0);
    return error < 0 ? error : second;
}

/* To the dead-letter queue; or aside where that is full: then 1. */
int queue_bury(kin_queue *queue, struct kin_message *message, kin_queue *dead_letter)
{
    struct kin_message copy;
    int result = kin_queue_loan(dead_letter, message->length, KIN_NOW, &copy);
    if (result == -ETIMEDOUT || result == -EMSGSIZE) {
        struct end aside = {.after = STATE_MAKE(TAG_FULL, message->attempts, 0) | STATE_ASIDE, .list = LIST_ASIDE};
        result = end_message(queue, message, TAG_LEASED, aside);
        return result < 0 ? result : 1;
    }
    if (result < 0) {
        kin_queue_put_back(queue, message);
        return result;
    }
    memcpy(copy.data, message->data, message->length);
    struct kin_send how = {.size = sizeof how, .type = message->type, .priority = message->priority};
    return kin_queue_done_and_send(queue, message, dead_letter, &copy, &how);
}

/* The first that is set aside, on lease. 0: there is none. */
static int take_aside(kin_queue *queue, struct kin_message *out)
{
    struct seat *seat;
    int result = queue_enter(queue, &seat, KIN_NOW);
    if (result < 0)
        return result;
    struct move move = {.slot = LOAD(queue->hot->aside)};
    struct record *record = move.record = record_at(queue, move.slot);
    if (!record) {
        queue_unlock(queue, seat);
        return 0;
    }
    uint32_t attempts = STATE_ATTEMPTS(LOAD(record->state)), length = LOAD(record->length);
    *out = (struct kin_message){.length = length,
                                .type = LOAD(record->type),
                                .priority = LOAD(record->priority),
                                .attempts = attempts,
                                .sequence = LOAD(record->sequence),
                                .slot = move.slot,
                                .owner = seat->process,
                                .data = payload_of(queue, record, length)};
    move.after = STATE_MAKE(TAG_LEASED, attempts, seat->process);
    if (length > queue->message_max || !out->data || !move_from(queue, &move, LIST_ASIDE) ||
        !move_to(queue, &move, LIST_HELD) || queue_name_holder(queue, seat) < 0) {
        queue_repair_own(queue, seat);
        queue_unlock(queue, seat);
        return reason(-EBADMSG, "%s was damaged and is repaired: try again", queue->object.segment.path);
    }
    STORE(record->finisher, 0);
    STORE(record->handle, queue->number);
    move_prepare(seat, &move);
    move_commit(queue, seat, &move);
    queue_unlock(queue, seat);
    return 1;
}

int queue_unbury(kin_queue *queue, kin_queue *dead_letter)
{
    struct kin_message message;
    while (LOAD(queue->hot->aside) != 0) {
        int result = take_aside(queue, &message);
        if (result <= 0)
            return result;
        result = queue_bury(queue, &message, dead_letter);
        if (result != 0)
            return result < 0 ? result : 0;
    }
    return 0;
}

/* At the end of a handle: what was taken through it and is still in hand. */
void queue_give_up(kin_queue *queue)
{
    struct seat *seat;
    if (queue->named_by == 0 || queue->named_by != LOAD(*queue->object.domain->own))
        return;
    if (queue_enter(queue, &seat, KIN_FOREVER) < 0) { /* removed: nobody will ask for what is left in it */
        process_forget(queue->object.domain, queue->object.id);
        return;
    }
    bool others = false;
    uint32_t slot = LOAD(queue->hot->held);
    for (uint32_t i = 0; slot && i <= queue->messages; i++) {
        struct record *record = record_at(queue, slot);
        uint64_t state = record ? LOAD(record->state) : 0;
        uint32_t next = record ? LOAD(record->next) : 0;
        bool ours = STATE_TAG(state) >= TAG_LOANED && STATE_OWNER(state) == seat->process;
        others |= ours && LOAD(record->handle) != queue->number;
        if (ours && LOAD(record->handle) == queue->number) {
            struct end back = {.after = STATE_MAKE(TAG_FULL, STATE_ATTEMPTS(state) + 1, 0), .to_lane = true};
            if (end_record(queue, seat, slot, record, STATE_TAG(state) == TAG_LEASED ? &back : &gone) < 0 ||
                queue_lock(queue, seat, KIN_FOREVER) < 0)
                return;
            next = LOAD(queue->hot->held);
        }
        slot = next;
    }
    if (!others)
        process_forget(queue->object.domain, queue->object.id);
    queue_unlock(queue, seat);
}
