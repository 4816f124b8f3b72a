/* Sending. The six headings are in channel/queue.h. */
#include "channel/move.h"
#include "sys/cpu.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <string.h>

/* Longer ones are filled outside the lock, as a loan. */
#define COPY_LOCKED 2048u

struct envelope {
    int64_t type;
    uint32_t priority;
};

static int check_how(const kin_queue *queue, uint64_t length, const struct kin_send *how, struct envelope *out)
{
    *out = (struct envelope){how && how->type ? how->type : 1, how ? how->priority : 0};
    if (unlikely(length > queue->message_max))
        return reason(-EMSGSIZE,
                      "a message of %llu bytes is too long for %s, which takes %u: make it with a larger "
                      "--message-max",
                      (unsigned long long)length, queue->object.segment.path, queue->message_max);
    if (unlikely(out->type < 0))
        return reason(-EINVAL, "the type %lld of a message cannot be: it is above 0", (long long)out->type);
    if (unlikely(out->priority > KIN_PRIORITY_MAX))
        return reason(-EINVAL, "the priority %u cannot be: 0 to %u are possible", out->priority, KIN_PRIORITY_MAX);
    return 0;
}

/* A free slot, used before or not. 0: none now. */
static uint32_t free_slot(kin_queue *queue, struct move *move)
{
    struct hot *hot = queue->hot;
    uint32_t slot = LOAD(hot->free);
    move->from = LIST_FREE;
    if (!slot) {
        slot = LOAD(hot->fresh);
        move->from = LIST_FRESH;
        if (slot > queue->messages || slot >= LOAD(queue->records.shared->count))
            return 0;
    }
    move->slot = slot;
    move->record = record_at(queue, slot);
    if (!move->record || STATE_TAG(LOAD(move->record->state)) != TAG_FREE)
        return 0;
    move->next = move->from == LIST_FREE ? LOAD(move->record->next) : 0;
    move->prev = 0;
    move->depth = LOAD(hot->depth);
    move->after = STATE_MAKE(TAG_FULL, 0, 0); /* anything but free, so that a death from here on undoes */
    return slot;
}

/* Whether another sender would find a slot behind this one. */
static bool room_left(const kin_queue *queue, const struct move *move)
{
    return move->next || LOAD(queue->hot->fresh) + (move->from == LIST_FRESH) <= queue->messages;
}

/* Room for another sender may be too little for this one. From now on it must be woken with all others; a wake that it
 * got as the only one belongs to them. */
static void be_picky(struct waiting *waiting)
{
    uint32_t *event = &waiting->queue->hot->writable;
    if (waiting->slept && !(waiting->bits & EVENT_PICKY)) {
        event_arm(event, EVENT_BITS);
        event_wake(event, event_fire(event));
    }
    waiting->bits |= EVENT_PICKY;
}

enum found { FOUND, FULL_NOW, TRY_AGAIN };

/* Free records keep the block of their last message. These many of them are asked to give it back before the queue
 * takes more memory, and all of them where it may not. */
#define ASKED_MOST 64u

/* Takes blocks back from free records until one of that length can be had. The op names each record meanwhile, as it
 * would for a send that then dies. False: there is none. */
static bool reclaim(kin_queue *queue, struct seat *seat, uint32_t length)
{
    uint32_t most = space_at_limit(queue) ? queue->messages : ASKED_MOST, slot = LOAD(queue->hot->free);
    bool found = false;
    for (uint32_t i = 0; slot && i < most && !found; i++) {
        struct move move = {.slot = slot, .record = record_at(queue, slot), .after = STATE_MAKE(TAG_FULL, 0, 0)};
        if (!move.record)
            break;
        if (LOAD(move.record->block)) {
            move_prepare(seat, &move);
            move_give_back_space(queue, move.record);
            found = space_find(queue, length) != 0;
        }
        slot = LOAD(move.record->next);
    }
    KEEP_ORDER();
    STORE(seat->life->op.kind, 0);
    return found;
}

