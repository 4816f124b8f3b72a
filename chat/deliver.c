/* What comes out of the topics, to those here who are in them: read once a station. The six headings are in
 * chat/hall.h. */
#include "station.h"
#include <errno.h>
#include <stdlib.h>

int chat_watch_open(struct chat_station *station, struct chat_watch *watch, kin_topic *topic, uint64_t from)
{
    if (!topic)
        return -ENOENT;
    watch->topic = topic;
    int result =
        kin_topic_subscribe(topic, KIN_SUBSCRIBE(.from = KIN_FROM_POSITION, .position = from), &watch->subscriber);
    if (result < 0)
        return result;
    watch->next = kin_subscriber_position(watch->subscriber);
    watch->poll = kin_poll_add_subscriber(station->poll, watch->subscriber);
    return watch->poll < 0 ? watch->poll : 0;
}

void chat_watch_close(struct chat_station *station, struct chat_watch *watch)
{
    kin_poll_remove(station->poll, watch->poll);
    kin_subscriber_close(watch->subscriber);
    watch->subscriber = NULL;
}

static void stop_reading(struct chat_station *station, struct chat_guest *guest, int seat)
{
    struct chat_watch *watch = &station->room[guest->rooms[seat]];
    uint32_t at = 0;
    while (watch->member[at].guest != guest)
        at++;
    watch->member[at] = watch->member[--watch->count];
    if (watch->count == 0)
        chat_watch_close(station, watch);
    guest->rooms[seat] = -1;
    guest->behind &= ~(1u << seat);
}

/* Reads the room for this guest too. */
static bool start_reading(struct chat_station *station, struct chat_guest *guest, int seat, int room)
{
    struct chat_watch *watch = &station->room[room];
    kin_topic *topic = chat_room_topic(station->hall, (uint32_t)room);
    if (watch->count == watch->room_for) {
        uint32_t more = watch->room_for ? 2 * watch->room_for : 4;
        struct chat_member *grown = realloc(watch->member, more * sizeof *grown);
        if (!grown)
            return false;
        watch->member = grown;
        watch->room_for = more;
    }
    if (!topic || (!watch->subscriber && chat_watch_open(station, watch, topic, kin_topic_position(topic)) < 0))
        return false;
    watch->member[watch->count++] = (struct chat_member){guest, seat};
    guest->rooms[seat] = room;
    guest->behind |= 1u << seat;
    return true;
}

void chat_guest_rooms(struct chat_station *station, struct chat_guest *guest)
{
    struct chat_slot *slot = guest->client.slot;
    uint64_t version = CHAT_LOAD(slot->version);
    struct chat_facts facts;
    if (version == guest->version)
        return;
    chat_facts_read(slot, &facts);
    guest->version = version;
    for (int seat = 0; seat < CHAT_SEATS; seat++) {
        int room = facts.seat[seat].room - 1;
        if (guest->rooms[seat] == room)
            continue;
        if (guest->rooms[seat] >= 0)
            stop_reading(station, guest, seat);
        if (room >= 0 && !start_reading(station, guest, seat, room))
            chat_close(&guest->client, "the server has no memory left");
    }
}

/* Whether this client hears of it in this room: of a quitting and a new nick in the first room that both are in. */
static bool hears(const struct chat_guest *guest, int room, const struct chat_event *event)
{
    if (event->kind != CHAT_QUIT && event->kind != CHAT_NICK)
        return true;
    for (int i = 0; i < CHAT_SEATS; i++)
        for (int seat = 0; event->rooms[i] && seat < CHAT_SEATS; seat++)
            if (guest->rooms[seat] == event->rooms[i] - 1)
                return guest->rooms[seat] == room;
    return false;
}

/* The client has been told that it left: its seat is free, unless it has taken it again. */
static void free_seat(struct chat_guest *guest, int seat)
{
    struct chat_client *client = &guest->client;
    if (!chat_lock(client->hall))
        return;
    if (chat_facts(client->slot)->seat[seat].rank & CHAT_GONE) {
        chat_facts_edit(client->slot)->seat[seat] = (struct chat_seat){0, 0};
        chat_facts_commit(client->slot);
    }
    chat_unlock(client->hall);
}

