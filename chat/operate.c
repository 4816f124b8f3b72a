/* What operators do in a room. The six headings are in chat/hall.h. */
#include "engine.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Finds the room, takes the lock, and looks whether the client sits there, as an operator. On CHAT_OK the lock is
 * held. */
static enum chat_result begin(struct chat_client *client, const char *room, bool operator, int * index)
{
    *index = chat_room_index(client->hall, room);
    if (*index < 0)
        return CHAT_NO_ROOM;
    if (!chat_lock(client->hall))
        return CHAT_TROUBLE;
    const struct chat_facts *facts = chat_facts(client->slot);
    int seat = chat_sits(facts, *index);
    enum chat_result result = seat < 0                                            ? CHAT_NOT_IN_ROOM :
                              operator&& !(facts->seat[seat].rank &CHAT_OPERATOR) ? CHAT_NOT_OPERATOR
                                                                                  : CHAT_OK;
    if (result != CHAT_OK)
        chat_unlock(client->hall);
    return result;
}

static struct chat_room *room_at(struct chat_client *client, int index)
{
    return &client->hall->shared->room[index];
}

enum chat_result chat_topic(struct chat_client *client, const char *room, const char *text)
{
    struct chat_event event;
    int index;
    if (strlen(text) > CHAT_TEXT_MAX)
        return CHAT_TEXT_LONG;
    if (!chat_text_ok(text, strlen(text)))
        return CHAT_TEXT_BAD;
    enum chat_result result = begin(client, room, false, &index);
    if (result != CHAT_OK)
        return result;
    const struct chat_facts *me = chat_facts(client->slot);
    if (chat_room_facts(room_at(client, index))->flags & CHAT_ROOM_TOPIC &&
        !(me->seat[chat_sits(me, index)].rank & CHAT_OPERATOR))
        result = CHAT_NOT_OPERATOR;
    if (result == CHAT_OK) {
        struct chat_room_facts *facts = chat_room_edit(room_at(client, index));
        snprintf(facts->topic, sizeof facts->topic, "%s", text);
        snprintf(facts->topic_by, sizeof facts->topic_by, "%s", me->nick);
        facts->topic_when = chat_now();
        chat_room_commit(room_at(client, index));
        chat_event_make(client, CHAT_TOPIC, room_at(client, index)->name, NULL, text, &event);
        result = chat_publish(client, index, 0, &event);
    }
    chat_unlock(client->hall);
    return result;
}

/* The slot of that nick, if it sits in the room; -1 with the reason. */
static int member(struct chat_client *client, int room, const char *nick, enum chat_result *why)
{
    int who = chat_nick_index(client->hall, nick);
    if (who < 0)
        *why = CHAT_NO_NICK;
    else if (chat_sits(chat_facts(&client->hall->shared->slot[who]), room) < 0) {
        *why = CHAT_TARGET_NOT_IN_ROOM;
        who = -1;
    }
    return who;
}

enum chat_result chat_kick(struct chat_client *client, const char *room, const char *nick, const char *why)
{
    struct chat_event event;
    int index;
    if (why && !chat_text_ok(why, strlen(why)))
        return CHAT_TEXT_BAD;
    enum chat_result result = begin(client, room, true, &index);
    if (result != CHAT_OK)
        return result;
    int who = member(client, index, nick, &result);
    if (who >= 0) {
        chat_event_make(client, CHAT_KICK, room_at(client, index)->name,
                        chat_facts(&client->hall->shared->slot[who])->nick, why, &event);
        result = chat_stand_up(client, (uint32_t)who, index, &event);
    }
    chat_unlock(client->hall);
    return result;
}

enum chat_result chat_invite(struct chat_client *client, const char *room, const char *nick)
{
    struct chat_event event;
    int index, who;
    enum chat_result result = begin(client, room, false, &index);
    if (result != CHAT_OK)
        return result;
    const struct chat_facts *me = chat_facts(client->slot);
    if (chat_room_facts(room_at(client, index))->flags & CHAT_ROOM_INVITE &&
        !(me->seat[chat_sits(me, index)].rank & CHAT_OPERATOR))
        result = CHAT_NOT_OPERATOR;
    else if ((who = chat_nick_index(client->hall, nick)) < 0)
        result = CHAT_NO_NICK;
    else if (chat_sits(chat_facts(&client->hall->shared->slot[who]), index) >= 0)
        result = CHAT_ALREADY_IN_ROOM;
    else {
        struct chat_room_facts *facts = chat_room_edit(room_at(client, index));
        facts->invited[facts->next_invite++ % CHAT_INVITES] = client->hall->shared->slot[who].serial;
        chat_room_commit(room_at(client, index));
        chat_event_make(client, CHAT_INVITE, room_at(client, index)->name, nick, NULL, &event);
        result = chat_publish(client, -1, (uint32_t)who, &event);
    }
    chat_unlock(client->hall);
    return result;
}

