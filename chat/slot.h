/* slot.h - a client's slot, as the station that serves it uses it. */
#ifndef CHAT_SLOT_H
#define CHAT_SLOT_H

#include "face.h"

/* The keeper: gives a free slot to a connection. -1: all are in use. */
int chat_slot_give(struct chat_hall *hall, uint32_t station, const char *host);
/* Leaves all rooms, frees the nick and the slot. Done again after a death it goes on where that left off. */
void chat_slot_leave(struct chat_hall *hall, uint32_t index, const char *why);

/* A client for the slot: finishes what the journal says, and takes up the face and its state as they stand. */
void chat_client_make(struct chat_hall *hall, uint32_t index, struct chat_client *out);

/* Changes of 64-bit words of the slot that happen together: note each, then commit. The output so far and the face's
 * state are committed with them. */
void chat_set(struct chat_client *client, uint64_t *word, uint64_t value);
void chat_commit(struct chat_client *client);
/* Forgets what was noted and put out since the last commit. */
void chat_rollback(struct chat_client *client);

/* One take of the face from these bytes, committed; returns what it consumed. */
size_t chat_take(struct chat_client *client, const char *bytes, size_t length);

#endif
