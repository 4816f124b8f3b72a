/* Opening, closing, looking at a topic, and putting it right. The six headings are in channel/topic.h. */
#include "channel/topic.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES_DEFAULT 1024u
#define MESSAGES_LEAST 8u /* with fewer, who reads would be overtaken by each publisher */
#define MESSAGES_MAX (UINT32_C(1) << 24)
#define LENGTH_DEFAULT 1024u
#define LENGTH_MAX (UINT32_C(1) << 30)
#define UNITS_MAX (UINT64_C(1) << 24) /* 1 GiB */
#define RECORDS_FIRST_SHIFT 5u

#define LINE 64u
#define PAIR 128u /* lines that processors fetch together */

static int check_options(const char *name, const struct kin_topic_options *options, struct kin_topic_options *out)
{
    *out = options ? *options : (struct kin_topic_options){0};
    if (out->messages == 0)
        out->messages = MESSAGES_DEFAULT;
    if (out->message_max == 0)
        out->message_max = LENGTH_DEFAULT;
    if (out->messages > MESSAGES_MAX)
        return reason(-EINVAL, "%s: %u messages are too many, %u are possible", name, out->messages, MESSAGES_MAX);
    if (out->message_max > LENGTH_MAX)
        return reason(-EINVAL, "%s: messages of %u bytes are too long, 1 GiB is possible", name, out->message_max);
    if (out->policy > KIN_TOPIC_BLOCK || out->times > 1)
        return reason(-EINVAL, "%s: the policy is KIN_TOPIC_DROP_OLDEST or KIN_TOPIC_BLOCK, and times 0 or 1", name);
    if (out->messages < MESSAGES_LEAST)
        out->messages = MESSAGES_LEAST;
    while (out->messages & (out->messages - 1))
        out->messages += out->messages & -out->messages; /* up to the next power of two */
    return 0;
}

/* A short message lies with its header in one pair of lines. The payload of a long one begins on a line of its own, as
 * copying to odd addresses is slow. */
static uint64_t stride_of(uint32_t message_max, uint32_t *payload)
{
    *payload = message_max <= PAIR - sizeof(struct slot) ? sizeof(struct slot) : LINE;
    return ((uint64_t)*payload + message_max + LINE - 1) & ~(uint64_t)(LINE - 1);
}

static uint64_t units_of(uint32_t messages, uint32_t message_max)
{
    uint32_t payload;
    return messages * (stride_of(message_max, &payload) / LINE);
}

#define LINE_SHIFT 6
_Static_assert(1 << LINE_SHIFT == LINE, "slots are measured in lines");

/* In one piece: an extent that holds all. */
static uint32_t first_of(uint64_t units)
{
    return units <= 1 ? 0 : 64 - (uint32_t)__builtin_clzll(units - 1);
}

static int fill(void *context, struct segment *segment)
{
    const struct kin_topic_options *options = context;
    struct topic_header *shared = (struct topic_header *)(void *)segment->header;
    struct table slots;
    uint64_t units = units_of(options->messages, options->message_max);
    if (units > UNITS_MAX)
        return reason(-EINVAL, "%s: %u messages of up to %u bytes are more than 1 GiB: keep fewer, or shorter ones",
                      segment->path, options->messages, options->message_max);
    shared->messages = options->messages;
    shared->message_max = options->message_max;
    shared->policy = options->policy;
    shared->times = options->times;
    table_format(&shared->slots, (uint32_t)units, first_of(units), LINE_SHIFT);
    table_format(&shared->records, SUBSCRIBERS_MAX, RECORDS_FIRST_SHIFT, RECORD_SHIFT);
    int result = table_attach(&slots, segment, &shared->slots, LINE_SHIFT);
    if (result == 0)
        result = table_grow(&slots);
    table_unmap(&slots);
    segment->table_count = 0;
    return result;
}

/* This process's view: the numbers are read once and checked. */
static int view(kin_topic *topic)
{
    struct segment *segment = &topic->object.segment;
    struct topic_header *shared = (struct topic_header *)(void *)segment->header;
    if (segment->header_bytes < sizeof *shared)
        return reason(-EBADMSG, "%s is damaged or cut off: remove it and make it anew", segment->path);
    topic->shared = shared;
    topic->hot = &shared->hot;
    topic->capacity = LOAD(shared->messages);
    topic->message_max = LOAD(shared->message_max);
    topic->blocks = LOAD(shared->policy) == KIN_TOPIC_BLOCK;
    topic->times = LOAD(shared->times);
    topic->stride = stride_of(topic->message_max, &topic->payload);
    int result = table_attach(&topic->slots, segment, &shared->slots, LINE_SHIFT);
    if (result == 0)
        result = table_attach(&topic->records, segment, &shared->records, RECORD_SHIFT);
    if (result < 0)
        return result;
    uint64_t units = units_of((uint32_t)topic->capacity, topic->message_max);
    if (topic->capacity < MESSAGES_LEAST || topic->capacity > MESSAGES_MAX || topic->capacity & (topic->capacity - 1) ||
        topic->message_max == 0 || topic->message_max > LENGTH_MAX || units != topic->slots.limit ||
        topic->slots.first != first_of(units) || topic->records.limit != SUBSCRIBERS_MAX)
        return reason(-EBADMSG, "%s is damaged: its limits cannot be. Remove it and make it anew", segment->path);
    topic->memory = table_at(&topic->slots, 0);
    return topic->memory ? 0 : reason(-EBADMSG, "%s is cut off, or cannot be mapped", segment->path);
}

