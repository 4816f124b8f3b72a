/* What IRC clients are told: lines, numerics, events, listings. */
#include "irc.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Cuts the text to that many bytes, not through a character. */
static size_t cut(const char *text, size_t length, size_t most)
{
    if (length <= most)
        return length;
    while (most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80)
        most--;
    return most;
}

static void put_line(struct chat_client *client, const struct chat_told *told, const char *text, size_t length)
{
    if (told && irc_state(client)->caps & IRC_TIME) {
        time_t seconds = (time_t)(told->time / 1000000000);
        struct tm parts;
        char when[32];
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &parts));
        chat_printf(client, "@time=%s.%03dZ ", when, (int)(told->time / 1000000 % 1000));
    }
    chat_put(client, text, cut(text, length, IRC_LINE_MAX));
    chat_put(client, "\r\n", 2);
}

void irc_put(struct chat_client *client, const struct chat_told *told, const char *format, ...)
{
    char text[2048];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    put_line(client, told, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

static const char *name_of(struct chat_client *client)
{
    const char *nick = irc_state(client)->nick;
    return nick[0] ? nick : "*";
}

void irc_reply(struct chat_client *client, int number, const char *format, ...)
{
    char text[2048];
    int begin = snprintf(text, sizeof text, ":" IRC_SERVER " %03d %s ", number, name_of(client));
    va_list list;
    va_start(list, format);
    int length = begin + vsnprintf(text + begin, sizeof text - (size_t)begin, format, list);
    va_end(list);
    put_line(client, NULL, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

/* The numeric of what the engine has refused, and what it is about. */
static const struct refusal {
    int number;
    enum { NOBODY, SOMEBODY, ROOM } about;
    const char *text;
} refusals[] = {
    [CHAT_NICK_BAD] = {432, SOMEBODY, "Erroneous nickname"},
    [CHAT_NICK_TAKEN] = {433, SOMEBODY, "Nickname is already in use"},
    [CHAT_NO_NICK] = {401, SOMEBODY, "No such nick"},
    [CHAT_ROOM_BAD] = {476, ROOM, "Bad channel name"},
    [CHAT_NO_ROOM] = {403, ROOM, "No such channel"},
    [CHAT_NOT_IN_ROOM] = {442, ROOM, "You're not on that channel"},
    [CHAT_TARGET_NOT_IN_ROOM] = {441, ROOM, "They aren't on that channel"},
    [CHAT_ALREADY_IN_ROOM] = {443, ROOM, "is already on channel"},
    [CHAT_ROOMS_FULL] = {405, ROOM, "You have joined too many channels"},
    [CHAT_BANNED] = {474, ROOM, "Cannot join channel (+b)"},
    [CHAT_INVITE_ONLY] = {473, ROOM, "Cannot join channel (+i)"},
    [CHAT_KEY_WRONG] = {475, ROOM, "Cannot join channel (+k)"},
    [CHAT_ROOM_FULL] = {471, ROOM, "Cannot join channel (+l)"},
    [CHAT_CANNOT_SAY] = {404, ROOM, "Cannot send to channel"},
    [CHAT_NOT_OPERATOR] = {482, ROOM, "You're not channel operator"},
    [CHAT_MODE_UNKNOWN] = {472, SOMEBODY, "is unknown mode char to me"},
    [CHAT_LIST_FULL] = {478, ROOM, "Channel list is full"},
    [CHAT_TEXT_BAD] = {404, NOBODY, "The text is not UTF-8"},
    [CHAT_TEXT_LONG] = {417, NOBODY, "The text is too long"},
    [CHAT_TEXT_EMPTY] = {412, NOBODY, "No text to send"},
    [CHAT_NOT_ENTERED] = {451, NOBODY, "You have not registered"},
    [CHAT_TROUBLE] = {400, NOBODY, "The server is in trouble"},
};

void irc_refused(struct chat_client *client, enum chat_result result, const char *what)
{
    const struct refusal *refusal = &refusals[result];
    if (result == CHAT_OK)
        return;
    if (refusal->about == NOBODY)
        irc_reply(client, refusal->number, ":%s", refusal->text);
    else
        irc_reply(client, refusal->number, "%s%s :%s", refusal->about == ROOM ? "#" : "", what, refusal->text);
}

void irc_counts(struct chat_client *client)
{
    struct chat_counts counts;
    chat_count(client->hall, &counts);
    irc_reply(client, 251, ":There are %u users and 0 invisible on 1 servers", counts.clients);
    irc_reply(client, 252, "0 :operator(s) online");
    irc_reply(client, 254, "%u :channels formed", counts.rooms);
    irc_reply(client, 255, ":I have %u clients and 0 servers", counts.clients);
    irc_reply(client, 265, "%u %u :Current local users %u, max %u", counts.clients, counts.clients_most, counts.clients,
              counts.clients_most);
}

void irc_motd(struct chat_client *client)
{
    const char *welcome = client->hall->settings.welcome;
    if (!welcome) {
        irc_reply(client, 422, ":MOTD File is missing");
        return;
    }
    irc_reply(client, 375, ":- " IRC_SERVER " Message of the day - ");
    irc_reply(client, 372, ":- %s", welcome);
    irc_reply(client, 376, ":End of /MOTD command.");
}

void irc_welcome(struct chat_client *client)
{
    irc_reply(client, 1, ":Welcome to %s, %s", client->hall->settings.name, name_of(client));
    irc_reply(client, 2, ":Your host is " IRC_SERVER ", running kin-chat " KIN_VERSION);
    irc_reply(client, 3, ":A kill -9 of any of its processes loses you nothing");
    irc_reply(client, 4, IRC_SERVER " kin-chat-" KIN_VERSION " i bklimntov bklov");
    irc_reply(client, 5,
              "CASEMAPPING=ascii CHANTYPES=# CHANMODES=b,k,l,imnt PREFIX=(ov)@+ NICKLEN=%d CHANNELLEN=%d TOPICLEN=%d "
              "MAXLIST=b:%d CHANLIMIT=#:%d NETWORK=%s MODES TARGMAX=JOIN:,PART:,PRIVMSG:,NOTICE: UTF8ONLY "
              ":are supported by this server",
              CHAT_NICK_MAX, CHAT_ROOM_MAX, CHAT_TEXT_MAX, CHAT_BANS, CHAT_SEATS, client->hall->settings.name);
    irc_counts(client);
    irc_motd(client);
}

void irc_topic(struct chat_client *client, const char *room)
{
    struct chat_room_view view;
    if (chat_room_find(client->hall, room, &view) != CHAT_OK || !view.topic[0])
        return;
    irc_reply(client, 332, "#%s :%s", view.name, view.topic);
    irc_reply(client, 333, "#%s %s %lld", view.name, view.topic_by, (long long)(view.topic_when / 1000000000));
}

/* A text goes out in as many lines as it takes: it may be longer than one of IRC has room for. */
static void put_text(struct chat_client *client, const struct chat_told *told, const char *verb)
{
    const struct chat_event *event = told->event;
    bool action = event->kind == CHAT_ACTION;
    char begin[512], when[16] = "";
    if (told->flags & CHAT_TOLD_HISTORY && !(irc_state(client)->caps & IRC_TIME)) {
        time_t seconds = (time_t)(told->time / 1000000000);
        struct tm parts;
        strftime(when, sizeof when, "[%H:%M] ", localtime_r(&seconds, &parts));
    }
    size_t head = (size_t)snprintf(begin, sizeof begin, ":%s!%s@%s %s %s%s :%s%s", event->nick, event->user,
                                   event->host, verb, event->room[0] ? "#" : "",
                                   event->room[0] ? event->room : name_of(client), action ? "\001ACTION " : "", when);
    size_t room = IRC_LINE_MAX - head - action;
    for (size_t at = 0, piece; at < event->length; at += piece) {
        piece = cut(event->text + at, event->length - at, room);
        irc_put(client, told, "%s%.*s%s", begin, (int)piece, event->text + at, action ? "\001" : "");
    }
}

static void tell_change(struct chat_client *client, const struct chat_told *told)
{
    const struct chat_event *event = told->event;
    char who[CHAT_NICK_MAX + CHAT_USER_MAX + CHAT_HOST_MAX + 4];
    snprintf(who, sizeof who, "%s!%s@%s", event->nick, event->user, event->host);
    switch ((enum chat_kind)event->kind) {
    case CHAT_JOIN:
        irc_put(client, told, ":%s JOIN #%s", who, event->room);
        break;
    case CHAT_PART:
        irc_put(client, told, ":%s PART #%s :%s", who, event->room, event->text);
        break;
    case CHAT_QUIT:
        irc_put(client, told, ":%s QUIT :%s", who, event->text);
        break;
    case CHAT_NICK:
        irc_put(client, told, ":%s NICK :%s", who, event->target);
        break;
    case CHAT_TOPIC:
        irc_put(client, told, ":%s TOPIC #%s :%s", who, event->room, event->text);
        break;
    case CHAT_MODE:
        irc_put(client, told, ":%s MODE #%s %s%s%s", who, event->room, event->text, event->target[0] ? " " : "",
                event->target);
        break;
    case CHAT_KICK:
        irc_put(client, told, ":%s KICK #%s %s :%s", who, event->room, event->target, event->text);
        break;
    default:
        irc_put(client, told, ":%s INVITE %s #%s", who, name_of(client), event->room);
        break;
    }
}

/* Its own joining and new nick the client has been told at once; what it said itself comes back if it wants that. */
void irc_tell(struct chat_client *client, const struct chat_told *told)
{
    const struct chat_event *event = told->event;
    bool own = told->flags & CHAT_TOLD_OWN, echo = irc_state(client)->caps & IRC_ECHO;
    if (told->missed)
        irc_put(client, NULL, ":" IRC_SERVER " NOTICE %s :%llu messages dropped: you read too slowly", name_of(client),
                (unsigned long long)told->missed);
    if (own && (event->kind == CHAT_JOIN || event->kind == CHAT_NICK || event->kind == CHAT_QUIT))
        return;
    if (event->kind > CHAT_ACTION)
        tell_change(client, told);
    else if (!own || echo || !event->room[0] || told->flags & CHAT_TOLD_HISTORY)
        put_text(client, told, event->kind == CHAT_NOTICE ? "NOTICE" : "PRIVMSG");
}

struct listing {
    struct chat_client *client;
    char names[IRC_LINE_MAX];
    size_t length;
    bool full;
};

static void put_names(struct listing *listing)
{
    if (listing->length)
        irc_reply(listing->client, 353, "= #%s :%s", irc_state(listing->client)->room, listing->names);
    listing->length = 0;
}

/* Whether it is its turn: there is room, and it comes behind what was listed before. */
static bool is_next(struct listing *listing, uint32_t index)
{
    struct irc_state *state = irc_state(listing->client);
    if (index < state->next)
        return false;
    if (chat_put_room(listing->client) < 4 * IRC_LINE_MAX) {
        listing->full = true;
        return false;
    }
    state->next = index + 1;
    return true;
}

static int list_name(void *context, const struct chat_person *person)
{
    struct listing *listing = context;
    bool both = person->operator&& person->voice && irc_state(listing->client)->caps & IRC_MULTI_PREFIX;
    if (is_next(listing, person->index)) {
        if (listing->length > 300)
            put_names(listing);
        listing->length += (size_t)snprintf(listing->names + listing->length, sizeof listing->names - listing->length,
                                            "%s%s%s", listing->length ? " " : "",
                                            both              ? "@+"
                                            : person->operator? "@"
                                            : person->voice   ? "+"
                                                              : "",
                                            person->nick);
    }
    return listing->full;
}

static int list_who(void *context, const struct chat_person *person)
{
    struct listing *listing = context;
    struct irc_state *state = irc_state(listing->client);
    if (is_next(listing, person->index))
        irc_reply(listing->client, 352, "%s%s %s %s " IRC_SERVER " %s %s%s :0 %s", state->room[0] ? "#" : "",
                  state->room[0] ? state->room : "*", person->user, person->host, person->nick,
                  person->away[0] ? "G" : "H",
                  person->operator? "@"
                  : person->voice ? "+"
                                  : "",
                  person->real);
    return listing->full;
}

struct rooms {
    struct listing listing;
    uint32_t index;
};

static int list_room(void *context, const struct chat_room_view *room)
{
    struct rooms *rooms = context;
    if (is_next(&rooms->listing, rooms->index++))
        irc_reply(rooms->listing.client, 322, "#%s %u :%s", room->name, room->members, room->topic);
    return rooms->listing.full;
}

bool irc_more(struct chat_client *client)
{
    struct irc_state *state = irc_state(client);
    struct rooms rooms = {.listing = {.client = client}};
    switch ((enum irc_listing)state->listing) {
    case IRC_NAMES:
        chat_each_member(client->hall, state->room, list_name, &rooms.listing);
        put_names(&rooms.listing);
        break;
    case IRC_WHO:
        chat_each_member(client->hall, state->room[0] ? state->room : NULL, list_who, &rooms.listing);
        break;
    case IRC_LIST:
        chat_each_room(client->hall, list_room, &rooms);
        break;
    default:
        return false;
    }
    if (rooms.listing.full)
        return true;
    if (state->listing == IRC_LIST)
        irc_reply(client, 323, ":End of /LIST");
    else if (state->listing == IRC_NAMES)
        irc_reply(client, 366, "#%s :End of /NAMES list", state->room);
    else
        irc_reply(client, 315, "%s%s :End of /WHO list", state->room[0] ? "#" : "", state->room[0] ? state->room : "*");
    state->listing = IRC_NOTHING;
    return false;
}
