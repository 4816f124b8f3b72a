/* room.h - what a client can do: the engine behind all faces.
 *
 * Each call does one thing whole, or says why not. Done again for the same command (client->line), after a worker was
 * killed in its middle, it does what was left to do and says the same. Everybody in the room is told by an event, the
 * client itself too (CHAT_TOLD_OWN). Room names come without '#', in any case; they are folded to lower case. */
#ifndef CHAT_ROOM_H
#define CHAT_ROOM_H

#include "face.h"

enum chat_result {
    CHAT_OK = 0,
    CHAT_NICK_BAD, /* not a nick: letters, digits, -_[]\`^{}| and bytes of UTF-8; no digit or '-' first */
    CHAT_NICK_TAKEN,
    CHAT_NO_NICK,     /* nobody has that nick */
    CHAT_ROOM_BAD,    /* not a room's name */
    CHAT_NO_ROOM,     /* there is none */
    CHAT_NOT_IN_ROOM, /* the client is not in it */
    CHAT_TARGET_NOT_IN_ROOM,
    CHAT_ALREADY_IN_ROOM,
    CHAT_ROOMS_FULL, /* the client is in CHAT_SEATS rooms, or the hall has no place for another room */
    CHAT_BANNED,
    CHAT_INVITE_ONLY,
    CHAT_KEY_WRONG,
    CHAT_ROOM_FULL,  /* +l */
    CHAT_CANNOT_SAY, /* +n and not in it, +m without voice, or banned */
    CHAT_NOT_OPERATOR,
    CHAT_MODE_UNKNOWN,
    CHAT_LIST_FULL, /* of bans */
    CHAT_TEXT_BAD,  /* not UTF-8, or control characters */
    CHAT_TEXT_LONG,
    CHAT_TEXT_EMPTY,
    CHAT_NOT_ENTERED, /* nick (and user, in IRC) come first */
    CHAT_TROUBLE      /* the machine: kin_reason() says what */
};
/* "that nick is taken" ...: a sentence's middle, for faces without words of their own. */
const char *chat_result_text(enum chat_result result);

enum chat_result chat_nick(struct chat_client *client, const char *nick);
/* Before entering. Too long is cut. */
enum chat_result chat_user(struct chat_client *client, const char *user, const char *real);
/* From now on others see it; chat_nick must have succeeded. */
enum chat_result chat_enter(struct chat_client *client);

/* key may be NULL. Who comes into an empty room is its operator. Then the client is told the room's last events
 * (CHAT_TOLD_HISTORY), and its own CHAT_JOIN. */
enum chat_result chat_join(struct chat_client *client, const char *room, const char *key);
enum chat_result chat_part(struct chat_client *client, const char *room, const char *why);
/* kind: CHAT_SAID, CHAT_NOTICE or CHAT_ACTION */
enum chat_result chat_say(struct chat_client *client, const char *room, enum chat_kind kind, const char *text);
enum chat_result chat_say_to(struct chat_client *client, const char *nick, enum chat_kind kind, const char *text);
enum chat_result chat_topic(struct chat_client *client, const char *room, const char *text);
enum chat_result chat_kick(struct chat_client *client, const char *room, const char *nick, const char *why);
enum chat_result chat_invite(struct chat_client *client, const char *room, const char *nick);
/* mode: one of "imnt" (argument NULL), "ov" (a nick), "k" (key), "l" (a number), "b" (a mask). */
enum chat_result chat_mode(struct chat_client *client, const char *room, char mode, bool on, const char *argument);
/* text NULL: back */
enum chat_result chat_away(struct chat_client *client, const char *text);

/* What a face may ask. Each is a copy. */
struct chat_person {
    uint32_t index;
    uint64_t serial;
    char nick[CHAT_NICK_MAX + 1], user[CHAT_USER_MAX + 1], host[CHAT_HOST_MAX + 1], real[CHAT_REAL_MAX + 1];
    char away[CHAT_TEXT_MAX + 1]; /* empty: here */
    char face[8];
    bool operator, voice; /* in the room that was asked for */
    int64_t since, last;  /* CLOCK_REALTIME, ns: came, and last did something */
};
enum chat_room_flag { CHAT_ROOM_INVITE = 1, CHAT_ROOM_MODERATED = 2, CHAT_ROOM_NO_OUTSIDE = 4, CHAT_ROOM_TOPIC = 8 };
struct chat_room_view {
    char name[CHAT_ROOM_MAX + 1];
    char topic[CHAT_TEXT_MAX + 1], topic_by[CHAT_NICK_MAX + 1];
    int64_t topic_when, since;
    uint32_t flags; /* enum chat_room_flag: +i +m +n +t */
    uint32_t limit; /* 0: none */
    char key[CHAT_KEY_MAX + 1];
    uint32_t members;
};

enum chat_result chat_person_find(struct chat_hall *hall, const char *nick, struct chat_person *out);
enum chat_result chat_room_find(struct chat_hall *hall, const char *room, struct chat_room_view *out);
/* Whether the client is in it, and as what; out may be NULL. */
bool chat_in_room(struct chat_client *client, const char *room, struct chat_person *out);
/* Each calls visit until it returns other than 0. No lock is held meanwhile. */
void chat_each_room(struct chat_hall *hall, int (*visit)(void *context, const struct chat_room_view *room),
                    void *context);
/* With room NULL: everybody who has entered. */
void chat_each_member(struct chat_hall *hall, const char *room,
                      int (*visit)(void *context, const struct chat_person *person), void *context);
void chat_each_ban(struct chat_hall *hall, const char *room,
                   int (*visit)(void *context, const char *mask, const char *by, int64_t when), void *context);

struct chat_counts {
    uint32_t clients, clients_most, clients_max, rooms, stations;
};
void chat_count(struct chat_hall *hall, struct chat_counts *out);

#endif
