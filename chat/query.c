/* What a face may ask. Copies; no lock is held while somebody looks at them. */
#include "engine.h"
#include <stdio.h>
#include <string.h>

static const char *const texts[] = {
    [CHAT_OK] = "done",
    [CHAT_NICK_BAD] = "a nick has 1 to 31 letters, digits or -_[]\\`^{}|, and begins with no digit",
    [CHAT_NICK_TAKEN] = "that nick is taken",
    [CHAT_NO_NICK] = "nobody has that nick",
    [CHAT_ROOM_BAD] = "a room's name has 1 to 47 bytes without space, comma, '/', ':', '#' and '&'",
    [CHAT_NO_ROOM] = "there is no such room",
    [CHAT_NOT_IN_ROOM] = "you are not in that room",
    [CHAT_TARGET_NOT_IN_ROOM] = "they are not in that room",
    [CHAT_ALREADY_IN_ROOM] = "already in that room",
    [CHAT_ROOMS_FULL] = "no more rooms can be joined",
    [CHAT_BANNED] = "you are banned from that room",
    [CHAT_INVITE_ONLY] = "that room is for the invited only",
    [CHAT_KEY_WRONG] = "that room has another key",
    [CHAT_ROOM_FULL] = "that room is full",
    [CHAT_CANNOT_SAY] = "you may not speak in that room",
    [CHAT_NOT_OPERATOR] = "only an operator of the room may do that",
    [CHAT_MODE_UNKNOWN] = "there is no such mode",
    [CHAT_LIST_FULL] = "the list of bans is full",
    [CHAT_TEXT_BAD] = "the text is not UTF-8, or has control characters",
    [CHAT_TEXT_LONG] = "the text is longer than 512 bytes",
    [CHAT_TEXT_EMPTY] = "there is no text",
    [CHAT_NOT_ENTERED] = "choose a nick first",
    [CHAT_TROUBLE] = "the server is in trouble",
};

const char *chat_result_text(enum chat_result result)
{
    return texts[result];
}

static void person_of(const struct chat_slot *slot, uint32_t index, const struct chat_facts *facts, int room,
                      struct chat_person *out)
{
    int seat = chat_sits(facts, room);
    uint16_t rank = seat >= 0 ? facts->seat[seat].rank : 0;
    memset(out, 0, sizeof *out);
    out->index = index;
    out->serial = slot->serial;
    out->operator=(rank & CHAT_OPERATOR) != 0;
    out->voice = (rank & CHAT_VOICE) != 0;
    out->since = facts->since;
    out->last = slot->last;
    memcpy(out->nick, facts->nick, sizeof out->nick);
    memcpy(out->user, facts->user, sizeof out->user);
    memcpy(out->host, facts->host, sizeof out->host);
    memcpy(out->real, facts->real, sizeof out->real);
    memcpy(out->away, facts->away, sizeof out->away);
    memcpy(out->face, facts->face, sizeof out->face);
}

enum chat_result chat_person_find(struct chat_hall *hall, const char *nick, struct chat_person *out)
{
    struct chat_facts facts;
    int index = chat_nick_index(hall, nick);
    if (index < 0)
        return CHAT_NO_NICK;
    chat_facts_read(&hall->shared->slot[index], &facts);
    if (!facts.entered)
        return CHAT_NO_NICK;
    person_of(&hall->shared->slot[index], (uint32_t)index, &facts, -1, out);
    return CHAT_OK;
}

static void view_of(struct chat_hall *hall, int index, struct chat_room_view *out)
{
    struct chat_room_facts facts;
    const struct chat_room *room = &hall->shared->room[index];
    chat_room_read(room, &facts);
    memset(out, 0, sizeof *out);
    memcpy(out->name, room->name, sizeof out->name);
    memcpy(out->topic, facts.topic, sizeof out->topic);
    memcpy(out->topic_by, facts.topic_by, sizeof out->topic_by);
    memcpy(out->key, facts.key, sizeof out->key);
    out->topic_when = facts.topic_when;
    out->since = room->since;
    out->flags = facts.flags;
    out->limit = facts.limit;
    out->members = chat_members(hall, index);
}

enum chat_result chat_room_find(struct chat_hall *hall, const char *room, struct chat_room_view *out)
{
    int index = chat_room_index(hall, room);
    if (index < 0)
        return CHAT_NO_ROOM;
    view_of(hall, index, out);
    return CHAT_OK;
}

bool chat_in_room(struct chat_client *client, const char *room, struct chat_person *out)
{
    struct chat_facts facts;
    int index = chat_room_index(client->hall, room);
    chat_facts_read(client->slot, &facts);
    if (chat_sits(&facts, index) < 0)
        return false;
    if (out)
        person_of(client->slot, client->index, &facts, index, out);
    return true;
}

void chat_each_room(struct chat_hall *hall, int (*visit)(void *context, const struct chat_room_view *room),
                    void *context)
{
    struct chat_room_view view;
    for (int i = 0; i < CHAT_ROOMS && CHAT_LOAD(hall->shared->room[i].used); i++) {
        view_of(hall, i, &view);
        if (visit(context, &view))
            return;
    }
}

void chat_each_member(struct chat_hall *hall, const char *room,
                      int (*visit)(void *context, const struct chat_person *person), void *context)
{
    struct chat_facts facts;
    struct chat_person person;
    int index = room ? chat_room_index(hall, room) : -1;
    if (room && index < 0)
        return;
    for (uint32_t i = 0; i < hall->shared->clients_max; i++) {
        const struct chat_slot *slot = &hall->shared->slot[i];
        if (CHAT_LOAD(slot->state) == CHAT_SLOT_FREE || (room && chat_sits(chat_facts(slot), index) < 0))
            continue;
        chat_facts_read(slot, &facts);
        if (!facts.entered || (room && chat_sits(&facts, index) < 0))
            continue;
        person_of(slot, i, &facts, index, &person);
        if (visit(context, &person))
            return;
    }
}

void chat_each_ban(struct chat_hall *hall, const char *room,
                   int (*visit)(void *context, const char *mask, const char *by, int64_t when), void *context)
{
    struct chat_room_facts facts;
    int index = chat_room_index(hall, room);
    if (index < 0)
        return;
    chat_room_read(&hall->shared->room[index], &facts);
    for (uint32_t i = 0; i < facts.bans && i < CHAT_BANS; i++)
        if (visit(context, facts.ban[i].mask, facts.ban[i].by, facts.ban[i].when))
            return;
}

void chat_count(struct chat_hall *hall, struct chat_counts *out)
{
    const struct chat_shared *shared = hall->shared;
    memset(out, 0, sizeof *out);
    out->clients_max = shared->clients_max;
    out->clients_most = shared->clients_most;
    for (uint32_t i = 0; i < shared->clients_max; i++)
        out->clients += CHAT_LOAD(shared->slot[i].state) != CHAT_SLOT_FREE;
    while (out->rooms < CHAT_ROOMS && CHAT_LOAD(shared->room[out->rooms].used))
        out->rooms++;
    out->stations = hall->settings.workers ? hall->settings.workers : out->clients;
}
