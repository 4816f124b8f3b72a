/* Moving a record from list to list, and finishing a dead one's move. The six headings are in channel/queue.h. */
#include "channel/queue.h"
#include "sys/plant.h"

void move_prepare(struct seat *seat, const struct move *move)
{
    struct op *op = &seat->life->op;
    STORE(op->slot, move->slot);
    STORE(op->after, move->after);
    STORE(op->words[W_FROM], move->from);
    STORE(op->words[W_PREV], move->prev);
    STORE(op->words[W_NEXT], move->next);
    STORE(op->words[W_TO], move->to);
    STORE(op->words[W_LEFT], move->left);
    STORE(op->words[W_RIGHT], move->right);
    STORE(op->words[W_DEPTH], move->depth);
    KEEP_ORDER();
    if (!PLANTED(NO_OP))
        STORE(op->kind, OP_MOVE);
    KEEP_ORDER();
}

static bool take_out(kin_queue *queue, const struct move *move)
{
    struct hot *hot = queue->hot;
    uint32_t *head, *tail;
    if (move->from == LIST_FREE) {
        STORE(hot->free, move->next);
        return true;
    }
    if (move->from == LIST_FRESH) {
        STORE(hot->fresh, move->slot + 1);
        return true;
    }
    struct record *before = record_at(queue, move->prev), *behind = record_at(queue, move->next);
    if (!queue_ends(queue, move->from, &head, &tail) || (move->prev && !before) || (move->next && !behind))
        return false;
    if (before)
        STORE(before->next, move->next);
    else
        STORE(*head, move->next);
    if (behind)
        STORE(behind->prev, move->prev);
    else if (tail)
        STORE(*tail, move->prev);
    if (unlikely(move->from > LIST_LANE))
        lane_mark(queue, move->from - LIST_LANE, LOAD(*head) != 0);
    return true;
}

static bool put_in(kin_queue *queue, const struct move *move)
{
    uint32_t *head, *tail;
    if (move->to == LIST_FREE) {
        STORE(move->record->next, move->right);
        STORE(queue->hot->free, move->slot);
        return true;
    }
    struct record *before = record_at(queue, move->left), *behind = record_at(queue, move->right);
    if (!queue_ends(queue, move->to, &head, &tail) || (move->left && !before) || (move->right && !behind))
        return false;
    STORE(move->record->prev, move->left);
    STORE(move->record->next, move->right);
    if (before)
        STORE(before->next, move->slot);
    else
        STORE(*head, move->slot);
    if (behind)
        STORE(behind->prev, move->slot);
    else if (tail)
        STORE(*tail, move->slot);
    if (unlikely(move->to > LIST_LANE))
        lane_mark(queue, move->to - LIST_LANE, true);
    return true;
}

/* A free record owns no space. Also drops what an op that never committed had taken. */
static bool give_back_space(kin_queue *queue, struct record *record)
{
    uint64_t block = LOAD(record->block);
    if (likely(block == 0) || STATE_TAG(LOAD(record->state)) != TAG_FREE)
        return true;
    bool found = space_mark(queue, block, false);
    KEEP_ORDER();
    STORE(record->block, 0);
    return found;
}

/* Stores absolute values only, so it may be repeated from any point. */
static bool apply(kin_queue *queue, const struct move *move)
{
    if (!take_out(queue, move) || !put_in(queue, move))
        return false;
    STORE(queue->hot->depth, move->depth);
    return give_back_space(queue, move->record);
}

bool move_commit(kin_queue *queue, struct seat *seat, const struct move *move)
{
    KEEP_ORDER();
    STORE_RELEASE(move->record->state, move->after);
    KEEP_ORDER();
    bool done = apply(queue, move);
    KEEP_ORDER();
    if (unlikely(!done))
        queue_rebuild(queue, seat);
    STORE(seat->life->op.kind, 0);
    return done;
}

bool move_from(kin_queue *queue, struct move *move, uint32_t list)
{
    struct record *record = move->record;
    move->from = list;
    move->prev = LOAD(record->prev);
    move->next = LOAD(record->next);
    move->depth = LOAD(queue->hot->depth) - (list >= LIST_LANE);
    return (move->prev == 0 || record_at(queue, move->prev)) && (move->next == 0 || record_at(queue, move->next));
}

bool move_to(kin_queue *queue, struct move *move, uint32_t list)
{
    uint32_t *head, *tail;
    move->to = list;
    move->left = 0;
    if (list == LIST_FREE) {
        move->right = LOAD(queue->hot->free);
        return true;
    }
    if (!queue_ends(queue, list, &head, &tail))
        return false;
    if (list < LIST_LANE) {
        move->right = LOAD(*head);
        return move->right == 0 || record_at(queue, move->right);
    }
    move->left = LOAD(*tail);
    move->right = 0;
    move->depth++;
    return move->left == 0 || record_at(queue, move->left);
}

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
        return apply(queue, &move);
    return give_back_space(queue, move.record);
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
