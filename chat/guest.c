/* What a guest has sent, and when it last did. The six headings are in chat/hall.h. */
#include "station.h"
#include <string.h>

#define SECOND INT64_C(1000000000)

void chat_mark(struct chat_station *station, struct chat_guest *guest)
{
    if (guest->dirty)
        return;
    guest->dirty = true;
    guest->next_dirty = station->dirty;
    station->dirty = guest;
}

/* Which face the first bytes speak to. `late`: none came for a second, or no more will. */
static void recognise(struct chat_guest *guest, const char *bytes, size_t length, bool late)
{
    struct chat_client *client = &guest->client;
    unsigned which = 0;
    for (; which + 1 < chat_face_count; which++) {
        enum chat_match match = length ? chat_faces[which]->recognise(bytes, length) : CHAT_MATCH_NO;
        if (match == CHAT_MATCH_YES)
            break;
        if (match == CHAT_MATCH_MORE && !late)
            return;
    }
    if (!length && !late)
        return;
    client->face = chat_faces[which];
    if (client->face->greet)
        client->face->greet(client);
    chat_set(client, &client->slot->face, which + 1);
    chat_commit(client);
}

/* Takes a token for a command, if there is one. */
static bool may_go_on(struct chat_guest *guest)
{
    const struct chat_settings *settings = &guest->client.hall->settings;
    if (settings->rate <= 0)
        return true;
    guest->tokens += (double)(guest->client.now - guest->filled) / SECOND * settings->rate;
    guest->filled = guest->client.now;
    if (guest->tokens > settings->burst)
        guest->tokens = settings->burst;
    if (guest->tokens < 1)
        return false;
    guest->tokens -= 1;
    return true;
}

static bool has_room(const struct chat_guest *guest)
{
    return chat_put_room(&guest->client) >= CHAT_REPLY_MAX;
}

/* One command. false: nothing more can be done now. */
static bool take(struct chat_station *station, struct chat_guest *guest)
{
    char bytes[CHAT_TAKE_MAX];
    struct chat_client *client = &guest->client;
    if (guest->waits && has_room(guest)) {
        guest->waits = client->face->more(client);
        chat_commit(client);
    }
    if (client->closing || guest->waits || !guest->have || !has_room(guest))
        return false;
    size_t length = chat_wire_look(guest, bytes, sizeof bytes);
    if (!client->face)
        recognise(guest, bytes, length, guest->ended);
    if (!client->face || !may_go_on(guest))
        return false;
    size_t taken = chat_take(client, bytes, length);
    guest->have -= (uint32_t)taken;
    guest->waits = client->face->more != NULL;
    client->slot->last = client->now;
    chat_guest_rooms(station, guest);
    if (!taken && length == CHAT_TAKE_MAX)
        chat_close(client, "too long");
    if (!taken)
        guest->tokens += 1;
    return taken != 0;
}

void chat_guest_work(struct chat_station *station, struct chat_guest *guest)
{
    struct chat_client *client = &guest->client;
    client->now = chat_now();
    chat_wire_read(guest);
    if (guest->have)
        guest->heard = client->now;
    /* So many, and then it is the others' turn. */
    int turns = 0;
    do {
        if (guest->behind && client->face && !client->closing)
            chat_catch_up(station, guest);
    } while (turns++ < 16 && take(station, guest));
    if (turns > 16)
        chat_mark(station, guest);
    if (client->overflow)
        chat_close(client, "it reads too slowly");
    if (guest->ended && !guest->have)
        chat_close(client, "it hung up");
    chat_wire_write(guest);
}

void chat_guest_tick(struct chat_station *station, struct chat_guest *guest)
{
    struct chat_client *client = &guest->client;
    const struct chat_settings *settings = &client->hall->settings;
    client->now = chat_now();
    if (!client->face && client->now - guest->since >= SECOND) {
        char bytes[CHAT_TAKE_MAX];
        recognise(guest, bytes, chat_wire_look(guest, bytes, sizeof bytes), true);
    }
    if (settings->idle && client->now - client->slot->last > settings->idle)
        chat_close(client, "idle too long");
    if (client->slot->written < client->slot->out_end && client->now - guest->wrote > settings->ping)
        chat_close(client, "it does not read");
    if (client->now - guest->heard > 2 * settings->ping && client->face && client->face->ping)
        chat_close(client, "ping timeout");
    else if (client->now - guest->heard > settings->ping && guest->pinged < guest->heard && client->face &&
             client->face->ping && has_room(guest)) {
        client->face->ping(client);
        chat_commit(client);
        guest->pinged = client->now;
    }
    if (!(guest->behind & 1u << CHAT_INBOX))
        CHAT_STORE(client->slot->place[CHAT_INBOX].next, station->inbox.next);
    chat_mark(station, guest);
}
