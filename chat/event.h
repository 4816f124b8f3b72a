/* event.h - what happens in the chat, as it stands in a room's kin topic or in a station's inbox.
 *
 * An event says by itself who did it (nick, user, host as they were then), so that history needs nobody to look up. Its
 * origin {slot, serial, line} is unique: `serial` names one connection, `line` the place of the command in what that
 * connection has sent. Whoever takes over a dead station finds by it whether a command had its effect. */
#ifndef CHAT_EVENT_H
#define CHAT_EVENT_H

#include <stddef.h>
#include <stdint.h>

enum chat_limit {
    CHAT_NICK_MAX = 31, /* bytes, without the final NUL; so are the others */
    CHAT_USER_MAX = 15,
    CHAT_HOST_MAX = 47,
    CHAT_REAL_MAX = 63,
    CHAT_ROOM_MAX = 47,
    CHAT_KEY_MAX = 23,
    CHAT_TEXT_MAX = 512,
    CHAT_MASK_MAX = 95, /* nick!user@host, of a ban */
    CHAT_SEATS = 16,    /* rooms that one client is in */
    CHAT_BANS = 16,     /* of a room */
    CHAT_INVITES = 16   /* of a room, the oldest gives way */
};

enum chat_kind {
    CHAT_SAID = 1, /* text */
    CHAT_NOTICE,   /* text: nobody answers it by itself */
    CHAT_ACTION,   /* text: what nick does, "/me" */
    CHAT_JOIN,
    CHAT_PART,  /* text: why, may be empty */
    CHAT_QUIT,  /* text: why. Each room that nick was in has one; a client is told once */
    CHAT_NICK,  /* target: the new nick. Likewise */
    CHAT_TOPIC, /* text: the new topic, may be empty */
    CHAT_MODE,  /* text: "+o", "-b", "+k" ...; target: the nick, mask, key or limit, may be empty */
    CHAT_KICK,  /* target: who was put out; text: why */
    CHAT_INVITE /* to the target's inbox: room */
};

/* In shared memory, and read back by others: the layout is fixed, and of the text only what was said is published. */
struct chat_event {
    uint32_t kind;              /* enum chat_kind */
    uint32_t slot;              /* who did it */
    uint64_t serial;            /* of that connection */
    uint64_t line;              /* of the command in it */
    uint64_t to;                /* inbox: the serial of the connection that it is for; else 0 */
    uint32_t to_slot;           /* with it */
    uint32_t length;            /* of the text */
    uint16_t rooms[CHAT_SEATS]; /* CHAT_QUIT, CHAT_NICK: all rooms that have it, one more than their index; 0: none */
    char nick[CHAT_NICK_MAX + 1], user[CHAT_USER_MAX + 1], host[CHAT_HOST_MAX + 1];
    char room[CHAT_ROOM_MAX + 1]; /* without '#'; empty: a private message */
    char target[CHAT_MASK_MAX + 1];
    char text[CHAT_TEXT_MAX + 1]; /* valid UTF-8 without control characters, NUL at its end */
};
#define CHAT_EVENT_BYTES(event) (offsetof(struct chat_event, text) + (event)->length + 1)

/* An event on its way to one client. */
struct chat_told {
    const struct chat_event *event;
    int64_t time;      /* CLOCK_REALTIME, ns */
    uint64_t position; /* in its room */
    uint64_t missed;   /* messages right before it that this client was too slow for */
    unsigned flags;    /* enum chat_told_flag */
};
enum chat_told_flag {
    CHAT_TOLD_HISTORY = 1, /* it happened before this client came in */
    CHAT_TOLD_OWN = 2      /* this connection did it itself */
};

/* Checks bytes that were read back: 0, or -EBADMSG. Everything that a face relies on holds then. */
int chat_event_check(const void *bytes, size_t length);

/* Whether these bytes are UTF-8 without control characters (but tab), as texts must be. */
int chat_text_ok(const char *bytes, size_t length);

#endif
