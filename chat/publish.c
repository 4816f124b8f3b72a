/* Events on their way: each line's event is published once, whoever dies. The six headings are in chat/hall.h. */
#include "engine.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t chat_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void copy(char *to, size_t size, const char *from)
{
    size_t length = from ? strnlen(from, size - 1) : 0;
    memcpy(to, from ? from : "", length);
    memset(to + length, 0, size - length);
}

void chat_event_make(struct chat_client *client, enum chat_kind kind, const char *room, const char *target,
                     const char *text, struct chat_event *out)
{
    const struct chat_facts *facts = chat_facts(client->slot);
    memset(out, 0, offsetof(struct chat_event, text));
    out->kind = kind;
    out->slot = client->index;
    out->serial = client->slot->serial;
    out->line = client->line;
    memcpy(out->nick, facts->nick, sizeof out->nick);
    memcpy(out->user, facts->user, sizeof out->user);
    memcpy(out->host, facts->host, sizeof out->host);
    copy(out->room, sizeof out->room, room);
    copy(out->target, sizeof out->target, target);
    out->length = text ? (uint32_t)strnlen(text, CHAT_TEXT_MAX) : 0;
    memcpy(out->text, text ? text : "", out->length);
    out->text[out->length] = 0;
}

/* Whether the topic has this very event, from that position on. */
static bool is_published(kin_topic *topic, uint64_t position, const struct chat_event *event)
{
    kin_subscriber *subscriber;
    struct chat_event other;
    struct kin_sample sample;
    bool found = false;
    if (kin_topic_subscribe(topic, KIN_SUBSCRIBE(.from = KIN_FROM_POSITION, .position = position), &subscriber) < 0)
        return false;
    while (!found && kin_subscriber_next(subscriber, &other, sizeof other, KIN_NOW, &sample) == 0)
        found = chat_event_check(&other, sample.length) == 0 && other.serial == event->serial &&
                other.line == event->line && other.kind == event->kind && other.to == event->to;
    kin_subscriber_close(subscriber);
    return found;
}

static enum chat_result publish(struct chat_client *client, kin_topic *topic, uint32_t place,
                                const struct chat_event *event)
{
    struct chat_note *note = &client->slot->note;
    if (!topic)
        return CHAT_TROUBLE;
    if (note->line == event->line + 1 && note->room == place && note->kind == event->kind) {
        if (is_published(topic, note->position, event))
            return CHAT_OK;
    } else {
        CHAT_STORE(note->line, 0);
        note->position = kin_topic_position(topic);
        note->room = place;
        note->kind = event->kind;
        CHAT_STORE(note->line, event->line + 1);
    }
    return kin_topic_publish(topic, event, CHAT_EVENT_BYTES(event), KIN_PUBLISH(.type = event->kind), KIN_FOREVER,
                             NULL) < 0
               ? CHAT_TROUBLE
               : CHAT_OK;
}

enum chat_result chat_publish(struct chat_client *client, int room, uint32_t to, struct chat_event *event)
{
    if (room >= 0)
        return publish(client, chat_room_topic(client->hall, (uint32_t)room), (uint32_t)room, event);
    const struct chat_slot *slot = &client->hall->shared->slot[to];
    event->to = slot->serial;
    event->to_slot = to;
    kin_topic *inbox = chat_inbox_open(client->hall, slot->station);
    enum chat_result result = publish(client, inbox, CHAT_ROOMS + to, event);
    kin_topic_close(inbox);
    return result;
}
