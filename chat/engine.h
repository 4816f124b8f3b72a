/* engine.h - what the files of the engine share. */
#ifndef CHAT_ENGINE_H
#define CHAT_ENGINE_H

#include "room.h"
#include "slot.h"

#define CHAT_OWN_STATION UINT32_MAX     /* the station has the slot's number */
#define CHAT_LAST_LINE (UINT64_MAX - 1) /* of the leaving, which no line asked for */

int64_t chat_now(void); /* CLOCK_REALTIME, ns */

/* The following are called with the hall's lock held. */

/* The slot that has this nick, in any case; -1. */
int chat_nick_index(struct chat_hall *hall, const char *nick);
/* The client's seat in the room, whatever its rank; -1. */
int chat_seat(const struct chat_facts *facts, int room);
/* The same, if it is still in it. */
int chat_sits(const struct chat_facts *facts, int room);
uint32_t chat_members(struct chat_hall *hall, int room);
bool chat_banned(const struct chat_room_facts *room, const struct chat_facts *facts);

/* An event of this client, to be filled further. */
void chat_event_make(struct chat_client *client, enum chat_kind kind, const char *room, const char *target,
                     const char *text, struct chat_event *out);
/* Publishes it, unless this line has done so before: then it is found from the note on. With room -1 into the inbox of
 * the slot `to`. The lock need not be held. */
enum chat_result chat_publish(struct chat_client *client, int room, uint32_t to, struct chat_event *event);

enum chat_result chat_stand_up(struct chat_client *client, uint32_t who, int room, struct chat_event *event);

void chat_quit_locked(struct chat_client *client, const char *why);

#endif
