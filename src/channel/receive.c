/* Receiving: a copy, a borrow, a lease. The six headings are in channel/queue.h. */
#include "channel/move.h"
#include "sys/cpu.h"
#include "sys/reason.h"
#include <errno.h>
#include <string.h>

/* Longer ones are copied outside the lock, while the record is READING. */
#define COPY_LOCKED 2048u

static int check_how(const struct kin_receive *how)
{
    if (likely(!how))
        return 0;
    if (how->type == INT64_MIN)
        return reason(-EINVAL, "the type %lld cannot be asked for", (long long)how->type);
    if (how->flags & KIN_EXCEPT && how->type <= 0)
        return reason(-EINVAL, "KIN_EXCEPT needs a type above 0");
    return 0;
}

/* Notes where the sender ran, and for him where we do: whether looking out for each other makes sense. */
static inline void meet_sender(kin_queue *queue, struct record *record)
{
    queue->peer_cpu[0] = LOAD(record->cpu);
    STORE(record->cpu, cpu_now());
}

/* Under the lock: finds a message, waiting for it. On success the lock is held and the move knows where it comes
 * from. */
static int find_message(struct waiting *waiting, const struct kin_receive *how, struct move *move)
{
    kin_queue *queue = waiting->queue;
    int result;
    for (;;) {
        uint32_t slot = queue_pick(queue, how, &result);
        if (likely(slot)) {
            move->slot = slot;
            move->record = record_at(queue, slot);
            if (likely(move_from(queue, move, LIST_OF_PRIORITY(LOAD(move->record->priority)))))
                return 0;
            result = -EBADMSG;
        }
        if (unlikely(result < 0)) {
            queue_repair_own(queue, waiting->seat);
            if (++waiting->rebuilt > 1) {
                queue_leave(waiting);
                return reason(-EBADMSG, "%s is damaged", queue->object.segment.path);
            }
            continue;
        }
        result = queue_wait(waiting);
        if (result < 0)
            return result;
    }
}

static void describe(const struct record *record, struct kin_message *out)
{
    *out = (struct kin_message){
        .length = LOAD(record->length),
        .type = LOAD(record->type),
        .priority = LOAD(record->priority),
        .attempts = STATE_ATTEMPTS(LOAD(record->state)),
        .sequence = LOAD(record->sequence),
    };
}

/* The record leaves its lane for `list`; the lock is released, and who waits is woken. */
static int move_away(struct waiting *waiting, struct move *move, uint32_t list)
{
    kin_queue *queue = waiting->queue;
    struct seat *seat = waiting->seat;
    uint32_t ring = 0, ring_more, bits = 0;
    if (unlikely(!move_to(queue, move, list))) {
        queue_repair_own(queue, seat);
        queue_leave(waiting);
        return reason(-EBADMSG, "%s was damaged and is repaired: try again", queue->object.segment.path);
    }
    move_prepare(seat, move);
    if (list == LIST_FREE)
        bits = queue_fire(queue, KIN_CAN_SEND, &ring);
    uint32_t pass = queue_pass_on(waiting, move->depth > 0, &ring_more);
    move_commit(queue, seat, move);
    queue_unlock(queue, seat);
    queue_wake(queue, &queue->hot->writable, bits, ring);
    queue_wake(queue, &queue->hot->readable, pass, ring_more);
    return 0;
}

/* Into this process's hand, as `tag`. */
static int hold(struct waiting *waiting, const struct kin_receive *how, enum tag tag, struct kin_message *out)
{
    kin_queue *queue = waiting->queue;
    struct move move = {0};
    struct kin_message message;
    queue_expect(queue, KIN_CAN_RECEIVE, waiting->until);
    int result = queue_enter(queue, &waiting->seat, waiting->until);
    if (result < 0)
        return result;
    queue_heed_deaths(queue, waiting->seat);
    result = find_message(waiting, how, &move);
    if (result < 0)
        return result;
    result = queue_name_holder(queue, waiting->seat);
    if (result < 0) {
        queue_leave(waiting);
        return result;
    }
    struct record *record = move.record;
    describe(record, &message);
    message.slot = move.slot;
    message.owner = waiting->seat->process;
    if (message.length <= queue->message_max)
        message.data = payload_of(queue, record, (uint32_t)message.length);
    if (!message.data) {
        queue_repair_own(queue, waiting->seat);
        queue_leave(waiting);
        return reason(-EBADMSG, "a message of %s was damaged and is dropped", queue->object.segment.path);
    }
    move.after = STATE_MAKE(tag, message.attempts, waiting->seat->process);
    meet_sender(queue, record);
    STORE(record->finisher, 0);
    STORE(record->handle, queue->number);
    STORE(record->caller, LOAD(record->caller) + EVENT_ONE);
    result = move_away(waiting, &move, LIST_HELD);
    if (result == 0)
        *out = message;
    return result;
}

static int start(struct waiting *waiting, kin_queue *queue, const struct kin_receive *how, kin_time until)
{
    *waiting = (struct waiting){.queue = queue, .what = KIN_CAN_RECEIVE, .until = until};
    if (how && how->type != 0)
        waiting->bits = EVENT_PICKY;
    return check_how(how);
}

/* A long one: copied while it is READING, which a death turns back into a message. */
static int receive_outside(struct waiting *waiting, struct move *move, void *buffer, uint64_t length,
                           struct kin_message *message)
{
    kin_queue *queue = waiting->queue;
    int result = queue_name_holder(queue, waiting->seat);
    if (result < 0) {
        queue_leave(waiting);
        return result;
    }
    unsigned char *bytes = payload_of(queue, move->record, (uint32_t)message->length);
    move->after = STATE_MAKE(TAG_READING, message->attempts, waiting->seat->process);
    meet_sender(queue, move->record);
    STORE(move->record->finisher, 0);
    STORE(move->record->handle, queue->number);
    result = move_away(waiting, move, LIST_HELD);
    if (result < 0)
        return result;
    if (length)
        memcpy(buffer, bytes, length);
    struct kin_message held = *message;
    held.slot = move->slot;
    held.owner = waiting->seat->process;
    return queue_end(queue, &held, TAG_READING);
}

