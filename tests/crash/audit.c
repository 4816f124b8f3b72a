#include "audit.h"
#include "channel/queue.h"
#include <kin/crash.h>
#include <stdlib.h>
#include <string.h>

struct audit {
    kin_queue *queue;
    uint32_t fresh;
    unsigned char *seen; /* by slot: the list it was met in, plus 1 */
    uint32_t full;
};

static bool state_fits(uint32_t list, uint64_t state)
{
    enum tag tag = STATE_TAG(state);
    if (list == LIST_FREE)
        return tag == TAG_FREE;
    if (list == LIST_HELD)
        return tag >= TAG_LOANED && tag <= TAG_READING;
    if (list == LIST_ASIDE)
        return tag == TAG_FULL && state & STATE_ASIDE;
    return tag == TAG_FULL && !(state & STATE_ASIDE);
}

static int walk(struct audit *audit, uint32_t list, uint32_t slot, const uint32_t *tail)
{
    uint32_t before = 0;
    uint64_t sequence = 0;
    for (; slot; before = slot, slot = record_at(audit->queue, slot)->next) {
        struct record *record = slot < audit->fresh ? record_at(audit->queue, slot) : NULL;
        if (!record)
            return kin_crash_fail("list %u leads to slot %u, which is none", list, slot);
        if (audit->seen[slot])
            return kin_crash_fail("slot %u is in two lists (%u), or twice in one", slot, list);
        audit->seen[slot] = 1;
        if (!state_fits(list, record->state))
            return kin_crash_fail("slot %u in list %u has state %llx", slot, list, (unsigned long long)record->state);
        if (list != LIST_FREE && record->prev != before)
            return kin_crash_fail("slot %u in list %u names %u before it, not %u", slot, list, record->prev, before);
        if (list < LIST_LANE)
            continue;
        if (record->priority != list - LIST_LANE)
            return kin_crash_fail("slot %u of priority %u is in lane %u", slot, record->priority, list - LIST_LANE);
        if (record->sequence <= sequence)
            return kin_crash_fail("slot %u is behind a younger one in lane %u", slot, list - LIST_LANE);
        sequence = record->sequence;
        audit->full++;
    }
    return tail && *tail != before ? kin_crash_fail("the tail of list %u is %u, not %u", list, *tail, before) : 0;
}

static int walk_lanes(struct audit *audit)
{
    kin_queue *queue = audit->queue;
    uint32_t count = queue->lanes.shared->count;
    int result = walk(audit, LIST_LANE, queue->hot->first.head, &queue->hot->first.tail);
    for (uint32_t p = 1; p < count && result == 0; p++) {
        struct lane *lane = table_at(&queue->lanes, p);
        bool bit = queue->shared->map[p / 32] >> p % 32 & 1;
        bool group = queue->shared->groups[p / 1024] >> p / 32 % 32 & 1;
        if (!lane || bit != (lane->head != 0) || (bit && !group) || (bit && !(queue->hot->summary >> p / 1024 & 1)))
            return kin_crash_fail("the bits of lane %u are wrong", p);
        result = walk(audit, LIST_LANE + p, lane->head, &lane->tail);
    }
    for (uint32_t w = 0; w < LANES / 32 && result == 0; w++)
        if ((queue->shared->map[w] != 0) != (queue->shared->groups[w / 32] >> w % 32 & 1))
            return kin_crash_fail("the group bit of lanes %u and following is wrong", 32 * w);
    return result;
}

/* The tree of an extent as the records make it: 0 free, order + 1 used, else how much smaller the largest free block
 * is. */
static int expected_tree(struct audit *audit, uint32_t extent, uint32_t order, unsigned char *tree)
{
    memset(tree, 0, (size_t)2 << order);
    for (uint32_t slot = 1; slot < audit->fresh; slot++) {
        uint64_t block = record_at(audit->queue, slot)->block;
        if (!block || (uint32_t)(block >> 32) - 1 != extent)
            continue;
        uint32_t node = (uint32_t)block, level = order - (31 - (uint32_t)__builtin_clz(node));
        if (tree[node])
            return kin_crash_fail("slot %u has space of another one", slot);
        tree[node] = (unsigned char)(level + 1);
        while (node /= 2) {
            level++;
            uint32_t a = level - tree[2 * node], b = level - tree[2 * node + 1];
            tree[node] = (unsigned char)(level + 1 - (a == level && b == level ? level + 1 : a > b ? a : b));
        }
    }
    return 0;
}

static int check_space(struct audit *audit)
{
    struct table *space = &audit->queue->space;
    uint32_t count = space->shared->count, first = space->first;
    for (uint32_t k = 0; table_extent_start(first, k) < count; k++) {
        uint32_t order = first + (k ? k - 1 : 0);
        unsigned char *tree = table_at(&audit->queue->tree, table_extent_start(first, k));
        unsigned char *wanted = malloc((size_t)2 << order);
        if (!tree || !wanted)
            return kin_crash_fail("the tree of extent %u is missing", k);
        int result = expected_tree(audit, k, order, wanted);
        bool same = memcmp(tree + 1, wanted + 1, ((size_t)2 << order) - 1) == 0;
        free(wanted);
        if (result != 0)
            return result;
        if (!same)
            return kin_crash_fail("the tree of extent %u does not agree with the records", k);
    }
    return 0;
}

static int check_all(struct audit *audit)
{
    struct hot *hot = audit->queue->hot;
    int result = walk(audit, LIST_FREE, hot->free, NULL);
    if (result == 0)
        result = walk(audit, LIST_HELD, hot->held, NULL);
    if (result == 0)
        result = walk(audit, LIST_ASIDE, hot->aside, NULL);
    if (result == 0)
        result = walk_lanes(audit);
    for (uint32_t slot = 1; slot < audit->fresh && result == 0; slot++)
        if (!audit->seen[slot])
            result = kin_crash_fail("slot %u (state %llx) is in no list", slot,
                                    (unsigned long long)record_at(audit->queue, slot)->state);
    if (result == 0 && hot->depth != audit->full)
        result = kin_crash_fail("the depth is %u, the messages are %u", hot->depth, audit->full);
    return result == 0 ? check_space(audit) : result;
}

int audit_queue(kin_queue *queue)
{
    struct seat *seat;
    struct standing standing;
    int result = queue_enter(queue, &seat, KIN_NOW);
    if (result < 0)
        return kin_crash_fail("the lock cannot be had: %s", kin_reason());
    if (seat->life->op.kind)
        result = kin_crash_fail("an op is under way while nobody works");
    queue_settle(queue, seat, false, &standing);
    struct audit audit = {.queue = queue, .fresh = queue->hot->fresh};
    if (audit.fresh == 0 || audit.fresh > queue->records.shared->count)
        result = kin_crash_fail("fresh is %u of %u", audit.fresh, queue->records.shared->count);
    audit.seen = calloc(1, audit.fresh + 1u);
    if (result == 0)
        result = check_all(&audit);
    free(audit.seen);
    queue_unlock(queue, seat);
    return result;
}