/* One event for one place of a client. false: its output has no room now. */
static bool hand(struct chat_station *station, struct chat_guest *guest, int place, int room,
                 const struct chat_event *event, const struct kin_sample *sample)
{
    struct chat_client *client = &guest->client;
    struct chat_place *at = &client->slot->place[place];
    struct chat_told told = {event, sample->time, sample->position, sample->missed, 0};
    bool own = event->serial == client->slot->serial;
    if (client->closing)
        return true;
    if (guest->waits || chat_put_room(client) < CHAT_REPLY_MAX)
        return false;
    if (place != CHAT_INBOX && !at->live && !(own && event->kind == CHAT_JOIN && event->line + 1 == at->line)) {
        told.flags |= CHAT_TOLD_HISTORY;
        told.missed = 0;
    } else if (place != CHAT_INBOX && !at->live)
        chat_set(client, &at->live, 1);
    told.flags |= own ? CHAT_TOLD_OWN : 0;
    if (hears(guest, room, event) && (!(told.flags & CHAT_TOLD_HISTORY) || event->kind <= CHAT_ACTION))
        client->face->tell(client, &told);
    chat_set(client, &at->next, sample->position + 1);
    chat_commit(client);
    if ((event->kind == CHAT_PART || event->kind == CHAT_KICK) && event->to == client->slot->serial) {
        free_seat(guest, place);
        chat_guest_rooms(station, guest);
    }
    return true;
}

static bool read_event(kin_subscriber *subscriber, struct chat_event *event, struct kin_sample *sample, int *result)
{
    *result = kin_subscriber_next(subscriber, event, sizeof *event, KIN_NOW, sample);
    return *result == 0;
}

void chat_catch_up(struct chat_station *station, struct chat_guest *guest)
{
    struct chat_event event;
    struct kin_sample sample;
    for (int place = 0; place < CHAT_PLACES; place++) {
        int room = place == CHAT_INBOX ? -1 : guest->rooms[place], result = 0;
        struct chat_watch *watch = place == CHAT_INBOX ? &station->inbox : room < 0 ? NULL : &station->room[room];
        kin_subscriber *subscriber;
        if (!(guest->behind & 1u << place) || !watch || !guest->client.face)
            continue;
        struct chat_place *at = &guest->client.slot->place[place];
        bool all = at->next >= watch->next;
        if (!all) {
            if (kin_topic_subscribe(watch->topic, KIN_SUBSCRIBE(.from = KIN_FROM_POSITION, .position = at->next),
                                    &subscriber) < 0)
                continue;
            bool fits = true;
            while (fits && (room < 0 || guest->rooms[place] == room) &&
                   kin_subscriber_position(subscriber) < watch->next &&
                   read_event(subscriber, &event, &sample, &result))
                if (sample.position < watch->next && chat_event_check(&event, sample.length) == 0 &&
                    (place != CHAT_INBOX || event.to == guest->client.slot->serial))
                    fits = hand(station, guest, place, room, &event, &sample);
            all = fits;
            kin_subscriber_close(subscriber);
        }
        if (all)
            guest->behind &= ~(1u << place);
        chat_mark(station, guest);
    }
}

static void hand_to(struct chat_station *station, struct chat_guest *guest, int place, int room,
                    const struct chat_event *event, const struct kin_sample *sample)
{
    if (guest->behind & 1u << place)
        return;
    if (!guest->client.face || !hand(station, guest, place, room, event, sample))
        guest->behind |= 1u << place;
    chat_mark(station, guest);
}

static void read_room(struct chat_station *station, int room)
{
    struct chat_watch *watch = &station->room[room];
    struct chat_event event;
    struct kin_sample sample;
    int result;
    while (watch->subscriber && read_event(watch->subscriber, &event, &sample, &result)) {
        watch->next = sample.position + 1;
        if (chat_event_check(&event, sample.length) < 0)
            continue;
        /* From the last to the first: who is told that it left is taken out meanwhile. */
        for (uint32_t i = watch->count; i-- > 0;)
            hand_to(station, watch->member[i].guest, watch->member[i].seat, room, &event, &sample);
    }
}

static void read_inbox(struct chat_station *station)
{
    struct chat_event event;
    struct kin_sample sample;
    int result;
    while (read_event(station->inbox.subscriber, &event, &sample, &result)) {
        station->inbox.next = sample.position + 1;
        if (chat_event_check(&event, sample.length) < 0 || event.to_slot >= station->hall->shared->clients_max)
            continue;
        struct chat_guest *guest = station->guest[event.to_slot];
        if (guest && event.to == guest->client.slot->serial)
            hand_to(station, guest, CHAT_INBOX, -1, &event, &sample);
    }
}

void chat_deliver(struct chat_station *station)
{
    int which;
    while (kin_poll_wait(station->poll, KIN_NOW, &which) == 0) {
        if (which == station->inbox.poll)
            read_inbox(station);
        for (int room = 0; room < CHAT_ROOMS; room++)
            if (station->room[room].subscriber && station->room[room].poll == which) {
                read_room(station, room);
                break;
            }
    }
}