/* The record, which the op names, gets room for the payload: in line, the block that it kept, or another. */
static enum found find_room(struct waiting *waiting, uint32_t length, struct record *record, int *error)
{
    kin_queue *queue = waiting->queue;
    uint64_t block = LOAD(record->block);
    if (block) {
        if (length > INLINE_BYTES && space_fits(queue, block, length))
            return FOUND;
        move_give_back_space(queue, record);
    }
    if (length <= INLINE_BYTES)
        return FOUND;
    block = space_find(queue, length);
    if (block) {
        STORE(record->block, block);
        KEEP_ORDER();
        space_mark(queue, block, true);
        return FOUND;
    }
    KEEP_ORDER();
    STORE(waiting->seat->life->op.kind, 0);
    if (reclaim(queue, waiting->seat, length))
        return TRY_AGAIN;
    if (space_at_limit(queue)) {
        be_picky(waiting);
        return FULL_NOW;
    }
    *error = space_grow(queue);
    return TRY_AGAIN;
}

/* One look, under the lock. On FOUND the op is prepared; `error` is for failures that waiting cannot mend. */
static enum found look_for_room(struct waiting *waiting, uint32_t length, struct move *move, int *error)
{
    kin_queue *queue = waiting->queue;
    *error = 0;
    if (free_slot(queue, move)) {
        move_prepare(waiting->seat, move);
        return find_room(waiting, length, move->record, error);
    }
    uint32_t count = LOAD(queue->records.shared->count), fresh = LOAD(queue->hot->fresh);
    bool refused = fresh < count && fresh <= queue->messages; /* there was one, and it was not free */
    if (LOAD(queue->hot->free) != 0 || fresh == 0 || fresh > count || refused) {
        queue_repair_own(queue, waiting->seat); /* the lists of records are not what they should be */
        *error = ++waiting->rebuilt > 1 ? reason(-EBADMSG, "%s is damaged", queue->object.segment.path) : 0;
        return TRY_AGAIN;
    }
    if (count > queue->messages)
        return FULL_NOW;
    *error = table_grow(&queue->records);
    return TRY_AGAIN;
}

int queue_take_free(struct waiting *waiting, uint32_t length, struct move *move)
{
    for (;;) {
        int result;
        enum found found = look_for_room(waiting, length, move, &result);
        if (found == FOUND)
            return 0;
        if (found == TRY_AGAIN && result == 0)
            continue;
        if (result < 0) {
            queue_leave(waiting);
            return result;
        }
        result = queue_wait(waiting);
        if (result < 0)
            return result;
    }
}

/* move_prepare was told the slot; now that the destination is known, the op is completed before the commit. */
static void aim(struct seat *seat, const struct move *move)
{
    struct op *op = &seat->life->op;
    STORE(op->after, move->after);
    STORE(op->words[W_TO], move->to);
    STORE(op->words[W_LEFT], move->left);
    STORE(op->words[W_RIGHT], move->right);
    STORE(op->words[W_DEPTH], move->depth);
    KEEP_ORDER();
}

/* Notes where the receiver of the message before ran: whether looking out for him makes sense. */
static inline void meet_receiver(kin_queue *queue, const struct record *record)
{
    queue->peer_cpu[1] = LOAD(record->cpu);
}

static inline void address(kin_queue *queue, struct record *record, const struct envelope *envelope, uint32_t length)
{
    uint64_t sequence = LOAD(queue->hot->sequence);
    STORE(queue->hot->sequence, sequence + 1);
    STORE(record->sequence, sequence);
    STORE(record->type, envelope->type);
    STORE(record->priority, envelope->priority);
    STORE(record->length, length);
    STORE(record->cpu, cpu_now());
}

/* The common case with everything known: a short message of priority 0, into a place that was used before. False: it is
 * not the case; nothing was done, the lock is still held. */
static bool send_at_once(kin_queue *queue, struct seat *seat, const void *data, uint32_t length, int64_t type)
{
    struct hot *hot = queue->hot;
    uint32_t ring;
    struct move move = {
        .slot = LOAD(hot->free),
        .after = STATE_MAKE(TAG_FULL, 0, 0),
        .from = LIST_FREE,
        .to = LIST_LANE,
        .left = LOAD(hot->first.tail),
        .depth = LOAD(hot->depth) + 1,
    };
    struct record *record = move.record = record_at(queue, move.slot);
    if (unlikely(!record || LOAD(record->state) != STATE_MAKE(TAG_FREE, 0, 0) || LOAD(record->block) != 0 ||
                 (move.left && !record_at(queue, move.left))))
        return false;
    move.next = LOAD(record->next);
    move_prepare(seat, &move);
    struct envelope envelope = {type, 0};
    meet_receiver(queue, record);
    address(queue, record, &envelope, length);
    if (PLANTED(COMMIT_FIRST))
        STORE(record->state, move.after);
    copy_short(record->bytes, data, length);
    uint32_t bits = queue_fire(queue, KIN_CAN_RECEIVE, &ring);
    move_commit(queue, seat, &move);
    queue_unlock(queue, seat);
    queue_wake(queue, &queue->hot->readable, bits, ring);
    return true;
}

