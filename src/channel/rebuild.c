/* Making everything derived anew from the records: after corruption, or where nobody knows what a dead one was doing.
 * Sorts by (priority, sequence) with a bottom-up merge of lists in place: O(n log n), no memory of its own. While it
 * runs op.kind is OP_UNKNOWN, so whoever steals the lock in the middle begins anew.
 * The six headings are in channel/queue.h. */
#include "channel/queue.h"
#include <string.h>

static bool comes_before(const struct record *a, const struct record *b)
{
    uint32_t left = LOAD(a->priority), right = LOAD(b->priority);
    return left != right ? left > right : LOAD(a->sequence) <= LOAD(b->sequence);
}

static uint32_t merge(kin_queue *queue, uint32_t a, uint32_t b)
{
    uint32_t first = 0, last = 0;
    while (a || b) {
        struct record *left = record_at(queue, a), *right = record_at(queue, b);
        bool take_left = left && (!right || comes_before(left, right));
        uint32_t taken = take_left ? a : b;
        struct record *record = take_left ? left : right;
        if (!record)
            break;
        if (take_left)
            a = LOAD(left->next);
        else
            b = LOAD(right->next);
        if (last)
            STORE(record_at(queue, last)->next, taken);
        else
            first = taken;
        last = taken;
    }
    if (last)
        STORE(record_at(queue, last)->next, 0);
    return first;
}

/* Sorted runs of 1, 2, 4 ... records: run[k] has 2^k of them or none. */
struct runs {
    uint32_t run[32];
};

static void add_sorted(kin_queue *queue, struct runs *runs, uint32_t slot)
{
    STORE(record_at(queue, slot)->next, 0);
    unsigned k = 0;
    for (; k < 31 && runs->run[k]; k++) {
        slot = merge(queue, runs->run[k], slot);
        runs->run[k] = 0;
    }
    runs->run[k] = slot;
}

static uint32_t all_sorted(kin_queue *queue, struct runs *runs)
{
    uint32_t slot = 0;
    for (unsigned k = 0; k < 32; k++)
        slot = merge(queue, runs->run[k], slot);
    return slot;
}

static void forget_lists(kin_queue *queue)
{
    struct hot *hot = queue->hot;
    hot->free = hot->held = hot->aside = hot->depth = hot->summary = 0;
    hot->first = (struct lane){0, 0};
    memset(queue->shared->groups, 0, sizeof queue->shared->groups);
    memset(queue->shared->map, 0, sizeof queue->shared->map);
    uint32_t lanes = LOAD(queue->lanes.shared->count);
    for (uint32_t p = 1; p < lanes && p < queue->lanes.limit; p++) {
        struct lane *lane = table_at(&queue->lanes, p);
        if (lane)
            *lane = (struct lane){0, 0};
    }
    space_reset(queue);
}

/* What cannot be a message is none: it becomes free. True: the record is full. */
static bool check_record(kin_queue *queue, struct record *record)
{
    uint64_t state = LOAD(record->state), block = LOAD(record->block);
    uint32_t length = LOAD(record->length);
    enum tag tag = STATE_TAG(state);
    bool good = tag > TAG_FREE && tag <= TAG_READING && length <= queue->message_max &&
                LOAD(record->priority) <= KIN_PRIORITY_MAX && LOAD(record->type) > 0 &&
                (tag == TAG_FULL || STATE_OWNER(state) != 0);
    if (good)
        good = block ? space_bytes(queue, block, length) && space_mark(queue, block, true) : length <= INLINE_BYTES;
    if (good && lane_reach(queue, LOAD(record->priority)) < 0)
        STORE(record->priority, 0);
    if (!good) {
        STORE(record->state, STATE_MAKE(TAG_FREE, 0, 0));
        STORE(record->block, 0);
    }
    return good && tag == TAG_FULL && !(state & STATE_ASIDE);
}

static void push_front(kin_queue *queue, uint32_t *head, uint32_t slot)
{
    struct record *record = record_at(queue, slot), *next = record_at(queue, *head);
    record->prev = 0;
    record->next = *head;
    if (next)
        next->prev = slot;
    *head = slot;
}

static void sort_out(kin_queue *queue, struct runs *runs)
{
    struct hot *hot = queue->hot;
    uint32_t count = LOAD(queue->records.shared->count);
    if (count > queue->messages + 1)
        count = queue->messages + 1;
    if (hot->fresh == 0 || hot->fresh > count)
        hot->fresh = count;
    for (uint32_t slot = 1; slot < hot->fresh; slot++) {
        struct record *record = record_at(queue, slot);
        if (!record)
            break;
        if (check_record(queue, record))
            add_sorted(queue, runs, slot);
        else if (STATE_TAG(record->state) == TAG_FREE)
            push_front(queue, &hot->free, slot);
        else
            push_front(queue, record->state & STATE_ASIDE ? &hot->aside : &hot->held, slot);
        if (record->sequence >= hot->sequence && record->sequence < UINT64_MAX)
            hot->sequence = record->sequence + 1;
    }
}

void queue_rebuild(kin_queue *queue, struct seat *seat)
{
    struct runs runs = {{0}};
    STORE(seat->life->op.kind, OP_UNKNOWN);
    KEEP_ORDER();
    forget_lists(queue);
    sort_out(queue, &runs);
    uint32_t slot = all_sorted(queue, &runs);
    while (slot) {
        struct record *record = record_at(queue, slot);
        uint32_t next = record->next, *head, *tail;
        if (!queue_ends(queue, LIST_OF_PRIORITY(record->priority), &head, &tail))
            break;
        record->prev = *tail;
        record->next = 0;
        if (*tail)
            record_at(queue, *tail)->next = slot;
        else
            *head = slot;
        *tail = slot;
        if (record->priority)
            lane_mark(queue, record->priority, true);
        queue->hot->depth++;
        slot = next;
    }
    KEEP_ORDER();
}

void queue_repair_own(kin_queue *queue, struct seat *seat)
{
    queue_rebuild(queue, seat);
    STORE(seat->life->op.kind, 0);
}
