/* irc.h - what the files of the IRC face share: RFC 2812, and of Modern IRC message-tags, server-time, echo-message and
 * multi-prefix. */
#ifndef CHAT_IRC_H
#define CHAT_IRC_H

#include "room.h"

#define IRC_SERVER "kin.chat"
enum { IRC_LINE_MAX = 510, IRC_TAGS_MAX = 4096, IRC_PARAMS = 15 };

enum irc_cap { IRC_TAGS = 1, IRC_TIME = 2, IRC_ECHO = 4, IRC_MULTI_PREFIX = 8 };
enum irc_listing { IRC_NOTHING, IRC_NAMES, IRC_WHO, IRC_LIST };

/* In the slot, so that another worker goes on with it. */
struct irc_state {
    char nick[CHAT_NICK_MAX + 1]; /* as the client knows it; empty: none yet */
    char room[CHAT_ROOM_MAX + 1]; /* of the listing */
    uint8_t caps;                 /* enum irc_cap */
    uint8_t negotiates;           /* CAP LS or REQ came, and no CAP END */
    uint8_t user;                 /* USER came */
    uint8_t entered;
    uint8_t listing; /* enum irc_listing: what is put out by and by */
    uint8_t part;    /* so many targets of a list, or arguments of modes, were served */
    char begin[64];  /* ... of the command that begins so; its rest has still to come. Empty: none */
    uint32_t next;   /* slot or room that the listing goes on with */
};
_Static_assert(sizeof(struct irc_state) <= CHAT_STATE_BYTES, "it fits into the slot");

/* A line, taken apart in place. */
struct irc_line {
    char *verb;
    char *params[IRC_PARAMS];
    int count;
};
/* 0: it is empty. */
int irc_parse(char *text, struct irc_line *out);

static inline struct irc_state *irc_state(struct chat_client *client)
{
    return (struct irc_state *)(void *)client->state;
}

/* One line of output, cut to what IRC allows; with the event's time for those who have asked for it. */
void irc_put(struct chat_client *client, const struct chat_told *told, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same as a numeric reply of the server. */
void irc_reply(struct chat_client *client, int number, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What a call of the engine has refused, in numerics; `what` is the nick, room or mode that it was about. */
void irc_refused(struct chat_client *client, enum chat_result result, const char *what);
void irc_welcome(struct chat_client *client);
void irc_counts(struct chat_client *client);
void irc_motd(struct chat_client *client);
void irc_topic(struct chat_client *client, const char *room);
void irc_tell(struct chat_client *client, const struct chat_told *told);
/* Puts out more of the listing; false: it is at its end. */
bool irc_more(struct chat_client *client);

/* Does what the line says. */
void irc_do(struct chat_client *client, struct irc_line *line);

#endif