static int send_locked(struct waiting *waiting, const void *data, uint32_t length, const struct envelope *envelope)
{
    kin_queue *queue = waiting->queue;
    struct seat *seat = waiting->seat;
    struct move move;
    uint32_t ring, ring_more, list = LIST_OF_PRIORITY(envelope->priority);
    int result = queue_take_free(waiting, length, &move);
    if (unlikely(result < 0))
        return result;
    if (unlikely(envelope->priority))
        result = lane_reach(queue, envelope->priority);
    unsigned char *bytes = payload_of(queue, move.record, length);
    if (unlikely(result < 0 || !bytes || !move_to(queue, &move, list))) {
        queue_repair_own(queue, seat);
        queue_leave(waiting);
        return result < 0 ? result : reason(-EBADMSG, "%s is damaged", queue->object.segment.path);
    }
    move.after = STATE_MAKE(TAG_FULL, 0, 0);
    aim(seat, &move);
    meet_receiver(queue, move.record);
    address(queue, move.record, envelope, length);
    if (PLANTED(COMMIT_FIRST))
        STORE(move.record->state, move.after);
    if (length)
        memcpy(bytes, data, length);
    uint32_t bits = queue_fire(queue, KIN_CAN_RECEIVE, &ring);
    uint32_t pass = queue_pass_on(waiting, room_left(queue, &move), &ring_more);
    move_commit(queue, seat, &move);
    queue_unlock(queue, seat);
    queue_wake(queue, &queue->hot->readable, bits, ring);
    queue_wake(queue, &queue->hot->writable, pass, ring_more);
    return 0;
}

/* A long one: a loan, filled outside the lock. */
static int send_outside(kin_queue *queue, const void *data, uint64_t length, const struct kin_send *how, kin_time until)
{
    struct kin_message message;
    int result = kin_queue_loan(queue, length, until, &message);
    if (result < 0)
        return result;
    if (length)
        memcpy(message.data, data, length);
    return kin_queue_send_loan(queue, &message, how);
}

/* Every case. `seat`: the lock is held already; NULL: it is not. */
static __attribute__((noinline)) int send_any(kin_queue *queue, struct seat *seat, const void *data, uint64_t length,
                                              const struct kin_send *how, kin_time until)
{
    struct envelope envelope;
    struct waiting waiting = {.queue = queue, .what = KIN_CAN_SEND, .until = until, .seat = seat};
    int result = check_how(queue, length, how, &envelope);
    if (result == 0 && length > COPY_LOCKED)
        return send_outside(queue, data, length, how, until);
    if (result == 0 && !seat)
        result = queue_enter(queue, &waiting.seat, until);
    if (result < 0)
        return result;
    return send_locked(&waiting, data, (uint32_t)length, &envelope);
}

int kin_queue_send(kin_queue *queue, const void *data, uint64_t length, const struct kin_send *how, kin_time until)
{
    struct seat *seat = NULL;
    bool plain = length <= INLINE_BYTES && length <= queue->message_max && (!how || (!how->priority && how->type >= 0));
    queue_expect(queue, KIN_CAN_SEND, until);
    if (likely(plain))
        seat = queue_enter_at_once(queue);
    if (likely(seat) && send_at_once(queue, seat, data, (uint32_t)length, how && how->type ? how->type : 1))
        return 0;
    return send_any(queue, seat, data, length, how, until);
}

