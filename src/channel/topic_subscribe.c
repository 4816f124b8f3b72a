/* Subscribers come and go. The six headings are in channel/topic.h. */
#include "channel/topic.h"
#include "life/settle.h"
#include "sys/membarrier.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

unsigned topic_strike_dead(kin_topic *topic, uint64_t stuck, bool slow, struct record **living)
{
    struct object *object = &topic->object;
    uint32_t count = records_of(topic);
    unsigned struck = 0;
    *living = NULL;
    for (uint32_t i = 1; i < count; i++) {
        struct record *record = record_at(topic, i);
        uint64_t who = record ? LOAD_ACQUIRE(record->who) : 0;
        if (who == 0 || LOAD(record->cursor) > stuck)
            continue;
        /* One about to end, or without a life in kin, reads nothing either. */
        if (process_verdict(object->domain, WHO_PROCESS(who), slow) == VERDICT_ALIVE || PLANTED(NO_DEATH_CHECK)) {
            *living = record;
        } else if (CAS(record->who, &who, 0)) {
            life_log(object->domain, &object->segment, 0, WHO_PROCESS(who), "a subscriber");
            struck++;
        }
    }
    return struck;
}

static uint32_t find_free(kin_topic *topic, uint32_t wanted)
{
    uint32_t count = records_of(topic);
    struct record *record = wanted < count ? record_at(topic, wanted) : NULL;
    if (record && LOAD(record->who) == 0)
        return wanted;
    for (uint32_t i = 1; i < count; i++) {
        record = record_at(topic, i);
        if (record && LOAD(record->who) == 0)
            return i;
    }
    return 0;
}

/* A record that is free, under the lock; that one, if it can be had. */
static int take_record(kin_topic *topic, uint32_t wanted, uint32_t *out)
{
    struct record *living;
    uint32_t number = find_free(topic, wanted);
    if (number == 0 && table_grow(&topic->records) == 0)
        number = find_free(topic, 0);
    if (number == 0 && topic_strike_dead(topic, UINT64_MAX, true, &living))
        number = find_free(topic, 0);
    *out = number;
    return number ? 0
                  : reason(-ENOSPC, "%s has %u subscribers already", topic->object.segment.path, SUBSCRIBERS_MAX - 1);
}

/* From here on publishers heed it. Under the lock. */
static void fill_record(kin_subscriber *subscriber, uint32_t process)
{
    kin_topic *topic = subscriber->topic;
    struct record *record = subscriber->record;
    uint32_t number = LOAD(topic->hot->numbers) + 1;
    STORE(topic->hot->numbers, number);
    subscriber->who = (uint64_t)number << 32 | process;
    STORE(topic->hot->limit, 0); /* what was seen of the others says nothing of this one */
    STORE(record->cursor, subscriber->position);
    STORE(record->armed, 0);
    for (unsigned i = 0; i < SUBSCRIBER_POLLERS; i++)
        STORE(record->pollers[i].bell, 0);
    KEEP_ORDER();
    STORE_RELEASE(record->who, subscriber->who);
}

/* Under the lock. The process names the topic in the same breath, as who closes the last one strikes the name. */
static int join(kin_subscriber *subscriber, struct seat *seat)
{
    kin_topic *topic = subscriber->topic;
    int result = process_hold(seat, topic->object.id);
    if (result == 0)
        result = take_record(topic, subscriber->number, &subscriber->number);
    if (result < 0)
        return result;
    subscriber->record = record_at(topic, subscriber->number);
    fill_record(subscriber, seat->process);
    return 0;
}

static int too_far(const kin_topic *topic, uint64_t position, uint64_t head)
{
    return reason(-ERANGE,
                  "%s has no position %llu yet, its next one is %llu: that was of another topic, or of one made anew",
                  topic->object.segment.path, (unsigned long long)position, (unsigned long long)head);
}

/* Where it begins, and what it has missed already. Under the lock. */
static int choose_position(kin_subscriber *subscriber, const struct kin_subscribe *how)
{
    kin_topic *topic = subscriber->topic;
    uint64_t head = topic_mend(topic), oldest = oldest_of(topic, head);
    uint64_t wanted = how ? how->position : 0;
    switch (how ? how->from : KIN_FROM_NOW) {
    case KIN_FROM_NOW:
        subscriber->position = head;
        return 0;
    case KIN_FROM_OLDEST:
        subscriber->position = oldest;
        return 0;
    case KIN_FROM_LAST:
        subscriber->position = wanted < head - oldest ? head - wanted : oldest;
        return 0;
    case KIN_FROM_POSITION:
        if (wanted > head)
            return too_far(topic, wanted, head);
        subscriber->position = wanted < oldest ? oldest : wanted;
        subscriber->missed = subscriber->position - wanted;
        return 0;
    default:
        return reason(-EINVAL, "a subscriber begins at one of enum kin_from, not at %u", how->from);
    }
}

