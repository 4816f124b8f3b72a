/* Opening, closing, looking at a queue. The six headings are in channel/queue.h. */
#include "channel/queue.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES_DEFAULT 1024u
#define MESSAGES_MAX (UINT32_C(1) << 24)
#define LENGTH_DEFAULT (UINT64_C(64) << 10)
#define UNITS_MAX (UINT32_C(1) << 28) /* 64 GiB */

static uint32_t log2_up(uint64_t number)
{
    return number <= 1 ? 0 : 64 - (uint32_t)__builtin_clzll(number - 1);
}

static int check_options(const char *name, const struct kin_queue_options *options, struct kin_queue_options *out)
{
    *out = options ? *options : (struct kin_queue_options){0};
    if (out->messages == 0)
        out->messages = MESSAGES_DEFAULT;
    if (out->message_max == 0)
        out->message_max = LENGTH_DEFAULT;
    if (out->messages > MESSAGES_MAX)
        return reason(-EINVAL, "%s: %u messages are too many, %u are possible", name, out->messages, MESSAGES_MAX);
    if (out->message_max > KIN_MESSAGE_MAX)
        return reason(-EINVAL, "%s: messages of %llu bytes are too long, 1 GiB is possible", name,
                      (unsigned long long)out->message_max);
    if (out->bytes > (uint64_t)UNITS_MAX << UNIT_SHIFT)
        return reason(-EINVAL, "%s: %llu bytes are too many, 64 GiB are possible", name,
                      (unsigned long long)out->bytes);
    return 0;
}

/* The space: whole powers of two, so that every extent is a complete tree; its first extent takes the longest
 * message. */
static void plan_space(const struct kin_queue_options *options, uint32_t *first, uint32_t *limit)
{
    uint32_t longest = log2_up((options->message_max + (1u << UNIT_SHIFT) - 1) >> UNIT_SHIFT);
    uint64_t units = UINT64_C(1) << (longest + log2_up(options->messages));
    if (options->bytes && options->bytes >> UNIT_SHIFT < units)
        units = UINT64_C(1) << log2_up((options->bytes + (1u << UNIT_SHIFT) - 1) >> UNIT_SHIFT);
    if (units > UNITS_MAX)
        units = UNITS_MAX;
    *first = longest < 6 ? 6 : longest; /* 16 KiB at least */
    if (units < UINT64_C(1) << *first)
        units = UINT64_C(1) << *first;
    *limit = (uint32_t)units;
}

static int fill(void *context, struct segment *segment)
{
    const struct kin_queue_options *options = context;
    struct queue_header *shared = (struct queue_header *)(void *)segment->header;
    uint32_t first, limit;
    plan_space(options, &first, &limit);
    shared->messages = options->messages;
    shared->message_max = (uint32_t)options->message_max;
    shared->hot.fresh = 1;
    shared->hot.sequence = 1;
    table_format(&shared->records, options->messages + 1, 5, RECORD_SHIFT);
    table_format(&shared->lanes, LANES, 9, LANE_SHIFT);
    table_format(&shared->space, limit, first, UNIT_SHIFT);
    table_format(&shared->tree, limit, first, TREE_SHIFT);
    struct table records;
    int result = table_attach(&records, segment, &shared->records, RECORD_SHIFT);
    if (result == 0)
        result = table_grow(&records);
    table_unmap(&records);
    segment->table_count = 0;
    return result;
}

static int view(kin_queue *queue)
{
    struct segment *segment = &queue->object.segment;
    if (segment->header_bytes < sizeof(struct queue_header))
        return reason(-EBADMSG, "%s is damaged or cut off: remove it and make it anew", segment->path);
    queue->shared = (struct queue_header *)(void *)segment->header;
    queue->hot = &queue->shared->hot;
    queue->messages = LOAD(queue->shared->messages);
    queue->message_max = LOAD(queue->shared->message_max);
    int result = table_attach(&queue->records, segment, &queue->shared->records, RECORD_SHIFT);
    if (result == 0)
        result = table_attach(&queue->lanes, segment, &queue->shared->lanes, LANE_SHIFT);
    if (result == 0)
        result = table_attach(&queue->space, segment, &queue->shared->space, UNIT_SHIFT);
    if (result == 0)
        result = table_attach(&queue->tree, segment, &queue->shared->tree, TREE_SHIFT);
    if (result < 0)
        return result;
    if (queue->messages == 0 || queue->messages > MESSAGES_MAX || queue->records.limit != queue->messages + 1 ||
        queue->message_max == 0 || queue->message_max > KIN_MESSAGE_MAX || queue->tree.limit != queue->space.limit ||
        queue->tree.first != queue->space.first || queue->lanes.limit != LANES ||
        (queue->space.limit & (queue->space.limit - 1)) || queue->space.limit >> queue->space.first == 0)
        return reason(-EBADMSG, "%s is damaged: its limits cannot be. Remove it and make it anew", segment->path);
    return 0;
}

