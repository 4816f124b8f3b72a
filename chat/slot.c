/* Slots: given, left, and changed by their station in steps that happen whole. The six headings are in chat/hall.h. */
#include "engine.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int chat_slot_give(struct chat_hall *hall, uint32_t station, const char *host)
{
    struct chat_shared *shared = hall->shared;
    uint32_t index = 0, used = 1;
    while (index < shared->clients_max && shared->slot[index].state != CHAT_SLOT_FREE)
        index++;
    if (index == shared->clients_max || !chat_lock(hall))
        return -1;
    struct chat_slot *slot = &shared->slot[index];
    struct chat_facts *facts = chat_facts_edit(slot);
    memset(facts, 0, sizeof *facts);
    snprintf(facts->host, sizeof facts->host, "%s", host);
    facts->since = chat_now();
    chat_facts_commit(slot);
    memset(&slot->journal, 0, offsetof(struct chat_slot, input) - offsetof(struct chat_slot, journal));
    slot->last = facts->since;
    slot->station = station == CHAT_OWN_STATION ? index : station;
    slot->serial = ++shared->serial;
    CHAT_STORE(slot->state, CHAT_SLOT_GIVEN);
    for (uint32_t i = 0; i < shared->clients_max; i++)
        used += i != index && shared->slot[i].state != CHAT_SLOT_FREE;
    if (used > shared->clients_most)
        shared->clients_most = used;
    chat_unlock(hall);
    return (int)index;
}

void chat_slot_leave(struct chat_hall *hall, uint32_t index, const char *why)
{
    struct chat_client *client = calloc(1, sizeof *client);
    if (!client)
        return;
    chat_client_make(hall, index, client);
    client->line = CHAT_LAST_LINE;
    if (chat_lock(hall)) {
        chat_quit_locked(client, why);
        struct chat_facts *facts = chat_facts_edit(client->slot);
        memset(facts, 0, sizeof *facts);
        chat_facts_commit(client->slot);
        CHAT_STORE(client->slot->state, CHAT_SLOT_FREE);
        chat_unlock(hall);
    }
    free(client);
}

/* Does what the journal says; doing it twice is as good. */
static void play(struct chat_slot *slot)
{
    uint32_t count = CHAT_LOAD(slot->journal.count);
    for (uint32_t i = 0; i < count && i < CHAT_JOURNAL; i++) {
        uint64_t offset = slot->journal.entry[i].offset;
        if (offset <= sizeof *slot - 8 && offset % 8 == 0)
            CHAT_STORE(*(uint64_t *)(void *)((char *)slot + offset), slot->journal.entry[i].value);
    }
    CHAT_STORE(slot->journal.count, 0);
}

void chat_client_make(struct chat_hall *hall, uint32_t index, struct chat_client *out)
{
    struct chat_slot *slot = &hall->shared->slot[index];
    play(slot);
    memset(out, 0, sizeof *out);
    out->hall = hall;
    out->slot = slot;
    out->index = index;
    out->face = slot->face ? chat_faces[(slot->face - 1) % chat_face_count] : NULL;
    out->now = chat_now();
    chat_rollback(out);
}

void chat_rollback(struct chat_client *client)
{
    client->changes = 0;
    client->out_end = client->slot->out_end;
    memcpy(client->state, client->slot->state_copy[client->slot->which & 1], CHAT_STATE_BYTES);
}

void chat_set(struct chat_client *client, uint64_t *word, uint64_t value)
{
    struct chat_slot *slot = client->slot;
    if (client->changes == CHAT_JOURNAL - 2)
        abort();
    slot->journal.entry[client->changes].offset = (uint64_t)((char *)word - (char *)slot);
    slot->journal.entry[client->changes++].value = value;
}

void chat_commit(struct chat_client *client)
{
    struct chat_slot *slot = client->slot;
    if (client->out_end != slot->out_end)
        chat_set(client, &slot->out_end, client->out_end);
    if (memcmp(client->state, slot->state_copy[slot->which & 1], CHAT_STATE_BYTES) != 0) {
        memcpy(slot->state_copy[~slot->which & 1], client->state, CHAT_STATE_BYTES);
        chat_set(client, &slot->which, slot->which + 1);
    }
    CHAT_STORE(slot->journal.count, client->changes);
    play(slot);
    client->changes = 0;
}

size_t chat_take(struct chat_client *client, const char *bytes, size_t length)
{
    struct chat_slot *slot = client->slot;
    client->line = slot->consumed;
    size_t taken = client->face->take(client, bytes, length);
    chat_set(client, &slot->consumed, slot->consumed + taken);
    chat_commit(client);
    return taken;
}

size_t chat_put_room(const struct chat_client *client)
{
    return (size_t)(client->slot->written + CHAT_OUTPUT - client->out_end);
}

void chat_put(struct chat_client *client, const void *bytes, size_t length)
{
    if (length > chat_put_room(client)) {
        client->overflow = true;
        return;
    }
    size_t at = client->out_end % CHAT_OUTPUT, first = length < CHAT_OUTPUT - at ? length : CHAT_OUTPUT - at;
    memcpy(client->slot->output + at, bytes, first);
    memcpy(client->slot->output, (const char *)bytes + first, length - first);
    client->out_end += length;
}

void chat_printf(struct chat_client *client, const char *format, ...)
{
    char text[4096];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (length > 0)
        chat_put(client, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

void chat_close(struct chat_client *client, const char *reason)
{
    if (!client->closing)
        snprintf(client->reason, sizeof client->reason, "%s", reason);
    client->closing = true;
}