static int receive_locked(struct waiting *waiting, struct move *move, void *buffer, uint64_t length, bool peek)
{
    kin_queue *queue = waiting->queue;
    const unsigned char *bytes = payload_of(queue, move->record, LOAD(move->record->length));
    if (length)
        memcpy(buffer, bytes, length);
    if (peek) {
        queue_leave(waiting);
        return 0;
    }
    move->after = STATE_MAKE(TAG_FREE, 0, 0);
    meet_sender(queue, move->record);
    return move_away(waiting, move, LIST_FREE);
}

/* The common case with everything known: the first message has priority 0, is short and fits. False: it is not the
 * case; nothing was done, the lock is still held. */
static bool receive_at_once(kin_queue *queue, struct seat *seat, void *buffer, uint64_t capacity,
                            struct kin_message *out)
{
    struct hot *hot = queue->hot;
    uint32_t ring;
    struct move move = {
        .slot = LOAD(hot->first.head),
        .after = STATE_MAKE(TAG_FREE, 0, 0),
        .from = LIST_LANE,
        .to = LIST_FREE,
        .right = LOAD(hot->free),
        .depth = LOAD(hot->depth) - 1,
    };
    struct record *record = move.record = record_at(queue, move.slot);
    if (unlikely(!record || LOAD(hot->summary) != 0 || STATE_TAG(LOAD(record->state)) != TAG_FULL ||
                 LOAD(queue->object.domain->shared->deaths) != LOAD(queue->deaths)))
        return false;
    uint32_t length = LOAD(record->length);
    move.next = LOAD(record->next);
    if (unlikely(length > INLINE_BYTES || length > capacity || LOAD(record->block) != 0 ||
                 (move.next && !record_at(queue, move.next))))
        return false;
    meet_sender(queue, record);
    copy_short(buffer, record->bytes, length);
    if (out)
        describe(record, out);
    move_prepare(seat, &move);
    uint32_t bits = queue_fire(queue, KIN_CAN_SEND, &ring);
    move_commit(queue, seat, &move);
    queue_unlock(queue, seat);
    queue_wake(queue, &queue->hot->writable, bits, ring);
    return true;
}

/* Every case. `seat`: the lock is held already; NULL: it is not. */
static __attribute__((noinline)) int receive_any(kin_queue *queue, struct seat *seat, void *buffer, uint64_t capacity,
                                                 const struct kin_receive *how, kin_time until, struct kin_message *out)
{
    struct waiting waiting;
    struct move move = {0};
    struct kin_message message;
    bool peek = how && how->flags & KIN_PEEK;
    int result = start(&waiting, queue, how, until);
    if (result == 0 && !seat)
        result = queue_enter(queue, &seat, until);
    if (result < 0)
        return result;
    queue_heed_deaths(queue, seat);
    waiting.seat = seat;
    result = find_message(&waiting, how, &move);
    if (result < 0)
        return result;
    describe(move.record, &message);
    if (unlikely(message.length > queue->message_max || !payload_of(queue, move.record, (uint32_t)message.length))) {
        queue_repair_own(queue, waiting.seat);
        queue_leave(&waiting);
        return reason(-EBADMSG, "a message of %s was damaged and is dropped", queue->object.segment.path);
    }
    if (out)
        *out = message;
    if (unlikely(message.length > capacity && !(how && how->flags & KIN_SHORTEN))) {
        queue_leave(&waiting);
        return reason(-E2BIG, "the next message of %s has %llu bytes, the buffer %llu: it stays in the queue",
                      queue->object.segment.path, (unsigned long long)message.length, (unsigned long long)capacity);
    }
    uint64_t length = message.length < capacity ? message.length : capacity;
    if (length > COPY_LOCKED && !peek)
        return receive_outside(&waiting, &move, buffer, length, &message);
    return receive_locked(&waiting, &move, buffer, length, peek);
}

int kin_queue_receive(kin_queue *queue, void *buffer, uint64_t capacity, const struct kin_receive *how, kin_time until,
                      struct kin_message *out)
{
    queue_expect(queue, KIN_CAN_RECEIVE, until);
    struct seat *seat = likely(!how) ? queue_enter_at_once(queue) : NULL;
    if (likely(seat) && receive_at_once(queue, seat, buffer, capacity, out))
        return 0;
    return receive_any(queue, seat, buffer, capacity, how, until, out);
}

int kin_queue_borrow(kin_queue *queue, const struct kin_receive *how, kin_time until, struct kin_message *out)
{
    struct waiting waiting;
    int result = start(&waiting, queue, how, until);
    return result < 0 ? result : hold(&waiting, how, TAG_BORROWED, out);
}

int kin_queue_take(kin_queue *queue, const struct kin_receive *how, kin_time until, struct kin_message *out)
{
    struct waiting waiting;
    struct kin_message message;
    int result = how && how->dead_letter ? queue_unbury(queue, how->dead_letter) : 0;
    if (result < 0)
        return result;
    for (;;) {
        result = start(&waiting, queue, how, until);
        if (result == 0)
            result = hold(&waiting, how, TAG_LEASED, &message);
        if (result < 0)
            return result;
        if (!how || !how->dead_letter || message.attempts < (how->attempts ? how->attempts : 1)) {
            *out = message;
            return 0;
        }
        result = queue_bury(queue, &message, how->dead_letter);
        if (result < 0)
            return result;
    }
}