int kin_topic_open(kin_domain *domain, const char *name, const struct kin_topic_options *options, kin_topic **out)
{
    struct kin_topic_options checked;
    int result = check_options(name ? name : "", options, &checked);
    kin_topic *topic = result < 0 ? NULL : calloc(1, sizeof *topic);
    if (!topic)
        return result < 0 ? result : reason(-ENOMEM, "no memory left in this process");
    struct object_birth birth = {
        .kind = KIN_KIND_TOPIC,
        .layout = SEGMENT_LAYOUT(sizeof(struct topic_header), sizeof(struct slot), sizeof(struct record), TABLE_EXTENTS,
                                 offsetof(struct topic_header, slots)),
        .header_bytes = sizeof(struct topic_header),
        .flags = checked.flags,
        .mode = checked.mode,
        .fill = fill,
        .context = &checked,
    };
    result = object_open(domain, name, &birth, &topic->object);
    if (result < 0) {
        free(topic);
        return result;
    }
    result = view(topic);
    if (result < 0) {
        kin_topic_close(topic);
        return result;
    }
    *out = topic;
    return 0;
}

void kin_topic_close(kin_topic *topic)
{
    if (!topic)
        return;
    table_unmap(&topic->slots);
    table_unmap(&topic->records);
    object_close(&topic->object);
    free(topic);
}

/* The newest message that lies where it belongs, and behind it; for a head that is damaged. */
static uint64_t find_head(const kin_topic *topic)
{
    uint64_t head = 0;
    for (uint64_t i = 0; i < topic->capacity; i++) {
        uint64_t sequence = LOAD_ACQUIRE(slot_at(topic, i)->sequence);
        uint64_t position = sequence / 2 - 1;
        if (sequence != 0 && sequence % 2 == 0 && position % topic->capacity == i && position + 1 > head)
            head = position + 1;
    }
    return head;
}

/* The message before it is there, or has been overwritten since. */
static bool head_can_be(const kin_topic *topic, uint64_t head)
{
    return head == 0 || LOAD_ACQUIRE(slot_at(topic, head - 1)->sequence) >= SEQUENCE_READY(head - 1);
}

uint64_t topic_head(const kin_topic *topic)
{
    uint64_t head = LOAD_ACQUIRE(topic->hot->head);
    if (!head_can_be(topic, head))
        head = find_head(topic);
    return head + is_ready(LOAD_ACQUIRE(slot_at(topic, head)->sequence), head);
}

uint64_t topic_mend(kin_topic *topic)
{
    uint64_t head = LOAD(topic->hot->head);
    if (!head_can_be(topic, head))
        head = find_head(topic);
    for (uint64_t i = 0; i < topic->capacity && LOAD(slot_at(topic, head)->sequence) == SEQUENCE_READY(head); i++)
        head++;
    if (PLANTED(NO_REPAIR))
        return LOAD(topic->hot->head);
    STORE_RELEASE(topic->hot->head, head);
    return head;
}

int topic_lock_slowly(kin_topic *topic, struct seat *seat, kin_time until)
{
    struct object *object = &topic->object;
    struct mutex_ask ask = {
        .seat = seat,
        .word = &topic->hot->lock,
        .object = object,
        .until = until,
        .brief = true,
    };
    int result = mutex_acquire_slowly(&ask);
    if (result == KIN_RECOVERED) {
        bool done = LOAD(topic->hot->head) != topic_mend(topic);
        life_log(object->domain, &object->segment, ask.dead, 0, done ? "a publish, done" : "a publish, not done");
        topic_wake(topic);
    }
    if (result >= 0)
        return 0;
    life_work_done(seat);
    if (result == -ETIMEDOUT)
        reason(result, "%s is held by a process that does not go on (stopped?): `kin show` tells which",
               object->segment.path);
    return result;
}

uint64_t kin_topic_position(const kin_topic *topic)
{
    return LOAD_ACQUIRE(topic->hot->head);
}

struct count {
    uint64_t subscribers, slowest;
};

static int count_one(void *context, const struct kin_subscriber_status *subscriber)
{
    struct count *count = context;
    count->subscribers += subscriber->alive != 0;
    if (subscriber->alive && subscriber->lag > count->slowest)
        count->slowest = subscriber->lag;
    return 0;
}

int kin_topic_status(kin_topic *topic, struct kin_topic_status *out)
{
    struct count count = {0};
    int result = object_removed(&topic->object, false);
    if (result == 0)
        result = kin_topic_each_subscriber(topic, count_one, &count);
    if (result < 0)
        return result;
    uint64_t head = topic_head(topic);
    *out = (struct kin_topic_status){
        .published = head,
        .oldest = oldest_of(topic, head),
        .subscribers = count.subscribers,
        .slowest = count.slowest,
        .messages = (uint32_t)topic->capacity,
        .message_max = topic->message_max,
        .policy = topic->blocks ? KIN_TOPIC_BLOCK : KIN_TOPIC_DROP_OLDEST,
        .times = topic->times,
    };
    return 0;
}
