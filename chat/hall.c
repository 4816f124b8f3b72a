/* The shared memory of the chat. The six headings are in chat/hall.h. */
#include "hall.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYOUT UINT32_C(0x63680001)

static int set_up(void *context, kin_segment *segment)
{
    const struct chat_settings *settings = context;
    struct chat_shared *shared = kin_segment_data(segment);
    shared->layout = LAYOUT;
    shared->clients_max = settings->clients;
    return kin_lock_init(segment, &shared->lock);
}

static uint64_t bytes_of(uint32_t clients)
{
    return sizeof(struct chat_shared) + (uint64_t)clients * sizeof(struct chat_slot);
}

int chat_hall_open(kin_domain *domain, const struct chat_settings *settings, struct chat_hall **out)
{
    struct chat_hall *hall = calloc(1, sizeof *hall);
    if (!hall)
        return -ENOMEM;
    hall->domain = domain;
    hall->settings = *settings;
    int result = kin_segment_open(
        domain, settings->name,
        KIN_SEGMENT(.bytes = bytes_of(settings->clients), .setup = set_up, .context = &hall->settings), &hall->segment);
    if (result < 0) {
        free(hall);
        return result;
    }
    hall->shared = kin_segment_data(hall->segment);
    /* One that was made for more clients serves as well; all its slots are used then. */
    if (hall->shared->layout != LAYOUT ||
        kin_segment_bytes(hall->segment) < bytes_of(CHAT_LOAD(hall->shared->clients_max))) {
        chat_hall_close(hall);
        return -EPROTO;
    }
    *out = hall;
    return 0;
}

void chat_hall_close(struct chat_hall *hall)
{
    if (!hall)
        return;
    for (uint32_t i = 0; i < CHAT_ROOMS; i++)
        kin_topic_close(hall->topic[i]);
    kin_segment_close(hall->segment);
    free(hall);
}

kin_topic *chat_room_topic(struct chat_hall *hall, uint32_t room)
{
    if (!hall->topic[room]) {
        char name[200];
        snprintf(name, sizeof name, "%s.room.%s", hall->settings.name, hall->shared->room[room].name);
        kin_topic_open(
            hall->domain, name,
            KIN_TOPIC(.messages = hall->settings.room_messages, .message_max = sizeof(struct chat_event), .times = 1),
            &hall->topic[room]);
    }
    return hall->topic[room];
}

kin_topic *chat_inbox_open(struct chat_hall *hall, uint32_t station)
{
    char name[200];
    kin_topic *topic = NULL;
    snprintf(name, sizeof name, "%s.inbox.%u", hall->settings.name, station);
    kin_topic_open(
        hall->domain, name,
        KIN_TOPIC(.messages = hall->settings.workers ? 1024 : 32, .message_max = sizeof(struct chat_event), .times = 1),
        &topic);
    return topic;
}

bool chat_lock(struct chat_hall *hall)
{
    /* KIN_RECOVERED needs no repair: see Death in chat/hall.h. */
    return kin_lock_acquire(hall->segment, &hall->shared->lock, KIN_FOREVER) >= 0;
}

void chat_unlock(struct chat_hall *hall)
{
    kin_lock_release(hall->segment, &hall->shared->lock);
}

const struct chat_facts *chat_facts(const struct chat_slot *slot)
{
    return &slot->facts[CHAT_LOAD(slot->version) & 1];
}

struct chat_facts *chat_facts_edit(struct chat_slot *slot)
{
    uint64_t version = slot->version;
    slot->facts[~version & 1] = slot->facts[version & 1];
    return &slot->facts[~version & 1];
}

void chat_facts_commit(struct chat_slot *slot)
{
    CHAT_STORE(slot->version, slot->version + 1);
}

const struct chat_room_facts *chat_room_facts(const struct chat_room *room)
{
    return &room->facts[CHAT_LOAD(room->version) & 1];
}

struct chat_room_facts *chat_room_edit(struct chat_room *room)
{
    uint64_t version = room->version;
    room->facts[~version & 1] = room->facts[version & 1];
    return &room->facts[~version & 1];
}

void chat_room_commit(struct chat_room *room)
{
    CHAT_STORE(room->version, room->version + 1);
}

/* Copies what `version` says until it has not changed meanwhile. */
static void read_copy(const uint64_t *version, const void *copies, size_t size, void *out)
{
    uint64_t before;
    do {
        before = CHAT_LOAD(*version);
        memcpy(out, (const char *)copies + (before & 1) * size, size);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (before != __atomic_load_n(version, __ATOMIC_RELAXED));
}

void chat_facts_read(const struct chat_slot *slot, struct chat_facts *out)
{
    read_copy(&slot->version, slot->facts, sizeof *out, out);
}

void chat_room_read(const struct chat_room *room, struct chat_room_facts *out)
{
    read_copy(&room->version, room->facts, sizeof *out, out);
}

int chat_room_index(struct chat_hall *hall, const char *name)
{
    char folded[CHAT_ROOM_MAX + 1];
    size_t length = strlen(name);
    if (length > CHAT_ROOM_MAX)
        return -1;
    for (size_t i = 0; i <= length; i++)
        folded[i] = name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i];
    for (int i = 0; i < CHAT_ROOMS && CHAT_LOAD(hall->shared->room[i].used); i++)
        if (strcmp(hall->shared->room[i].name, folded) == 0)
            return i;
    return -1;
}
