/* Who is who: nicks, and what a client says of itself. The six headings are in chat/hall.h. */
#include "engine.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_nick(const char *nick)
{
    size_t length = strlen(nick);
    if (length == 0 || length > CHAT_NICK_MAX || strchr("-0123456789", nick[0]) || !chat_text_ok(nick, length))
        return false;
    for (const char *at = nick; *at; at++)
        if ((unsigned char)*at < 0x80 && !strchr("-_[]\\`^{}|", *at) && !(*at >= '0' && *at <= '9') &&
            !((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z'))
            return false;
    return true;
}

int chat_nick_index(struct chat_hall *hall, const char *nick)
{
    for (uint32_t i = 0; i < hall->shared->clients_max; i++) {
        const struct chat_slot *slot = &hall->shared->slot[i];
        if (CHAT_LOAD(slot->state) != CHAT_SLOT_FREE && strcasecmp(chat_facts(slot)->nick, nick) == 0)
            return (int)i;
    }
    return -1;
}

/* Tells all rooms of the client. Each event lists them all, so that who is in several is told once. */
static enum chat_result tell_rooms(struct chat_client *client, struct chat_event *event)
{
    const struct chat_facts *facts = chat_facts(client->slot);
    enum chat_result result = CHAT_OK;
    for (int i = 0; i < CHAT_SEATS; i++)
        event->rooms[i] = facts->seat[i].rank & CHAT_GONE ? 0 : facts->seat[i].room;
    for (int i = 0; i < CHAT_SEATS && result == CHAT_OK; i++)
        if (event->rooms[i])
            result = chat_publish(client, event->rooms[i] - 1, 0, event);
    return result;
}

enum chat_result chat_nick(struct chat_client *client, const char *nick)
{
    struct chat_event event;
    enum chat_result result = CHAT_OK;
    if (!is_nick(nick))
        return CHAT_NICK_BAD;
    if (!chat_lock(client->hall))
        return CHAT_TROUBLE;
    int holder = chat_nick_index(client->hall, nick);
    if (holder >= 0 && holder != (int)client->index)
        result = CHAT_NICK_TAKEN;
    else if (strcmp(chat_facts(client->slot)->nick, nick) != 0) {
        /* Told first: the event has the old nick in it. */
        chat_event_make(client, CHAT_NICK, NULL, nick, NULL, &event);
        if (chat_facts(client->slot)->entered)
            result = tell_rooms(client, &event);
        struct chat_facts *facts = chat_facts_edit(client->slot);
        memset(facts->nick, 0, sizeof facts->nick);
        memcpy(facts->nick, nick, strlen(nick));
        chat_facts_commit(client->slot);
    }
    chat_unlock(client->hall);
    return result;
}

enum chat_result chat_user(struct chat_client *client, const char *user, const char *real)
{
    if (!chat_lock(client->hall))
        return CHAT_TROUBLE;
    struct chat_facts *facts = chat_facts_edit(client->slot);
    snprintf(facts->user, sizeof facts->user, "%s", user);
    snprintf(facts->real, sizeof facts->real, "%s", real);
    chat_facts_commit(client->slot);
    chat_unlock(client->hall);
    return CHAT_OK;
}

enum chat_result chat_enter(struct chat_client *client)
{
    if (!chat_facts(client->slot)->nick[0])
        return CHAT_NOT_ENTERED;
    if (!chat_lock(client->hall))
        return CHAT_TROUBLE;
    struct chat_facts *facts = chat_facts_edit(client->slot);
    facts->entered = 1;
    snprintf(facts->face, sizeof facts->face, "%s", client->face ? client->face->name : "");
    if (!facts->user[0])
        snprintf(facts->user, sizeof facts->user, "%s", facts->face);
    chat_facts_commit(client->slot);
    chat_unlock(client->hall);
    return CHAT_OK;
}

enum chat_result chat_away(struct chat_client *client, const char *text)
{
    if (text && strlen(text) > CHAT_TEXT_MAX)
        return CHAT_TEXT_LONG;
    if (text && !chat_text_ok(text, strlen(text)))
        return CHAT_TEXT_BAD;
    if (!chat_lock(client->hall))
        return CHAT_TROUBLE;
    struct chat_facts *facts = chat_facts_edit(client->slot);
    snprintf(facts->away, sizeof facts->away, "%s", text ? text : "");
    chat_facts_commit(client->slot);
    chat_unlock(client->hall);
    return CHAT_OK;
}

void chat_quit_locked(struct chat_client *client, const char *why)
{
    struct chat_event event;
    chat_event_make(client, CHAT_QUIT, NULL, NULL, why, &event);
    tell_rooms(client, &event);
}