int kin_topic_subscribe(kin_topic *topic, const struct kin_subscribe *how, kin_subscriber **out)
{
    struct seat *seat;
    kin_subscriber *subscriber = calloc(1, sizeof *subscriber);
    if (!subscriber)
        return reason(-ENOMEM, "no memory left in this process");
    *subscriber = (kin_subscriber){.topic = topic, .cpu = UINT32_MAX, .fds = POLL_FDS_INIT};
    if (topic->blocks && !membarrier_join())
        STORE(topic->shared->room.fenced, 1);
    int result = topic_enter(topic, &seat, KIN_NOW);
    if (result == 0) {
        result = choose_position(subscriber, how);
        if (result == 0)
            result = join(subscriber, seat);
        topic_unlock(topic, seat);
    }
    if (result < 0) {
        free(subscriber);
        return result;
    }
    *out = subscriber;
    return 0;
}

int subscriber_come_back(kin_subscriber *subscriber)
{
    kin_topic *topic = subscriber->topic;
    struct seat *seat;
    int result = 0;
    seat = life_enter(topic->object.domain, &result);
    if (!seat)
        return result;
    if (seat->process != WHO_PROCESS(subscriber->who))
        return reason(-EPERM, "this subscriber of %s is another process's: a child of fork makes one of its own",
                      topic->object.segment.path);
    result = topic_enter(topic, &seat, KIN_NOW);
    if (result < 0)
        return result;
    result = join(subscriber, seat);
    topic_unlock(topic, seat);
    return result;
}

static bool has_others(kin_topic *topic, uint32_t process)
{
    bool any = false;
    uint32_t count = records_of(topic);
    for (uint32_t i = 1; i < count && !any; i++) {
        struct record *record = record_at(topic, i);
        any = record && WHO_PROCESS(LOAD(record->who)) == process;
    }
    return any;
}

/* The name that the process record has of the topic goes with its last subscriber. Without the lock it stays, which is
 * slow. */
static void forget_topic(kin_topic *topic)
{
    struct seat *seat;
    if (topic_enter(topic, &seat, KIN_NOW) < 0)
        return;
    if (!has_others(topic, seat->process))
        process_forget(topic->object.domain, topic->object.id);
    topic_unlock(topic, seat);
}

void kin_subscriber_close(kin_subscriber *subscriber)
{
    if (!subscriber)
        return;
    kin_topic *topic = subscriber->topic;
    if (subscriber->fds.close)
        subscriber->fds.close(&subscriber->fds);
    if (subscriber_is_in(subscriber)) {
        uint64_t who = subscriber->who;
        CAS(subscriber->record->who, &who, 0);
        FULL_FENCE();
        event_raise(&topic->shared->room.writable);
        forget_topic(topic);
    }
    free(subscriber);
}

int kin_topic_each_subscriber(kin_topic *topic,
                              int (*visit)(void *context, const struct kin_subscriber_status *subscriber),
                              void *context)
{
    uint32_t count = records_of(topic);
    int result = 0;
    for (uint32_t i = 1; i < count && result == 0; i++) {
        struct record *record = record_at(topic, i);
        uint64_t who = record ? LOAD_ACQUIRE(record->who) : 0;
        if (who == 0)
            continue;
        struct kin_party party = life_party(topic->object.domain, WHO_PROCESS(who), 0, KIN_PART_HOLDS);
        uint64_t position = LOAD_ACQUIRE(record->cursor), head = topic_head(topic);
        struct kin_subscriber_status status = {
            .pid = party.pid,
            .alive = !verdict_is_gone(process_verdict(topic->object.domain, WHO_PROCESS(who), false)),
            .position = position,
            .lag = head > position ? head - position : 0,
        };
        result = visit(context, &status);
    }
    return result;
}

int topic_settle_object(kin_domain *domain, const char *name, uint32_t id)
{
    static const struct kin_topic_options existing = {.size = sizeof existing, .flags = KIN_MUST_EXIST};
    struct record *living;
    struct seat *seat;
    kin_topic *topic;
    (void)id;
    int result = kin_topic_open(domain, name, &existing, &topic);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    result = topic_enter(topic, &seat, KIN_NOW);
    if (result == 0) {
        unsigned struck = topic_strike_dead(topic, UINT64_MAX, false, &living);
        topic_unlock(topic, seat);
        if (struck)
            event_raise(&topic->shared->room.writable);
    }
    kin_topic_close(topic);
    return result == -EIDRM ? 0 : result;
}

uint64_t topic_count_held(kin_domain *domain, const char *name, uint32_t process)
{
    static const struct kin_topic_options existing = {.size = sizeof existing, .flags = KIN_MUST_EXIST};
    kin_topic *topic;
    uint64_t held = 0;
    if (kin_topic_open(domain, name, &existing, &topic) < 0)
        return 0;
    uint32_t count = records_of(topic);
    for (uint32_t i = 1; i < count; i++) {
        struct record *record = record_at(topic, i);
        held += record && WHO_PROCESS(LOAD(record->who)) == process;
    }
    kin_topic_close(topic);
    return held;
}
