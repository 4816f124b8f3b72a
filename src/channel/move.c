/* Moving a record from list to list, and finishing a dead one's move. The six headings are in channel/queue.h. */
#include "channel/move.h"

bool move_to_place(kin_queue *queue, struct move *move)
{
    uint32_t *head, *tail, left = 0;
    move->to = LIST_OF_PRIORITY(LOAD(move->record->priority));
    if (!queue_ends(queue, move->to, &head, &tail))
        return false;
    uint32_t right = LOAD(*head);
    for (uint32_t i = 0; right && i <= queue->messages; i++) {
        struct record *record = record_at(queue, right);
        if (!record)
            return false;
        if (LOAD(record->sequence) > LOAD(move->record->sequence))
            break;
        left = right;
        right = LOAD(record->next);
    }
    move->left = left;
    move->right = right;
    move->depth++;
    return true;
}

/* Completes or drops the move that the op names. False: it names what cannot be. */
static bool replay(kin_queue *queue, const struct op *op)
{
    struct move move = {
        .slot = LOAD(op->slot),
        .after = LOAD(op->after),
        .from = LOAD(op->words[W_FROM]),
        .prev = LOAD(op->words[W_PREV]),
        .next = LOAD(op->words[W_NEXT]),
        .to = LOAD(op->words[W_TO]),
        .left = LOAD(op->words[W_LEFT]),
        .right = LOAD(op->words[W_RIGHT]),
        .depth = LOAD(op->words[W_DEPTH]),
    };
    move.record = record_at(queue, move.slot);
    if (!move.record || move.depth > queue->messages)
        return false;
    if (LOAD(move.record->state) == move.after)
        return move_apply(queue, &move);
    return move_give_back_space(queue, move.record);
}

/* In the thief's own life stands what the dead one was doing: he copied it before he took the lock. */
void queue_repair(kin_queue *queue, struct seat *seat, uint32_t dead)
{
    struct op *op = &seat->life->op;
    uint32_t kind = LOAD(op->kind);
    const char *what = kind == 0 ? "the lock" : "an operation";
    if (kind != 0 && (kind != OP_MOVE || !replay(queue, op))) {
        queue_rebuild(queue, seat);
        what = "all was rebuilt";
    }
    /* Whoever the dead one was about to wake. */
    STORE(queue->hot->readable, (LOAD(queue->hot->readable) & ~EVENT_BITS) + EVENT_ONE);
    STORE(queue->hot->writable, (LOAD(queue->hot->writable) & ~EVENT_BITS) + EVENT_ONE);
    futex_wake(&queue->hot->readable, FUTEX_ALL);
    futex_wake(&queue->hot->writable, FUTEX_ALL);
    KEEP_ORDER();
    STORE(op->kind, 0);
    life_log(queue->object.domain, &queue->object.segment, dead, 0, "%s", what);
}
