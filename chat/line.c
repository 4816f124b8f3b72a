/* Plain lines, for nc and telnet: the first line is the nick, what begins with '/' is a command, and all else is said
 * in the room that was joined last. */
#include "room.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

struct line_state {
    char room[CHAT_ROOM_MAX + 1]; /* where text goes */
    uint8_t skipping;             /* the rest of a line that is too long */
};
_Static_assert(sizeof(struct line_state) <= CHAT_STATE_BYTES, "it fits into the slot");

static struct line_state *state_of(struct chat_client *client)
{
    return (struct line_state *)(void *)client->state;
}

static void answer(struct chat_client *client, enum chat_result result)
{
    if (result != CHAT_OK)
        chat_printf(client, "*** %s\n", chat_result_text(result));
}

/* Takes the next word off the front of the rest. */
static char *word(char **rest)
{
    char *start = *rest + strspn(*rest, " \t"), *end = start + strcspn(start, " \t");
    *rest = end + (*end != 0);
    *end = 0;
    return start;
}

static const char *room_name(struct chat_client *client, const char *given)
{
    return given[0] == '#' ? given + 1 : given[0] ? given : state_of(client)->room;
}

static void join(struct chat_client *client, char *rest)
{
    const char *room = room_name(client, word(&rest));
    const char *key = word(&rest);
    enum chat_result result = chat_join(client, room, key[0] ? key : NULL);
    answer(client, result);
    if (result == CHAT_OK || result == CHAT_ALREADY_IN_ROOM)
        snprintf(state_of(client)->room, sizeof state_of(client)->room, "%s", room);
}

static void part(struct chat_client *client, char *rest)
{
    const char *room = room_name(client, word(&rest));
    answer(client, chat_part(client, room, rest));
}

static void nick(struct chat_client *client, char *rest)
{
    answer(client, chat_nick(client, word(&rest)));
}

static void say_to(struct chat_client *client, char *rest)
{
    const char *who = word(&rest);
    enum chat_result result = chat_say_to(client, who, CHAT_SAID, rest);
    answer(client, result);
    if (result == CHAT_OK)
        chat_printf(client, "-> %s: %s\n", who, rest);
}

static void act(struct chat_client *client, char *rest)
{
    answer(client, chat_say(client, state_of(client)->room, CHAT_ACTION, rest));
}

static int show_person(void *context, const struct chat_person *person)
{
    struct chat_client *client = context;
    if (chat_put_room(client) < 256) {
        chat_printf(client, "*** and more\n");
        return 1;
    }
    chat_printf(client, "*** %s%s%s\n",
                person->operator? "@"
                : person->voice ? "+"
                                : "",
                person->nick, person->away[0] ? " (away)" : "");
    return 0;
}

static void who(struct chat_client *client, char *rest)
{
    const char *given = word(&rest);
    chat_each_member(client->hall, strcmp(given, "*") == 0 ? NULL : room_name(client, given), show_person, client);
}

static int show_room(void *context, const struct chat_room_view *room)
{
    struct chat_client *client = context;
    if (chat_put_room(client) < 1024)
        return 1;
    chat_printf(client, "*** #%s %u %s\n", room->name, room->members, room->topic);
    return 0;
}

static void rooms(struct chat_client *client, char *rest)
{
    (void)rest;
    chat_each_room(client->hall, show_room, client);
}

static void topic(struct chat_client *client, char *rest)
{
    struct chat_room_view view;
    if (rest[0])
        answer(client, chat_topic(client, state_of(client)->room, rest));
    else if (chat_room_find(client->hall, state_of(client)->room, &view) == CHAT_OK)
        chat_printf(client, "*** topic of #%s: %s\n", view.name, view.topic);
}

static void kick(struct chat_client *client, char *rest)
{
    const char *nick = word(&rest);
    answer(client, chat_kick(client, state_of(client)->room, nick, rest));
}

static void invite(struct chat_client *client, char *rest)
{
    answer(client, chat_invite(client, state_of(client)->room, word(&rest)));
}

static void mode(struct chat_client *client, char *rest)
{
    const char *what = word(&rest), *argument = word(&rest);
    bool on = what[0] != '-';
    what += what[0] == '+' || what[0] == '-';
    answer(client, chat_mode(client, state_of(client)->room, what[0], on, argument[0] ? argument : NULL));
}

static void away(struct chat_client *client, char *rest)
{
    answer(client, chat_away(client, rest[0] ? rest : NULL));
}

static void quit(struct chat_client *client, char *rest)
{
    chat_close(client, rest[0] && chat_text_ok(rest, strlen(rest)) ? rest : "bye");
}

