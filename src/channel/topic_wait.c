/* Waiting and waking: subscribers for a message, publishers for room. The six headings are in channel/topic.h. */
#include "channel/topic.h"
#include "sync/wait.h"
#include "sys/cpu.h"
#include "sys/membarrier.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>

/* The half of a u64 that changes with each step. */
static uint32_t *low_half(uint64_t *word)
{
    return (uint32_t *)(void *)word;
}

static void ring_pollers(kin_topic *topic)
{
    for (uint32_t i = 0; i < SUBSCRIBERS_MAX / 64; i++) {
        uint64_t *word = &topic->shared->polled[i];
        for (uint64_t rest = LOAD(*word) ? EXCHANGE(*word, 0) : 0; rest; rest &= rest - 1) {
            struct record *record = record_at(topic, i * 64 + (uint32_t)__builtin_ctzll(rest));
            if (record)
                poll_ring(topic->object.domain, record_pollers(record), 1);
        }
    }
}

void topic_wake_slowly(kin_topic *topic)
{
    if (event_raise(&topic->hot->readable) & EVENT_PICKY)
        ring_pollers(topic);
}

uint32_t subscriber_arm(kin_subscriber *subscriber, uint32_t bits)
{
    return event_arm_openly(&subscriber->topic->hot->readable, bits);
}

bool subscriber_can_read(kin_subscriber *subscriber)
{
    kin_topic *topic = subscriber->topic;
    const struct slot *slot = slot_at(topic, subscriber->position);
    if (is_ready(LOAD_ACQUIRE(slot->sequence), subscriber->position))
        return true;
    if (topic_head(topic) <= subscriber->position)
        return false;
    /* Before head all is ready. What is not now was damaged, and is passed over. */
    if (!is_ready(LOAD_ACQUIRE(slot->sequence), subscriber->position)) {
        subscriber->missed++;
        subscriber_go_on(subscriber, subscriber->position + 1);
    }
    return true;
}

/* The publisher may be about to: if he did so last from another processor, for as long as a sleep would cost; then he
 * is offered this one. */
static bool look_a_while(const kin_subscriber *subscriber)
{
    const struct slot *slot = slot_at(subscriber->topic, subscriber->position);
    bool elsewhere = subscriber->cpu != cpu_now();
    for (unsigned i = 0; elsewhere && i < WAIT_LOOKS; i++) {
        if (is_ready(LOAD_ACQUIRE(slot->sequence), subscriber->position))
            return true;
        for (unsigned pause = 0; pause < WAIT_PAUSES; pause++)
            relax();
    }
    for (unsigned i = 0; i < WAIT_YIELDS; i++) {
        sched_yield();
        if (is_ready(LOAD_ACQUIRE(slot->sequence), subscriber->position))
            return true;
    }
    return false;
}

/* 1: something can be read; 0: it sleeps; or an error. */
static int look_or_sleep(kin_subscriber *subscriber, struct seat *seat, enum woken *woken, kin_time until)
{
    kin_topic *topic = subscriber->topic;
    uint32_t *sequence = low_half(&slot_at(topic, subscriber->position)->sequence);
    struct wait wait = {
        .seat = seat,
        .object = topic->object.id,
        .word = &topic->hot->readable,
        .value = subscriber_arm(subscriber, EVENT_SLEEPERS),
        .guard = sequence,
        .guard_value = LOAD(*sequence),
        .until = until,
    };
    if (subscriber_can_read(subscriber))
        return 1;
    int result = object_removed(&topic->object, *woken != WOKEN_LOOK);
    if (result < 0)
        return result;
    if (*woken == WOKEN_LATE)
        return reason(-ETIMEDOUT, "no message came in %s", topic->object.segment.path);
    if (PLANTED(STOP_AWAKE))
        raise(SIGSTOP);
    *woken = wait_sleep(&wait);
    return 0;
}

