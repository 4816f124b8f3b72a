/* Reading on. The six headings are in channel/topic.h. */
#include "channel/topic.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

/* So often on end may a subscriber be overtaken while it copies, before it lets others run. */
#define LAPS_MAX 64u

/* It was overtaken: on to the oldest message that is there, and each time further into what is, so that it is out of
 * the publishers' reach soon. What it passes over is counted. */
static void catch_up(kin_subscriber *subscriber)
{
    const kin_topic *topic = subscriber->topic;
    uint64_t head = topic_head(topic), position = subscriber->position;
    uint64_t target = oldest_of(topic, head) + subscriber->slack;
    if (target + 1 > head)
        target = head ? head - 1 : 0;
    if (target <= position)
        target = position + 1; /* the slot is being written, and head does not know it yet */
    subscriber->slack = subscriber->slack < topic->capacity / 2 ? 2 * subscriber->slack + 1 : subscriber->slack;
    subscriber->missed += target - position - PLANTED(MISCOUNT);
    subscriber_go_on(subscriber, target);
}

/* What may be torn until the sequence has been looked at again. */
static inline void copy_out(const kin_subscriber *subscriber, const struct slot *slot, void *buffer,
                            struct kin_sample *sample)
{
    if (PLANTED(STOP_COPYING))
        raise(SIGSTOP);
    sample->type = LOAD(slot->type);
    sample->time = subscriber->topic->times ? LOAD(slot->time) : 0;
    if (sample->length)
        memcpy(buffer, (const unsigned char *)slot + subscriber->topic->payload, sample->length);
}

static inline bool is_unchanged(const struct slot *slot, uint64_t sequence)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return LOAD(slot->sequence) == sequence || PLANTED(NO_RECHECK);
}

static int too_short(const kin_subscriber *subscriber, const struct kin_sample *sample, uint64_t capacity)
{
    return reason(-E2BIG, "message %llu of %s has %llu bytes, the buffer %llu: it stays the next",
                  (unsigned long long)sample->position, subscriber->topic->object.segment.path,
                  (unsigned long long)sample->length, (unsigned long long)capacity);
}

/* 0; -E2BIG, with *out filled; -EAGAIN: it is not there yet; 1: look again, at another position. */
static inline int read_here(kin_subscriber *subscriber, void *buffer, uint64_t capacity, struct kin_sample *out)
{
    uint64_t position = subscriber->position;
    const struct slot *slot = slot_at(subscriber->topic, position);
    uint64_t sequence = LOAD_ACQUIRE(slot->sequence);
    if (unlikely(sequence < SEQUENCE_READY(position)))
        return -EAGAIN;
    struct kin_sample sample = {.length = LOAD(slot->length), .position = position, .missed = subscriber->missed};
    bool damaged = sample.length > subscriber->topic->message_max, fits = sample.length <= capacity;
    if (likely(!damaged && fits && sequence == SEQUENCE_READY(position)))
        copy_out(subscriber, slot, buffer, &sample);
    if (unlikely(sequence != SEQUENCE_READY(position) || !is_unchanged(slot, sequence) || damaged)) {
        catch_up(subscriber);
        return 1;
    }
    *out = sample;
    if (unlikely(!fits))
        return -E2BIG;
    subscriber->cpu = LOAD(slot->cpu);
    subscriber->missed = subscriber->slack = 0;
    subscriber_go_on(subscriber, position + 1);
    return 0;
}

int kin_subscriber_next(kin_subscriber *subscriber, void *buffer, uint64_t capacity, kin_time until,
                        struct kin_sample *out)
{
    struct kin_sample sample;
    unsigned laps = 0;
    for (;;) {
        int result = likely(subscriber_is_in(subscriber)) ? 1 : subscriber_come_back(subscriber);
        if (unlikely(result < 0))
            return result;
        while ((result = read_here(subscriber, buffer, capacity, &sample)) == 1 && ++laps % LAPS_MAX)
            continue;
        if (likely(result == 0 || result == -E2BIG)) {
            if (out)
                *out = sample;
            return result == 0 ? 0 : too_short(subscriber, &sample, capacity);
        }
        if (result == 1 && until == KIN_NOW)
            return reason(-ETIMEDOUT, "the publishers of %s overtake this subscriber all the time",
                          subscriber->topic->object.segment.path);
        result = subscriber_wait(subscriber, until);
        if (result < 0)
            return result;
    }
}

uint64_t kin_subscriber_position(const kin_subscriber *subscriber)
{
    return subscriber->position;
}
