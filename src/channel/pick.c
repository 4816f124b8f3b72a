/* Lists, lanes, and which message comes next. The six headings are in channel/queue.h. */
#include "channel/queue.h"
#include "sys/reason.h"
#include <errno.h>

static struct lane *lane_at(kin_queue *queue, uint32_t priority)
{
    return priority == 0 ? &queue->hot->first : table_at(&queue->lanes, priority);
}

bool queue_ends(kin_queue *queue, uint32_t list, uint32_t **head, uint32_t **tail)
{
    if (likely(list == LIST_LANE)) {
        *head = &queue->hot->first.head;
        *tail = &queue->hot->first.tail;
        return true;
    }
    if (list > LIST_LANE) {
        struct lane *lane = list - LIST_LANE < LANES ? lane_at(queue, list - LIST_LANE) : NULL;
        if (!lane)
            return false;
        *head = &lane->head;
        *tail = &lane->tail;
        return true;
    }
    *head = list == LIST_HELD ? &queue->hot->held : &queue->hot->aside;
    *tail = NULL;
    return list == LIST_HELD || list == LIST_ASIDE;
}

int lane_reach(kin_queue *queue, uint32_t priority)
{
    int result = 0;
    while (result == 0 && LOAD(queue->lanes.shared->count) <= priority)
        result = table_grow(&queue->lanes);
    return result;
}

int lane_exists(kin_queue *queue, struct seat *seat, uint32_t priority)
{
    if (LOAD(queue->lanes.shared->count) > priority)
        return 0;
    int result = queue_lock(queue, seat, KIN_FOREVER);
    if (result == 0) {
        result = lane_reach(queue, priority);
        queue_unlock(queue, seat);
    }
    return result;
}

static void set_bit(uint32_t *word, uint32_t bit, bool on)
{
    uint32_t value = LOAD(*word);
    STORE(*word, on ? value | UINT32_C(1) << bit : value & ~(UINT32_C(1) << bit));
}

/* Each level is a function of the one below, so that repeating it after a death is right from any point. */
void lane_mark(kin_queue *queue, uint32_t priority, bool full)
{
    struct queue_header *shared = queue->shared;
    uint32_t *word = &shared->map[priority / 32], *group = &shared->groups[priority / 1024];
    set_bit(word, priority % 32, full);
    set_bit(group, priority / 32 % 32, LOAD(*word) != 0);
    set_bit(&queue->hot->summary, priority / 1024, LOAD(*group) != 0);
}

static uint32_t highest(uint32_t word)
{
    return 31 - (uint32_t)__builtin_clz(word);
}

/* The highest priority below `limit` that has messages; -1: none; -EBADMSG: the bits contradict each other. */
static int next_lane(kin_queue *queue, uint32_t limit)
{
    struct queue_header *shared = queue->shared;
    if (LOAD(queue->hot->summary) != 0 && limit == LANES) {
        uint32_t g = highest(LOAD(queue->hot->summary)), group = LOAD(shared->groups[g]);
        uint32_t w = group ? highest(group) : 0, word = LOAD(shared->map[32 * g + w]);
        if (!group || !word)
            return -EBADMSG;
        return (int)(32 * (32 * g + w) + highest(word));
    }
    for (uint32_t p = limit; LOAD(queue->hot->summary) != 0 && p-- > 1;) {
        uint32_t word = LOAD(shared->map[p / 32]);
        if (word == 0)
            p -= p % 32; /* to the next word */
        else if (word >> p % 32 & 1)
            return (int)p;
    }
    return limit > 0 && LOAD(queue->hot->first.head) ? 0 : -1;
}

static bool matches(const struct kin_receive *how, int64_t type)
{
    if (how->type > 0)
        return (type == how->type) != ((how->flags & KIN_EXCEPT) != 0);
    return type <= -how->type; /* a negative one: the lowest up to it */
}

static uint32_t pick_by_type(kin_queue *queue, const struct kin_receive *how, int *error)
{
    uint32_t best = 0, seen = 0;
    int64_t best_type = INT64_MAX;
    for (int p = next_lane(queue, LANES); p != -1; p = p ? next_lane(queue, (uint32_t)p) : -1) {
        struct lane *lane = p < 0 ? NULL : lane_at(queue, (uint32_t)p);
        uint32_t slot = lane ? LOAD(lane->head) : 0;
        if (!slot)
            goto corrupt;
        while (slot) {
            struct record *record = record_at(queue, slot);
            if (!record || ++seen > queue->messages || STATE_TAG(LOAD(record->state)) != TAG_FULL)
                goto corrupt;
            int64_t type = LOAD(record->type);
            if (matches(how, type) && (!best || type < best_type)) {
                best = slot;
                best_type = how->type > 0 ? INT64_MIN : type;
            }
            if (best && (how->type > 0 || best_type <= 1))
                return best;
            slot = LOAD(record->next);
        }
    }
    return best;
corrupt:
    *error = -EBADMSG;
    return 0;
}

uint32_t queue_pick(kin_queue *queue, const struct kin_receive *how, int *error)
{
    *error = 0;
    if (how && how->type != 0)
        return pick_by_type(queue, how, error);
    uint32_t slot = LOAD(queue->hot->first.head);
    if (unlikely(LOAD(queue->hot->summary) != 0)) {
        int priority = next_lane(queue, LANES);
        struct lane *lane = priority < 0 ? NULL : lane_at(queue, (uint32_t)priority);
        slot = lane ? LOAD(lane->head) : 0;
        if (!slot)
            *error = -EBADMSG;
    }
    if (slot) {
        struct record *record = record_at(queue, slot);
        if (unlikely(!record || STATE_TAG(LOAD(record->state)) != TAG_FULL)) {
            *error = -EBADMSG;
            return 0;
        }
    }
    return slot;
}
