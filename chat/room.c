/* Coming and going, and what is said. The six headings are in chat/hall.h. */
#include "engine.h"
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

int chat_seat(const struct chat_facts *facts, int room)
{
    for (int i = 0; i < CHAT_SEATS; i++)
        if (facts->seat[i].room == room + 1)
            return i;
    return -1;
}

int chat_sits(const struct chat_facts *facts, int room)
{
    int seat = room < 0 ? -1 : chat_seat(facts, room);
    return seat >= 0 && !(facts->seat[seat].rank & CHAT_GONE) ? seat : -1;
}

uint32_t chat_members(struct chat_hall *hall, int room)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < hall->shared->clients_max; i++)
        if (CHAT_LOAD(hall->shared->slot[i].state) != CHAT_SLOT_FREE)
            count += chat_sits(chat_facts(&hall->shared->slot[i]), room) >= 0;
    return count;
}

bool chat_banned(const struct chat_room_facts *room, const struct chat_facts *facts)
{
    char name[CHAT_NICK_MAX + CHAT_USER_MAX + CHAT_HOST_MAX + 4];
    snprintf(name, sizeof name, "%s!%s@%s", facts->nick, facts->user, facts->host);
    for (uint32_t i = 0; i < room->bans && i < CHAT_BANS; i++)
        if (fnmatch(room->ban[i].mask, name, FNM_NOESCAPE | FNM_CASEFOLD) == 0)
            return true;
    return false;
}

static bool is_room(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= CHAT_ROOM_MAX && name[0] != '.' && chat_text_ok(name, length) &&
           !strpbrk(name, " \t,/:#&");
}

/* The room of that name, made if there is none. -1: there is no place for one more. */
static int find_or_make(struct chat_hall *hall, const char *name)
{
    int index = chat_room_index(hall, name);
    for (int i = 0; index < 0 && i < CHAT_ROOMS; i++) {
        struct chat_room *room = &hall->shared->room[i];
        if (room->used)
            continue;
        for (size_t k = 0; k <= strlen(name); k++)
            room->name[k] = name[k] >= 'A' && name[k] <= 'Z' ? name[k] + ('a' - 'A') : name[k];
        room->since = chat_now();
        chat_room_edit(room)->flags = CHAT_ROOM_NO_OUTSIDE;
        chat_room_commit(room);
        CHAT_STORE(room->used, 1);
        index = i;
    }
    return index;
}

static enum chat_result may_join(struct chat_client *client, int index, const char *key, uint32_t members)
{
    const struct chat_room_facts *room = chat_room_facts(&client->hall->shared->room[index]);
    for (int i = 0; i < CHAT_INVITES; i++)
        if (room->invited[i] == client->slot->serial)
            return CHAT_OK;
    if (members == 0)
        return CHAT_OK;
    if (room->key[0] && (!key || strcmp(key, room->key) != 0))
        return CHAT_KEY_WRONG;
    if (room->flags & CHAT_ROOM_INVITE)
        return CHAT_INVITE_ONLY;
    if (room->limit && members >= room->limit)
        return CHAT_ROOM_FULL;
    return chat_banned(room, chat_facts(client->slot)) ? CHAT_BANNED : CHAT_OK;
}

/* Takes a seat: first where the client begins to read, then the seat, then the others are told. A seat that it had
 * taken for the same line before a death is told now. */
static enum chat_result sit_down(struct chat_client *client, int index, const char *key)
{
    struct chat_slot *slot = client->slot;
    int seat = chat_seat(chat_facts(slot), index);
    struct chat_event event;
    if (seat >= 0 && !(chat_facts(slot)->seat[seat].rank & CHAT_GONE) &&
        (slot->place[seat].live || slot->place[seat].line != client->line + 1))
        return CHAT_ALREADY_IN_ROOM;
    if (chat_sits(chat_facts(slot), index) < 0) {
        uint32_t members = chat_members(client->hall, index);
        enum chat_result result = may_join(client, index, key, members);
        if (result != CHAT_OK)
            return result;
        kin_topic *topic = chat_room_topic(client->hall, (uint32_t)index);
        struct kin_topic_status status;
        if (!topic || kin_topic_status(topic, &status) < 0)
            return CHAT_TROUBLE;
        if (seat < 0) {
            if ((seat = chat_seat(chat_facts(slot), -1)) < 0)
                return CHAT_ROOMS_FULL;
            uint64_t kept = status.published - status.oldest, history = client->hall->settings.history;
            slot->place[seat].next = status.published - (kept < history ? kept : history);
            slot->place[seat].live = 0;
        }
        CHAT_STORE(slot->place[seat].line, client->line + 1);
        struct chat_facts *facts = chat_facts_edit(slot);
        facts->seat[seat] = (struct chat_seat){(uint16_t)(index + 1), members ? 0 : CHAT_OPERATOR};
        chat_facts_commit(slot);
    }
    chat_event_make(client, CHAT_JOIN, client->hall->shared->room[index].name, NULL, NULL, &event);
    return chat_publish(client, index, 0, &event);
}