static uint32_t flag_of(char mode)
{
    return mode == 'i'   ? CHAT_ROOM_INVITE
           : mode == 'm' ? CHAT_ROOM_MODERATED
           : mode == 'n' ? CHAT_ROOM_NO_OUTSIDE
           : mode == 't' ? CHAT_ROOM_TOPIC
                         : 0;
}

static enum chat_result set_ban(struct chat_client *client, struct chat_room_facts *facts, bool on, const char *mask)
{
    uint32_t at = 0;
    while (at < facts->bans && strcasecmp(facts->ban[at].mask, mask) != 0)
        at++;
    if (on && at == CHAT_BANS)
        return CHAT_LIST_FULL;
    if (on && at == facts->bans) {
        struct chat_ban *ban = &facts->ban[facts->bans++];
        snprintf(ban->mask, sizeof ban->mask, "%s", mask);
        snprintf(ban->by, sizeof ban->by, "%s", chat_facts(client->slot)->nick);
        ban->when = chat_now();
    } else if (!on && at < facts->bans)
        facts->ban[at] = facts->ban[--facts->bans];
    return CHAT_OK;
}

/* A mode of the room itself: into its other copy. */
static enum chat_result set_room(struct chat_client *client, struct chat_room_facts *facts, char mode, bool on,
                                 const char *argument)
{
    uint32_t flag = flag_of(mode);
    if (flag)
        facts->flags = on ? facts->flags | flag : facts->flags & ~flag;
    else if (mode == 'k')
        snprintf(facts->key, sizeof facts->key, "%s", on ? argument : "");
    else if (mode == 'l')
        facts->limit = on ? (uint32_t)strtoul(argument, NULL, 10) : 0;
    else if (mode == 'b')
        return set_ban(client, facts, on, argument);
    else
        return CHAT_MODE_UNKNOWN;
    return CHAT_OK;
}

static void set_rank(struct chat_slot *slot, int room, char mode, bool on)
{
    struct chat_facts *facts = chat_facts_edit(slot);
    uint16_t bit = mode == 'o' ? CHAT_OPERATOR : CHAT_VOICE;
    struct chat_seat *seat = &facts->seat[chat_sits(facts, room)];
    seat->rank = (uint16_t)(on ? seat->rank | bit : seat->rank & ~bit);
    chat_facts_commit(slot);
}

enum chat_result chat_mode(struct chat_client *client, const char *room, char mode, bool on, const char *argument)
{
    struct chat_event event;
    int index;
    bool needs = mode && (strchr("ovb", mode) || (on && strchr("kl", mode)));
    if (needs &&
        (!argument || !argument[0] || strlen(argument) > CHAT_MASK_MAX || !chat_text_ok(argument, strlen(argument))))
        return CHAT_TEXT_BAD;
    enum chat_result result = begin(client, room, true, &index);
    if (result != CHAT_OK)
        return result;
    if (mode == 'o' || mode == 'v') {
        int who = member(client, index, argument, &result);
        if (who >= 0) {
            argument = chat_facts(&client->hall->shared->slot[who])->nick;
            set_rank(&client->hall->shared->slot[who], index, mode, on);
        }
    } else if ((result = set_room(client, chat_room_edit(room_at(client, index)), mode, on, argument)) == CHAT_OK)
        chat_room_commit(room_at(client, index));
    if (result == CHAT_OK) {
        chat_event_make(client, CHAT_MODE, room_at(client, index)->name, argument,
                        (const char[]){on ? '+' : '-', mode, 0}, &event);
        result = chat_publish(client, index, 0, &event);
    }
    chat_unlock(client->hall);
    return result;
}