static void help(struct chat_client *client, char *rest);
static const struct {
    const char *name, *usage;
    void (*run)(struct chat_client *client, char *rest);
} commands[] = {
    {"join", "ROOM [KEY]", join},
    {"part", "[ROOM [WHY]]", part},
    {"nick", "NICK", nick},
    {"msg", "NICK TEXT", say_to},
    {"me", "TEXT", act},
    {"who", "[ROOM|*]", who},
    {"rooms", "", rooms},
    {"topic", "[TEXT]", topic},
    {"kick", "NICK [WHY]", kick},
    {"invite", "NICK", invite},
    {"mode", "+o|-o|+v|-v|+b|-b|+k|-k|+l|-l|+i|-i|+m|-m|+n|-n|+t|-t [ARGUMENT]", mode},
    {"away", "[TEXT]", away},
    {"quit", "[WHY]", quit},
    {"help", "", help},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void help(struct chat_client *client, char *rest)
{
    (void)rest;
    for (size_t i = 0; i < COMMANDS; i++)
        chat_printf(client, "*** /%s %s\n", commands[i].name, commands[i].usage);
}

static void enter(struct chat_client *client, char *text)
{
    const char *nick = word(&text);
    enum chat_result result = chat_nick(client, nick);
    if (result == CHAT_OK)
        result = chat_enter(client);
    if (result != CHAT_OK) {
        chat_printf(client, "*** %s. Your nick?\n", chat_result_text(result));
        return;
    }
    chat_printf(client, "*** Welcome, %s. /help tells the commands.\n", nick);
    join(client, (char[]){"lobby"});
}

static void do_line(struct chat_client *client, char *text)
{
    if (!text[0])
        return;
    if (text[0] != '/') {
        enum chat_result result = CHAT_NOT_ENTERED;
        if (state_of(client)->room[0])
            result = chat_say(client, state_of(client)->room, CHAT_SAID, text);
        if (result == CHAT_NOT_ENTERED)
            enter(client, text);
        else
            answer(client, result);
        return;
    }
    char *rest = text + 1;
    const char *name = word(&rest);
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0) {
            commands[i].run(client, rest);
            return;
        }
    chat_printf(client, "*** no such command; /help tells them\n");
}

static enum chat_match recognise(const char *bytes, size_t length)
{
    (void)bytes, (void)length;
    return CHAT_MATCH_YES;
}

static void greet(struct chat_client *client)
{
    const char *welcome = client->hall->settings.welcome;
    chat_printf(client, "*** %s. Your nick?\n", welcome ? welcome : "This is kin-chat");
}

static size_t take(struct chat_client *client, const char *bytes, size_t length)
{
    enum { LINE_MAX_BYTES = CHAT_TEXT_MAX + 256 };
    char text[LINE_MAX_BYTES + 1];
    const char *end = memchr(bytes, '\n', length);
    size_t line = end ? (size_t)(end - bytes) : length;
    if (state_of(client)->skipping) {
        state_of(client)->skipping = end == NULL;
        return line + (end != NULL);
    }
    if (line > LINE_MAX_BYTES) {
        state_of(client)->skipping = end == NULL;
        chat_printf(client, "*** that line is too long, and was dropped\n");
        return line + (end != NULL);
    }
    if (!end)
        return 0;
    size_t used = line && bytes[line - 1] == '\r' ? line - 1 : line;
    memcpy(text, bytes, used);
    text[used] = 0;
    if (chat_text_ok(text, used))
        do_line(client, text);
    else
        answer(client, CHAT_TEXT_BAD);
    return line + 1;
}

static void tell(struct chat_client *client, const struct chat_told *told)
{
    const struct chat_event *event = told->event;
    char when[16] = "";
    if (told->missed)
        chat_printf(client, "*** %llu messages dropped: you read too slowly\n", (unsigned long long)told->missed);
    if (told->flags & CHAT_TOLD_HISTORY) {
        time_t seconds = (time_t)(told->time / 1000000000);
        struct tm parts;
        strftime(when, sizeof when, "[%H:%M] ", localtime_r(&seconds, &parts));
    }
    switch ((enum chat_kind)event->kind) {
    case CHAT_SAID:
    case CHAT_NOTICE:
        if (event->room[0])
            chat_printf(client, "%s#%s <%s> %s\n", when, event->room, event->nick, event->text);
        else
            chat_printf(client, "%s<%s> (to you) %s\n", when, event->nick, event->text);
        break;
    case CHAT_ACTION:
        chat_printf(client, "%s#%s * %s %s\n", when, event->room, event->nick, event->text);
        break;
    case CHAT_JOIN:
        chat_printf(client, "*** %s joined #%s\n", event->nick, event->room);
        break;
    case CHAT_PART:
        chat_printf(client, "*** %s left #%s (%s)\n", event->nick, event->room, event->text);
        break;
    case CHAT_QUIT:
        chat_printf(client, "*** %s has gone (%s)\n", event->nick, event->text);
        break;
    case CHAT_NICK:
        chat_printf(client, "*** %s is now %s\n", event->nick, event->target);
        break;
    case CHAT_TOPIC:
        chat_printf(client, "*** %s: topic of #%s: %s\n", event->nick, event->room, event->text);
        break;
    case CHAT_MODE:
        chat_printf(client, "*** %s: mode of #%s: %s %s\n", event->nick, event->room, event->text, event->target);
        break;
    case CHAT_KICK:
        chat_printf(client, "*** %s put %s out of #%s (%s)\n", event->nick, event->target, event->room, event->text);
        break;
    case CHAT_INVITE:
        chat_printf(client, "*** %s invites you: /join %s\n", event->nick, event->room);
        break;
    }
}

static void close_line(struct chat_client *client, const char *reason)
{
    chat_printf(client, "*** closed: %s\n", reason);
}

const struct chat_face chat_lines = {
    .name = "lines", .recognise = recognise, .greet = greet, .take = take, .tell = tell, .close = close_line};