int kin_queue_open(kin_domain *domain, const char *name, const struct kin_queue_options *options, kin_queue **out)
{
    static uint32_t handles; /* numbers them */
    struct kin_queue_options checked;
    int result = check_options(name ? name : "", options, &checked);
    kin_queue *queue = result < 0 ? NULL : aligned_alloc(64, (sizeof *queue + 63) / 64 * 64);
    if (!queue)
        return result < 0 ? result : reason(-ENOMEM, "no memory left in this process");
    memset(queue, 0, sizeof *queue);
    struct object_birth birth = {
        .kind = KIN_KIND_QUEUE,
        .layout = SEGMENT_LAYOUT(sizeof(struct queue_header), sizeof(struct record), sizeof(struct hot), UNIT_SHIFT,
                                 TABLE_EXTENTS, offsetof(struct queue_header, records)),
        .header_bytes = sizeof(struct queue_header),
        .flags = checked.flags,
        .mode = checked.mode,
        .fill = fill,
        .context = &checked,
    };
    result = object_open(domain, name, &birth, &queue->object);
    if (result < 0) {
        free(queue);
        return result;
    }
    queue->number = FETCH_ADD(handles, 1) + 1;
    queue->fds = (struct poll_fds)POLL_FDS_INIT;
    result = view(queue);
    if (result < 0) {
        object_close(&queue->object);
        free(queue);
        return result;
    }
    *out = queue;
    return 0;
}

void kin_queue_close(kin_queue *queue)
{
    if (!queue)
        return;
    if (queue->fds.close)
        queue->fds.close(&queue->fds);
    queue_give_up(queue);
    object_close(&queue->object);
    free(queue);
}

static uint64_t count_list(kin_queue *queue, uint32_t slot, struct kin_queue_status *out)
{
    uint64_t count = 0;
    for (; slot && count <= queue->messages; count++) {
        struct record *record = record_at(queue, slot);
        if (!record)
            break;
        enum tag tag = STATE_TAG(LOAD(record->state));
        out->leased += tag == TAG_LEASED || tag == TAG_READING;
        out->loaned += tag == TAG_LOANED;
        out->borrowed += tag == TAG_BORROWED;
        slot = LOAD(record->next);
    }
    return count;
}

int kin_queue_status(kin_queue *queue, struct kin_queue_status *out)
{
    struct seat *seat;
    struct standing standing;
    int result = queue_enter(queue, &seat, KIN_NOW);
    if (result < 0)
        return result;
    queue_settle(queue, seat, false, &standing);
    struct kin_queue_status status = {
        .queued = LOAD(queue->hot->depth),
        .sent = LOAD(queue->hot->sequence) - 1,
        .messages = queue->messages,
        .message_max = queue->message_max,
        .bytes = (uint64_t)queue->space.limit << UNIT_SHIFT,
        .reserved = queue->object.segment.header_bytes +
                    ((uint64_t)LOAD(queue->records.shared->count) << RECORD_SHIFT) +
                    ((uint64_t)LOAD(queue->lanes.shared->count) << LANE_SHIFT) +
                    ((uint64_t)LOAD(queue->space.shared->count) << UNIT_SHIFT) +
                    ((uint64_t)LOAD(queue->tree.shared->count) << TREE_SHIFT),
    };
    count_list(queue, LOAD(queue->hot->held), &status);
    status.aside = count_list(queue, LOAD(queue->hot->aside), &status);
    queue_unlock(queue, seat);
    *out = status;
    return 0;
}