enum chat_result chat_join(struct chat_client *client, const char *room, const char *key)
{
    enum chat_result result = CHAT_ROOMS_FULL;
    if (!is_room(room))
        return CHAT_ROOM_BAD;
    if (!chat_facts(client->slot)->entered)
        return CHAT_NOT_ENTERED;
    if (!chat_lock(client->hall))
        return CHAT_TROUBLE;
    int index = find_or_make(client->hall, room);
    if (index >= 0)
        result = sit_down(client, index, key);
    chat_unlock(client->hall);
    return result;
}

/* Publishes that someone leaves, then marks the seat: it is freed when its client has been told. Had we died between
 * the two, the telling alone would free it. */
enum chat_result chat_stand_up(struct chat_client *client, uint32_t who, int room, struct chat_event *event)
{
    struct chat_slot *slot = &client->hall->shared->slot[who];
    event->to = slot->serial;
    enum chat_result result = chat_publish(client, room, 0, event);
    if (result != CHAT_OK)
        return result;
    int seat = chat_sits(chat_facts(slot), room);
    if (seat >= 0) {
        chat_facts_edit(slot)->seat[seat].rank |= CHAT_GONE;
        chat_facts_commit(slot);
    }
    return CHAT_OK;
}

enum chat_result chat_part(struct chat_client *client, const char *room, const char *why)
{
    struct chat_event event;
    enum chat_result result = CHAT_NOT_IN_ROOM;
    int index = chat_room_index(client->hall, room);
    if (index < 0)
        return CHAT_NO_ROOM;
    if (why && !chat_text_ok(why, strlen(why)))
        return CHAT_TEXT_BAD;
    if (!chat_lock(client->hall))
        return CHAT_TROUBLE;
    chat_event_make(client, CHAT_PART, client->hall->shared->room[index].name, NULL, why, &event);
    if (chat_sits(chat_facts(client->slot), index) >= 0)
        result = chat_stand_up(client, client->index, index, &event);
    chat_unlock(client->hall);
    return result;
}

static enum chat_result check_text(const char *text)
{
    size_t length = strnlen(text, CHAT_TEXT_MAX + 1);
    return length == 0                  ? CHAT_TEXT_EMPTY
           : length > CHAT_TEXT_MAX     ? CHAT_TEXT_LONG
           : chat_text_ok(text, length) ? CHAT_OK
                                        : CHAT_TEXT_BAD;
}

enum chat_result chat_say(struct chat_client *client, const char *room, enum chat_kind kind, const char *text)
{
    struct chat_event event;
    struct chat_room_facts facts;
    enum chat_result result = check_text(text);
    if (result != CHAT_OK)
        return result;
    const struct chat_facts *me = chat_facts(client->slot);
    int index = chat_room_index(client->hall, room);
    if (!me->entered)
        return CHAT_NOT_ENTERED;
    if (index < 0)
        return CHAT_NO_ROOM;
    chat_room_read(&client->hall->shared->room[index], &facts);
    int seat = chat_sits(me, index);
    if (seat < 0 && facts.flags & CHAT_ROOM_NO_OUTSIDE)
        return CHAT_NOT_IN_ROOM;
    if ((seat < 0 || !(me->seat[seat].rank & (CHAT_OPERATOR | CHAT_VOICE))) &&
        (facts.flags & CHAT_ROOM_MODERATED || (facts.bans && chat_banned(&facts, me))))
        return CHAT_CANNOT_SAY;
    chat_event_make(client, kind, client->hall->shared->room[index].name, NULL, text, &event);
    return chat_publish(client, index, 0, &event);
}

enum chat_result chat_say_to(struct chat_client *client, const char *nick, enum chat_kind kind, const char *text)
{
    struct chat_event event;
    enum chat_result result = check_text(text);
    if (result != CHAT_OK)
        return result;
    if (!chat_facts(client->slot)->entered)
        return CHAT_NOT_ENTERED;
    if (!chat_lock(client->hall))
        return CHAT_TROUBLE;
    int to = chat_nick_index(client->hall, nick);
    result = CHAT_NO_NICK;
    if (to >= 0 && chat_facts(&client->hall->shared->slot[to])->entered) {
        chat_event_make(client, kind, NULL, chat_facts(&client->hall->shared->slot[to])->nick, text, &event);
        result = chat_publish(client, -1, (uint32_t)to, &event);
    }
    chat_unlock(client->hall);
    return result;
}
