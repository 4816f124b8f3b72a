/* station.h - a process that serves clients: one, or as many as the keeper sends. Private memory, but for the slots. */
#ifndef CHAT_STATION_H
#define CHAT_STATION_H

#include "engine.h"
#include <kin/poll.h>
#include <kin/socket.h>

/* A client and its connection. */
struct chat_guest {
    struct chat_client client;
    int fd;
    uint32_t events;       /* that epoll watches it for */
    uint64_t version;      /* of the facts, when `rooms` was made of them */
    int rooms[CHAT_SEATS]; /* that it reads, by seat; -1: none */
    uint32_t behind;       /* places that are to be caught up with, one bit each */
    uint32_t have;         /* bytes in the slot's input */
    bool ended;            /* nothing more comes */
    bool broken;           /* nor can anything be written */
    bool waits;            /* more() has something to put out yet */
    bool said_goodbye;
    double tokens;                               /* of the rate limit */
    int64_t since, filled, heard, pinged, wrote; /* CLOCK_REALTIME, ns */
    struct chat_guest *next_dirty;
    bool dirty; /* has output, or room for some, that nobody looked at yet */
};

struct chat_member {
    struct chat_guest *guest;
    int seat;
};

/* A topic that is read for those here who are in it. */
struct chat_watch {
    kin_topic *topic;
    kin_subscriber *subscriber;
    uint64_t next; /* what is before it was handed to those who are not behind */
    int poll;
    struct chat_member *member; /* guests here */
    uint32_t count, room_for;
};

struct chat_station {
    struct chat_hall *hall;
    uint32_t number;
    int epoll;
    kin_poll *poll;
    kin_socket *keeper;        /* NULL: one client, that came with the process */
    struct chat_guest **guest; /* by slot */
    uint32_t guests;
    struct chat_watch room[CHAT_ROOMS], inbox;
    struct chat_guest *dirty;
    bool leaving; /* asked to end: the clients stay, for another station */
};

/* Serves until there is nobody left (keeper NULL), or the keeper has gone. slot and fd: the only client. */
int chat_station_run(struct chat_hall *hall, uint32_t number, kin_socket *keeper, int slot, int fd);

/* What the keeper and its workers tell each other. */
struct chat_word {
    uint32_t slot, spare;
    uint64_t serial;
};

/* deliver.c: what comes out of the topics. */
int chat_watch_open(struct chat_station *station, struct chat_watch *watch, kin_topic *topic, uint64_t from);
void chat_watch_close(struct chat_station *station, struct chat_watch *watch);
/* Makes the guest's rooms those that its facts name. */
void chat_guest_rooms(struct chat_station *station, struct chat_guest *guest);
/* Hands out all that is there. */
void chat_deliver(struct chat_station *station);
void chat_catch_up(struct chat_station *station, struct chat_guest *guest);

/* wire.c: the connection. */
/* Counts what the kernel has counted, so that nothing is read or written twice or left out. */
bool chat_wire_measure(struct chat_guest *guest);
void chat_wire_read(struct chat_guest *guest);
void chat_wire_write(struct chat_guest *guest);
/* The bytes that came and are not consumed, in one piece, at most `size`. */
size_t chat_wire_look(const struct chat_guest *guest, char *bytes, size_t size);

/* guest.c: what a guest has sent, and when it is too long ago. */
void chat_guest_work(struct chat_station *station, struct chat_guest *guest);
void chat_guest_tick(struct chat_station *station, struct chat_guest *guest);
void chat_mark(struct chat_station *station, struct chat_guest *guest);

#endif