int kin_queue_loan(kin_queue *queue, uint64_t length, kin_time until, struct kin_message *out)
{
    struct envelope envelope;
    struct move move;
    uint32_t ring;
    struct waiting waiting = {.queue = queue, .what = KIN_CAN_SEND, .until = until};
    int result = check_how(queue, length, NULL, &envelope);
    if (result == 0)
        result = queue_enter(queue, &waiting.seat, until);
    if (result < 0)
        return result;
    struct seat *seat = waiting.seat;
    result = queue_take_free(&waiting, (uint32_t)length, &move);
    if (result < 0)
        return result;
    unsigned char *bytes = payload_of(queue, move.record, (uint32_t)length);
    if (!bytes || !move_to(queue, &move, LIST_HELD) || queue_name_holder(queue, seat) < 0) {
        queue_repair_own(queue, seat);
        queue_leave(&waiting);
        return reason(-EBADMSG, "%s is damaged", queue->object.segment.path);
    }
    move.after = STATE_MAKE(TAG_LOANED, 0, seat->process);
    aim(seat, &move);
    meet_receiver(queue, move.record);
    address(queue, move.record, &envelope, (uint32_t)length);
    STORE(queue->hot->sequence, LOAD(move.record->sequence)); /* it takes its place when it is sent */
    STORE(move.record->finisher, 0);
    STORE(move.record->handle, queue->number);
    uint32_t pass = queue_pass_on(&waiting, room_left(queue, &move), &ring);
    *out = (struct kin_message){.data = bytes,
                                .length = length,
                                .type = 1,
                                .slot = move.slot,
                                .owner = seat->process,
                                .sequence = LOAD(move.record->sequence)};
    move_commit(queue, seat, &move);
    queue_unlock(queue, seat);
    queue_wake(queue, &queue->hot->writable, pass, ring);
    return 0;
}

int queue_in_hand(kin_queue *queue, struct seat *seat, const struct kin_message *message, enum tag tag,
                  struct record **out)
{
    struct record *record = record_at(queue, message->slot);
    uint64_t state = record ? LOAD(record->state) : 0;
    if (!record || STATE_TAG(state) != tag || STATE_OWNER(state) != seat->process || message->owner != seat->process ||
        LOAD(record->sequence) != message->sequence)
        return reason(-EINVAL,
                      "this message of %s is not in this process's hand (given back already, or taken before a "
                      "fork?)",
                      queue->object.segment.path);
    *out = record;
    return 0;
}

int queue_enter_hand(kin_queue *queue, const struct kin_message *message, enum tag tag, struct seat **seat,
                     struct record **out)
{
    int result = queue_enter(queue, seat, KIN_FOREVER);
    if (result < 0)
        return result;
    result = queue_in_hand(queue, *seat, message, tag, out);
    if (result < 0)
        queue_unlock(queue, *seat);
    return result;
}

/* The caller holds the lock and has checked the loan. */
int queue_send_in_hand(kin_queue *queue, struct seat *seat, struct record *record, const struct kin_message *message,
                       const struct kin_send *how)
{
    struct envelope envelope;
    struct move move = {.slot = message->slot, .record = record, .after = STATE_MAKE(TAG_FULL, 0, 0)};
    uint32_t ring;
    int result = check_how(queue, message->length, how, &envelope);
    if (result == 0 && message->length > LOAD(record->length))
        result = reason(-EMSGSIZE, "the loan has %u bytes, not %llu: its length can only be made smaller",
                        LOAD(record->length), (unsigned long long)message->length);
    if (result == 0)
        result = lane_reach(queue, envelope.priority);
    if (result < 0) {
        queue_unlock(queue, seat);
        return result;
    }
    if (!move_from(queue, &move, LIST_HELD) || !move_to(queue, &move, LIST_OF_PRIORITY(envelope.priority))) {
        queue_repair_own(queue, seat);
        queue_unlock(queue, seat);
        return reason(-EBADMSG, "%s was damaged and is repaired: try again", queue->object.segment.path);
    }
    address(queue, record, &envelope, (uint32_t)message->length);
    move_prepare(seat, &move);
    uint32_t bits = queue_fire(queue, KIN_CAN_RECEIVE, &ring);
    move_commit(queue, seat, &move);
    queue_unlock(queue, seat);
    queue_wake(queue, &queue->hot->readable, bits, ring);
    return 0;
}

int kin_queue_send_loan(kin_queue *queue, struct kin_message *message, const struct kin_send *how)
{
    struct seat *seat;
    struct record *record;
    int result = queue_enter_hand(queue, message, TAG_LOANED, &seat, &record);
    if (result < 0)
        return result;
    return queue_send_in_hand(queue, seat, record, message, how);
}
