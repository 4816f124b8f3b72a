/* face.h - a face is one way to speak to the chat: plain lines, IRC, the web.
 *
 * A face is a table of functions without state of its own. What it must remember of a client is in client->state, a
 * fixed struct of at most CHAT_STATE_BYTES, zero at the begin. The station commits it together with what `take` has
 * consumed and put out, in one step: when a worker is killed, another goes on with the same bytes and the same state,
 * in the middle of a line or a frame. So `take` may run again for the same bytes, and all that it does goes through
 * client->state, chat_put() and the calls of room.h, which know what they have done already.
 *
 * A face reads no socket, no clock and no option: it can be run by a fuzzer on a hall of its own. */
#ifndef CHAT_FACE_H
#define CHAT_FACE_H

#include "event.h"
#include "hall.h"
#include <stdbool.h>

enum { CHAT_TAKE_MAX = 8192, CHAT_REPLY_MAX = 16384 };

enum chat_match { CHAT_MATCH_NO, CHAT_MATCH_MORE, CHAT_MATCH_YES };

/* A client, as its station knows it. Private to the process; a fuzzer makes one by chat_client_make() (slot.h). */
struct chat_client {
    struct chat_hall *hall;
    struct chat_slot *slot; /* in shared memory */
    uint32_t index;         /* of the slot */
    const struct chat_face *face;
    uint64_t line;                  /* where the bytes that `take` has now stand in all that came */
    int64_t now;                    /* CLOCK_REALTIME, ns, when this turn began */
    uint64_t out_end;               /* output appended so far, not yet committed */
    uint32_t changes;               /* noted by chat_set(), not yet committed */
    bool closing;                   /* chat_close(): when all is written the connection is closed */
    bool overflow;                  /* something did not fit into the output: the client is cut off */
    char reason[CHAT_TEXT_MAX + 1]; /* why it is closing; others are told so as it quits */
    _Alignas(16) unsigned char state[CHAT_STATE_BYTES]; /* the face's */
};

struct chat_face {
    const char *name; /* "lines", "irc", "web" */

    /* Is that how a client of this face begins? MORE: cannot be told yet. Length is at least 1. */
    enum chat_match (*recognise)(const char *bytes, size_t length);

    /* Once, before the first take: a greeting. May be NULL. */
    void (*greet)(struct chat_client *client);

    /* Takes one command (line, frame, request) from the front of what has come, and returns how many bytes of it are
     * done with; 0: it needs more. There are CHAT_TAKE_MAX bytes at most: with that many, 0 cuts the client off. It is
     * called again with the rest. Output has room for CHAT_REPLY_MAX bytes at least. A part of a long command may be
     * taken into `state`. */
    size_t (*take)(struct chat_client *client, const char *bytes, size_t length);

    /* Puts out an event that this client is to be told: of rooms it is in, or for itself. CHAT_REPLY_MAX likewise. */
    void (*tell)(struct chat_client *client, const struct chat_told *told);

    /* Asks whether the client is still there (IRC: PING, web: ping frame); NULL: the face has no such question. Any
     * bytes that come are an answer. */
    void (*ping)(struct chat_client *client);

    /* Says good-bye, before the server closes the connection: reason. May be NULL. */
    void (*close)(struct chat_client *client, const char *reason);

    /* More output that waits for room (a long listing, a page): called when there are CHAT_REPLY_MAX bytes of room,
     * after each take, until it returns false: nothing waits. While something waits, nothing is taken and nothing told.
     * May be NULL. */
    bool (*more)(struct chat_client *client);
};

extern const struct chat_face chat_irc, chat_lines;
/* All, in the order in which they are asked (faces.c); the last one is taken for who says nothing. */
extern const struct chat_face *const chat_faces[];
extern const unsigned chat_face_count;

/* Appends to the client's output; what does not fit sets client->overflow. */
void chat_put(struct chat_client *client, const void *bytes, size_t length);
void chat_printf(struct chat_client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* How many bytes fit now. */
size_t chat_put_room(const struct chat_client *client);

/* The connection is closed when all that was put out is written. The others are told this reason. */
void chat_close(struct chat_client *client, const char *reason);

#endif
