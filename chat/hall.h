/* hall.h - what all processes of the chat share: one kin segment of rooms and slots, a kin topic for each room, and one
 * for each station, its inbox.
 *
 * A station is a process that serves clients: one (a process a client) or many (a worker). Each client has a slot, and
 * with it all that another process needs to go on in its place.
 *
 * Layout   struct chat_shared: a lock, the rooms, the slots. Room and slot have their facts twice; `version` says by
 *          its lowest bit which copy holds. A slot has beside them what its station alone writes: input, output, the
 *          face's state (twice too), the places in the topics, a note and a journal.
 * States   slot: free -> given (the keeper has put a connection there) -> free, by whoever serves it, or by the keeper.
 *          journal: empty, or whole with `count` entries.
 * Always   who is in a room, and who has a nick, is only told by the slots' facts: there is nothing derived that could
 *          disagree with them. A nick stands in one slot at most, as it is looked for and taken under the lock.
 * Order    facts: the other copy is written, then `version` (release). Who reads without the lock copies, and looks
 *          whether `version` is still the same: the next writer does not touch that copy.
 *          journal: the entries, then `count` (release); then what they say is done, then `count` is 0.
 *          an event: the note {line, topic's position}, then the event is published, then the line is consumed.
 * Death    of a writer of facts: the old ones hold. Under the lock there is never more than one such store, so the next
 *          owner has nothing to repair. Of a station: its successor does what the journal says, once more or for the
 *          first time, asks the kernel how many bytes were read and written, and takes the last line again; what the
 *          line had published is found from the note on.
 * Tests    tests/chat/lines.py, tests/chat/chaos.py */
#ifndef CHAT_HALL_H
#define CHAT_HALL_H

#include "event.h"
#include <kin/lock.h>
#include <kin/segment.h>
#include <kin/topic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    CHAT_ROOMS = 256,
    CHAT_INPUT = 8192,
    CHAT_OUTPUT = 32768,
    CHAT_PLACES = CHAT_SEATS + 1, /* one for each seat, and the inbox: */
    CHAT_INBOX = CHAT_SEATS,
    CHAT_JOURNAL = 16,
    CHAT_STATE_BYTES = 256
};

/* Rooms that are kept as they are when all have left. */
struct chat_ban {
    char mask[CHAT_MASK_MAX + 1], by[CHAT_NICK_MAX + 1];
    int64_t when;
};
struct chat_room_facts {
    char topic[CHAT_TEXT_MAX + 1], topic_by[CHAT_NICK_MAX + 1], key[CHAT_KEY_MAX + 1];
    int64_t topic_when;
    uint32_t flags, limit;
    uint64_t invited[CHAT_INVITES]; /* serials; the oldest is overwritten: */
    uint32_t next_invite, bans;
    struct chat_ban ban[CHAT_BANS];
};
struct chat_room {
    uint64_t version;
    uint32_t used;
    char name[CHAT_ROOM_MAX + 1];
    int64_t since;
    struct chat_room_facts facts[2];
};

enum chat_rank { CHAT_OPERATOR = 1, CHAT_VOICE = 2, CHAT_GONE = 4 /* it has left, and is to be told so yet */ };
struct chat_seat {
    uint16_t room; /* one more than its index; 0: free */
    uint16_t rank;
};
struct chat_facts {
    char nick[CHAT_NICK_MAX + 1];
    struct chat_seat seat[CHAT_SEATS];
    uint32_t entered;
    char user[CHAT_USER_MAX + 1], host[CHAT_HOST_MAX + 1], real[CHAT_REAL_MAX + 1], face[8];
    char away[CHAT_TEXT_MAX + 1];
    int64_t since;
};

/* Where a client is in a topic: the position of the next event that it is to be told. */
struct chat_place {
    uint64_t next;
    uint64_t live; /* 1: its own CHAT_JOIN was told: what comes is not history */
    uint64_t line; /* one more than the line that took the seat */
};

struct chat_note {
    uint64_t line; /* one more; 0: nothing noted */
    uint64_t position;
    uint32_t room, kind;
};

enum chat_slot_state { CHAT_SLOT_FREE, CHAT_SLOT_GIVEN };
struct chat_slot {
    uint64_t version;
    uint32_t state, station;
    uint64_t serial;
    struct chat_facts facts[2];
    struct {
        uint32_t count, spare;
        struct {
            uint64_t offset, value;
        } entry[CHAT_JOURNAL];
    } journal;
    uint64_t consumed;              /* of all bytes that came; the rest of them is in `input` */
    uint64_t out_end;               /* of all bytes put out */
    uint64_t written;               /* so many of them were given to the kernel, or more */
    uint64_t in_origin, out_origin; /* what the kernel had counted at the begin */
    uint64_t measured;              /* 1: these two hold */
    uint64_t face;                  /* one more than its number; 0: not known yet */
    uint64_t which;                 /* state[which & 1] holds */
    int64_t last;                   /* CLOCK_REALTIME, ns: when it last did something */
    struct chat_note note;
    struct chat_place place[CHAT_PLACES];
    _Alignas(16) unsigned char state_copy[2][CHAT_STATE_BYTES];
    unsigned char input[CHAT_INPUT], output[CHAT_OUTPUT];
};

struct chat_shared {
    uint32_t layout, clients_max;
    kin_lock lock;
    uint64_t serial;       /* of the last connection */
    uint32_t clients_most; /* at a time, so far */
    uint32_t stations;
    struct chat_room room[CHAT_ROOMS];
    struct chat_slot slot[];
};

/* What the options say; the same in all processes. */
struct chat_settings {
    const char *name;
    uint32_t clients, workers, history, room_messages;
    double rate;
    uint32_t burst;
    int64_t ping, idle; /* ns */
    const char *welcome;
    bool proxy;
};

struct chat_hall {
    kin_domain *domain;
    kin_segment *segment;
    struct chat_shared *shared;
    struct chat_settings settings;
    kin_topic *topic[CHAT_ROOMS]; /* opened when they are used first */
};

/* Opens the hall, or makes it. 0, or a negative errno with kin_reason(). */
int chat_hall_open(kin_domain *domain, const struct chat_settings *settings, struct chat_hall **out);
void chat_hall_close(struct chat_hall *hall);

/* NULL: kin_reason(). They stay the hall's; an inbox is the caller's. */
kin_topic *chat_room_topic(struct chat_hall *hall, uint32_t room);
kin_topic *chat_inbox_open(struct chat_hall *hall, uint32_t station);

/* The lock under which facts are changed. false: the hall is gone. */
bool chat_lock(struct chat_hall *hall);
void chat_unlock(struct chat_hall *hall);

/* For whoever holds the lock: the facts as they are, and a copy to be changed and then to hold. */
const struct chat_facts *chat_facts(const struct chat_slot *slot);
struct chat_facts *chat_facts_edit(struct chat_slot *slot);
void chat_facts_commit(struct chat_slot *slot);
const struct chat_room_facts *chat_room_facts(const struct chat_room *room);
struct chat_room_facts *chat_room_edit(struct chat_room *room);
void chat_room_commit(struct chat_room *room);
/* For everybody: a copy. */
void chat_facts_read(const struct chat_slot *slot, struct chat_facts *out);
void chat_room_read(const struct chat_room *room, struct chat_room_facts *out);

/* The room of that name, folded; -1: there is none. */
int chat_room_index(struct chat_hall *hall, const char *name);

#define CHAT_LOAD(word) __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define CHAT_STORE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELEASE)

#endif