int subscriber_wait(kin_subscriber *subscriber, kin_time until)
{
    kin_topic *topic = subscriber->topic;
    struct record *record = subscriber->record;
    enum woken woken = WOKEN_LOOK;
    int result = 0;
    if (subscriber_can_read(subscriber))
        return 0;
    if (LOAD(record->cursor) != subscriber->position)
        subscriber_go_on(subscriber, subscriber->position); /* it was damaged, and publishers may wait for it */
    if (until == KIN_NOW) {
        result = object_removed(&topic->object, false);
        return result < 0 ? result : reason(-ETIMEDOUT, "no message is there in %s", topic->object.segment.path);
    }
    if (look_a_while(subscriber))
        return 0;
    struct seat *seat = life_enter(topic->object.domain, &result);
    while (seat && result == 0)
        result = look_or_sleep(subscriber, seat, &woken, until);
    return result < 0 ? result : 0;
}

void subscriber_pass_slowly(kin_topic *topic, uint64_t passed)
{
    if (passed <= LOAD(topic->shared->room.stuck))
        event_raise(&topic->shared->room.writable);
}

/* Lets everybody in who has room as the cursors are now. The record of the slowest, NULL: there are no subscribers. */
static struct record *look_at_cursors(kin_topic *topic, uint64_t head)
{
    uint64_t slowest = UINT64_MAX - topic->capacity;
    struct record *found = NULL;
    uint32_t count = records_of(topic);
    for (uint32_t i = 1; i < count; i++) {
        struct record *record = record_at(topic, i);
        uint64_t cursor = record && LOAD_ACQUIRE(record->who) ? LOAD_ACQUIRE(record->cursor) : UINT64_MAX;
        if (cursor < slowest && cursor <= head) {
            slowest = cursor;
            found = record;
        }
    }
    STORE(topic->hot->limit, slowest + topic->capacity);
    return found;
}

/* Without the lock. A publisher who finds room for one message only is back here at once: so he lets a few more be read
 * first. */
static bool let_read(const kin_topic *topic, const struct record *slowest, uint64_t head)
{
    uint64_t stuck = head - topic->capacity;
    for (unsigned i = 0; i < WAIT_YIELDS; i++) {
        sched_yield();
        if (LOAD(slowest->cursor) - stuck > topic->capacity / 8)
            return true;
    }
    return LOAD(slowest->cursor) != stuck;
}

/* Sleeps until the slowest goes on, or dies. */
static enum woken sleep_for_room(kin_topic *topic, struct seat *seat, struct record *slowest, uint64_t stuck,
                                 kin_time until)
{
    struct topic_room *room = &topic->shared->room;
    uint64_t cursor = LOAD(slowest->cursor);
    struct wait wait = {
        .seat = seat,
        .object = topic->object.id,
        .word = &room->writable,
        .guard = low_half(&slowest->cursor),
        .guard_value = (uint32_t)cursor,
        .until = until,
    };
    wait.value = event_arm_openly(&room->writable, EVENT_SLEEPERS);
    if (!LOAD(room->fenced) && !membarrier_fence_all())
        STORE(room->fenced, 1);
    uint64_t who = LOAD(slowest->who);
    if (LOAD(slowest->cursor) > stuck || who == 0)
        return WOKEN_LOOK;
    if (PLANTED(STOP_AWAKE))
        raise(SIGSTOP);
    wait.lives = wait_for_process(topic->object.domain, WHO_PROCESS(who), wait.life, 0);
    return wait_sleep(&wait);
}

int topic_find_room(kin_topic *topic, struct seat *seat, kin_time until)
{
    enum woken woken = WOKEN_LOOK;
    for (bool asleep = false;; asleep = true) {
        uint64_t head = topic_mend(topic);
        struct record *slowest = look_at_cursors(topic, head);
        if (!slowest || head < LOAD(topic->hot->limit))
            return 0;
        if (topic_strike_dead(topic, head - topic->capacity, woken != WOKEN_LOOK, &slowest) || !slowest)
            continue;
        STORE(topic->shared->room.stuck, head - topic->capacity);
        topic_unlock(topic, seat);
        if (until == KIN_NOW || woken == WOKEN_LATE)
            return reason(-ETIMEDOUT, "%s is full: a subscriber has not read on (kin show tells which)",
                          topic->object.segment.path);
        if (asleep || !let_read(topic, slowest, head))
            woken = sleep_for_room(topic, seat, slowest, head - topic->capacity, until);
        int result = object_removed(&topic->object, woken != WOKEN_LOOK);
        if (result == 0)
            result = topic_lock(topic, seat, until);
        if (result < 0)
            return result;
    }
}
