/* Publishing. The six headings are in channel/topic.h. */
#include "channel/topic.h"
#include "sys/clock.h"
#include "sys/cpu.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <string.h>

static int too_long(const kin_topic *topic, uint64_t length)
{
    return reason(-EMSGSIZE,
                  "a message of %llu bytes is too long for %s, which takes %u: make it with a larger message_max",
                  (unsigned long long)length, topic->object.segment.path, topic->message_max);
}

/* The position to write, under the lock: the slot is as its predecessor left it, and there is room. */
static inline int take_place(kin_topic *topic, struct seat *seat, kin_time until, uint64_t *out)
{
    uint64_t head = LOAD(topic->hot->head);
    if (unlikely(topic->blocks && head >= LOAD(topic->hot->limit))) {
        int result = topic_find_room(topic, seat, until);
        if (result < 0)
            return result;
        head = LOAD(topic->hot->head);
    }
    if (unlikely(LOAD(slot_at(topic, head)->sequence) != sequence_before(topic, head)) && !PLANTED(NO_REPAIR))
        head = topic_mend(topic);
    *out = head;
    return 0;
}

static inline void write_slot(kin_topic *topic, uint64_t position, const void *data, uint32_t length, int64_t type)
{
    struct slot *slot = slot_at(topic, position);
    if (PLANTED(COMMIT_FIRST))
        STORE_RELEASE(slot->sequence, SEQUENCE_READY(position));
    else
        STORE(slot->sequence, SEQUENCE_WRITING(position));
    __atomic_thread_fence(__ATOMIC_RELEASE);
    KEEP_ORDER();
    STORE(slot->type, type);
    STORE(slot->length, length);
    STORE(slot->cpu, cpu_now());
    if (unlikely(topic->times))
        STORE(slot->time, clock_realtime());
    if (likely(length))
        memcpy((unsigned char *)slot + topic->payload, data, length);
    KEEP_ORDER();
    STORE_RELEASE(slot->sequence, SEQUENCE_READY(position));
    KEEP_ORDER();
    STORE_RELEASE(topic->hot->head, position + 1);
}

int kin_topic_publish(kin_topic *topic, const void *data, uint64_t length, const struct kin_publish *how,
                      kin_time until, uint64_t *position)
{
    struct seat *seat;
    uint64_t place = 0;
    if (unlikely(length > topic->message_max))
        return too_long(topic, length);
    int result = topic_enter(topic, &seat, until);
    if (likely(result == 0))
        result = take_place(topic, seat, until, &place);
    if (unlikely(result < 0))
        return result;
    write_slot(topic, place, data, (uint32_t)length, how ? how->type : 0);
    topic_unlock(topic, seat);
    topic_wake(topic);
    if (position)
        *position = place;
    return 0;
}
