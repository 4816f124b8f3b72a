/* The steps of a move, for who performs one and for who repairs one: the same code. They are inline so that where the
 * lists are known (a plain send, a plain receive) nothing but the stores is left.
 * The six headings are in channel/queue.h. */
#ifndef CHANNEL_MOVE_H
#define CHANNEL_MOVE_H

#include "channel/queue.h"
#include "sys/plant.h"

/* What the op will say. */
struct move {
    uint32_t slot;
    struct record *record;
    uint64_t after;
    uint32_t from, prev, next, to, left, right, depth;
};

/* Instead of move_to: to its place in its lane by sequence. */
bool move_to_place(kin_queue *queue, struct move *move);

ALWAYS_INLINE bool ends_of(kin_queue *queue, uint32_t list, uint32_t **head, uint32_t **tail)
{
    struct hot *hot = queue->hot;
    if (list > LIST_LANE || list == LIST_ASIDE)
        return queue_ends(queue, list, head, tail);
    *head = list == LIST_LANE ? &hot->first.head : &hot->held;
    *tail = list == LIST_LANE ? &hot->first.tail : NULL;
    return list == LIST_LANE || list == LIST_HELD;
}

/* Fills in where the record is now (from, prev, next). False: its links cannot be. */
ALWAYS_INLINE bool move_from(kin_queue *queue, struct move *move, uint32_t list)
{
    struct record *record = move->record;
    move->from = list;
    move->prev = LOAD(record->prev);
    move->next = LOAD(record->next);
    move->depth = LOAD(queue->hot->depth) - (list >= LIST_LANE);
    return (move->prev == 0 || record_at(queue, move->prev)) && (move->next == 0 || record_at(queue, move->next));
}

/* ... and where it goes: the front of held, aside or free, the back of a lane. */
ALWAYS_INLINE bool move_to(kin_queue *queue, struct move *move, uint32_t list)
{
    uint32_t *head, *tail;
    move->to = list;
    move->left = 0;
    if (list == LIST_FREE) {
        move->right = LOAD(queue->hot->free);
        return true;
    }
    if (!ends_of(queue, list, &head, &tail))
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

/* Step 1: writes the op into the life; from now on a death is repaired by it. */
ALWAYS_INLINE void move_prepare(struct seat *seat, const struct move *move)
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

ALWAYS_INLINE bool move_take_out(kin_queue *queue, const struct move *move)
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
    if (!ends_of(queue, move->from, &head, &tail) || (move->prev && !before) || (move->next && !behind))
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

ALWAYS_INLINE bool move_put_in(kin_queue *queue, const struct move *move)
{
    uint32_t *head, *tail;
    if (move->to == LIST_FREE) {
        STORE(move->record->next, move->right);
        STORE(queue->hot->free, move->slot);
        return true;
    }
    struct record *before = record_at(queue, move->left), *behind = record_at(queue, move->right);
    if (!ends_of(queue, move->to, &head, &tail) || (move->left && !before) || (move->right && !behind))
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

/* The block of a free record that an op names goes back to the tree, from whatever point. */
ALWAYS_INLINE bool move_give_back_space(kin_queue *queue, struct record *record)
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
ALWAYS_INLINE bool move_apply(kin_queue *queue, const struct move *move)
{
    if (!move_take_out(queue, move) || !move_put_in(queue, move))
        return false;
    STORE(queue->hot->depth, move->depth);
    return true;
}

/* Steps 2 to 4 but for the release. False: an index was wrong, and all was rebuilt. */
ALWAYS_INLINE bool move_commit(kin_queue *queue, struct seat *seat, const struct move *move)
{
    KEEP_ORDER();
    STORE_RELEASE(move->record->state, move->after);
    KEEP_ORDER();
    bool done = move_apply(queue, move);
    KEEP_ORDER();
    if (unlikely(!done))
        queue_rebuild(queue, seat);
    STORE(seat->life->op.kind, 0);
    return done;
}

#endif
