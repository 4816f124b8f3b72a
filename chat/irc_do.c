/* What IRC clients ask for: one table of commands. */
#include "irc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ACTION "\001ACTION "

static const struct {
    const char *name;
    uint8_t bit;
} caps[] = {{"message-tags", IRC_TAGS},
            {"server-time", IRC_TIME},
            {"echo-message", IRC_ECHO},
            {"multi-prefix", IRC_MULTI_PREFIX}};
#define CAPS (sizeof caps / sizeof *caps)

static const char *parameter(const struct irc_line *line, int index)
{
    return index < line->count && line->params[index] ? line->params[index] : "";
}

/* Its name without '#'; NULL: not a room's, and the client was told. */
static const char *room_of(struct chat_client *client, const char *name)
{
    if (name[0] == '#')
        return name + 1;
    irc_reply(client, 403, "%s :No such channel", name[0] ? name : "*");
    return NULL;
}

static void start_listing(struct chat_client *client, enum irc_listing listing, const char *room)
{
    struct irc_state *state = irc_state(client);
    state->listing = (uint8_t)listing;
    state->next = 0;
    snprintf(state->room, sizeof state->room, "%s", room);
}

/* Once nick, user and capabilities are settled, it is in. */
static void enter(struct chat_client *client)
{
    struct irc_state *state = irc_state(client);
    if (state->entered || !state->nick[0] || !state->user || state->negotiates)
        return;
    enum chat_result result = chat_enter(client);
    if (result != CHAT_OK) {
        irc_refused(client, result, state->nick);
        return;
    }
    state->entered = 1;
    irc_welcome(client);
}

static void nick(struct chat_client *client, struct irc_line *line)
{
    struct irc_state *state = irc_state(client);
    const char *wanted = parameter(line, 0);
    struct chat_person me;
    enum chat_result result = chat_nick(client, wanted);
    if (result != CHAT_OK) {
        irc_refused(client, result, wanted);
        return;
    }
    if (state->entered && strcmp(state->nick, wanted) != 0 && chat_person_find(client->hall, wanted, &me) == CHAT_OK)
        irc_put(client, NULL, ":%s!%s@%s NICK :%s", state->nick, me.user, me.host, wanted);
    snprintf(state->nick, sizeof state->nick, "%s", wanted);
    enter(client);
}

/* What becomes a part of nick!user@host must not look like one. */
static void user(struct chat_client *client, struct irc_line *line)
{
    char name[CHAT_USER_MAX + 1];
    size_t length = 0;
    const char *given = parameter(line, 0), *real = parameter(line, 3);
    if (irc_state(client)->user) {
        irc_reply(client, 462, ":You may not reregister");
        return;
    }
    for (; *given && length < CHAT_USER_MAX; given++)
        if ((unsigned char)*given > ' ' && (unsigned char)*given < 0x7f && !strchr("!@", *given))
            name[length++] = *given;
    name[length] = 0;
    bool good = chat_text_ok(real, strnlen(real, CHAT_REAL_MAX)) && strlen(real) <= CHAT_REAL_MAX;
    enum chat_result result = chat_user(client, length ? name : "user", good ? real : "");
    if (result != CHAT_OK)
        irc_refused(client, result, "USER");
    irc_state(client)->user = result == CHAT_OK;
    enter(client);
}

static void put_caps(struct chat_client *client, const char *verb, uint8_t which)
{
    char list[200] = "";
    for (size_t i = 0; i < CAPS; i++)
        if (which & caps[i].bit)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", list[0] ? " " : "", caps[i].name);
    const char *name = irc_state(client)->nick;
    irc_put(client, NULL, ":" IRC_SERVER " CAP %s %s :%s", name[0] ? name : "*", verb, list);
}

/* All that is asked for, or nothing. */
static void request(struct chat_client *client, const char *list)
{
    struct irc_state *state = irc_state(client);
    char copy[IRC_LINE_MAX + 1], *rest = NULL;
    uint8_t wanted = state->caps;
    bool known = true;
    snprintf(copy, sizeof copy, "%s", list);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        bool off = word[0] == '-';
        size_t i = 0;
        while (i < CAPS && strcmp(word + off, caps[i].name) != 0)
            i++;
        known = known && i < CAPS;
        if (i < CAPS)
            wanted = (uint8_t)(off ? wanted & ~caps[i].bit : wanted | caps[i].bit);
    }
    if (known)
        state->caps = wanted;
    irc_put(client, NULL, ":" IRC_SERVER " CAP %s %s :%s", state->nick[0] ? state->nick : "*", known ? "ACK" : "NAK",
            list);
}

static void cap(struct chat_client *client, struct irc_line *line)
{
    struct irc_state *state = irc_state(client);
    const char *verb = parameter(line, 0);
    bool ls = strcasecmp(verb, "LS") == 0, req = strcasecmp(verb, "REQ") == 0;
    state->negotiates |= !state->entered && (ls || req);
    if (ls)
        put_caps(client, "LS", UINT8_MAX);
    else if (req)
        request(client, parameter(line, 1));
    else if (strcasecmp(verb, "LIST") == 0)
        put_caps(client, "LIST", state->caps);
    else if (strcasecmp(verb, "END") == 0)
        state->negotiates = 0;
    else
        irc_reply(client, 410, "%s :Invalid CAP command", verb);
    enter(client);
}

static void pass(struct chat_client *client, struct irc_line *line)
{
    (void)line;
    if (irc_state(client)->user)
        irc_reply(client, 462, ":You may not reregister");
}

static void ping(struct chat_client *client, struct irc_line *line)
{
    irc_put(client, NULL, ":" IRC_SERVER " PONG " IRC_SERVER " :%s", parameter(line, 0));
}

static void pong(struct chat_client *client, struct irc_line *line)
{
    (void)client, (void)line;
}

static void quit(struct chat_client *client, struct irc_line *line)
{
    const char *why = parameter(line, 0);
    chat_close(client, why[0] && strlen(why) <= CHAT_TEXT_MAX && chat_text_ok(why, strlen(why)) ? why : "bye");
}

static void join(struct chat_client *client, struct irc_line *line)
{
    const char *room = room_of(client, parameter(line, 0)), *key = parameter(line, 1);
    struct chat_person me;
    if (!room)
        return;
    enum chat_result result = chat_join(client, room, key[0] ? key : NULL);
    if (result == CHAT_ALREADY_IN_ROOM)
        return;
    if (result != CHAT_OK || !chat_in_room(client, room, &me)) {
        irc_refused(client, result, room);
        return;
    }
    irc_put(client, NULL, ":%s!%s@%s JOIN #%s", me.nick, me.user, me.host, room);
    irc_topic(client, room);
    start_listing(client, IRC_NAMES, room);
}

/* Colours and the like are taken off: a text has no control characters. */
static char *plain(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at >= ' ' || *at == '\t')
            *to++ = *at;
    *to = 0;
    return text;
}

static void part(struct chat_client *client, struct irc_line *line)
{
    const char *room = room_of(client, parameter(line, 0));
    if (room)
        irc_refused(client, chat_part(client, room, line->count > 1 ? plain(line->params[1]) : ""), room);
}

/* What was said to one person, for who has asked to hear it; in rooms the event itself comes back. */
static void echo(struct chat_client *client, enum chat_kind kind, const char *to, const char *text)
{
    struct chat_person me;
    if (irc_state(client)->caps & IRC_ECHO && chat_person_find(client->hall, irc_state(client)->nick, &me) == CHAT_OK)
        irc_put(client, NULL, ":%s!%s@%s %s %s :%s%s%s", me.nick, me.user, me.host,
                kind == CHAT_NOTICE ? "NOTICE" : "PRIVMSG", to, kind == CHAT_ACTION ? ACTION : "", text,
                kind == CHAT_ACTION ? "\001" : "");
}

static void say(struct chat_client *client, struct irc_line *line, enum chat_kind kind)
{
    const char *to = parameter(line, 0);
    char *text = line->count > 1 ? line->params[1] : NULL;
    if (!to[0]) {
        irc_reply(client, 411, ":No recipient given (%s)", line->verb);
        return;
    }
    if (text && strncmp(text, ACTION, strlen(ACTION)) == 0) {
        kind = CHAT_ACTION;
        text += strlen(ACTION);
    } else if (text && text[0] == 1) {
        return; /* other questions from client to client: no answer */
    }
    const char *what = to[0] == '#' ? to + 1 : to;
    text = plain(text ? text : (char[]){""});
    enum chat_result result = to[0] == '#' ? chat_say(client, what, kind, text) : chat_say_to(client, what, kind, text);
    struct chat_person person;
    if (result == CHAT_OK && to[0] != '#')
        echo(client, kind, to, text);
    if (kind == CHAT_NOTICE)
        return; /* nothing is said to a notice by itself */
    irc_refused(client, result == CHAT_NOT_IN_ROOM ? CHAT_CANNOT_SAY : result, what);
    if (result == CHAT_OK && to[0] != '#' && chat_person_find(client->hall, to, &person) == CHAT_OK && person.away[0])
        irc_reply(client, 301, "%s :%s", person.nick, person.away);
}

static void privmsg(struct chat_client *client, struct irc_line *line)
{
    say(client, line, CHAT_SAID);
}

static void notice(struct chat_client *client, struct irc_line *line)
{
    say(client, line, CHAT_NOTICE);
}

static void topic(struct chat_client *client, struct irc_line *line)
{
    const char *room = room_of(client, parameter(line, 0));
    struct chat_room_view view;
    if (!room)
        return;
    if (line->count > 1)
        irc_refused(client, chat_topic(client, room, plain(line->params[1])), room);
    else if (chat_room_find(client->hall, room, &view) != CHAT_OK)
        irc_refused(client, CHAT_NO_ROOM, room);
    else if (!view.topic[0])
        irc_reply(client, 331, "#%s :No topic is set", view.name);
    else
        irc_topic(client, room);
}

static void names(struct chat_client *client, struct irc_line *line)
{
    const char *room = parameter(line, 0);
    if (room[0] == '#')
        start_listing(client, IRC_NAMES, room + 1);
    else
        irc_reply(client, 366, "* :End of /NAMES list");
}

static void list(struct chat_client *client, struct irc_line *line)
{
    (void)line;
    irc_reply(client, 321, "Channel :Users  Name");
    start_listing(client, IRC_LIST, "");
}

static void who(struct chat_client *client, struct irc_line *line)
{
    const char *mask = parameter(line, 0);
    struct chat_person person;
    if (mask[0] == '#' || !mask[0] || strcmp(mask, "*") == 0) {
        start_listing(client, IRC_WHO, mask[0] == '#' ? mask + 1 : "");
        return;
    }
    if (chat_person_find(client->hall, mask, &person) == CHAT_OK)
        irc_reply(client, 352, "* %s %s " IRC_SERVER " %s %s :0 %s", person.user, person.host, person.nick,
                  person.away[0] ? "G" : "H", person.real);
    irc_reply(client, 315, "%s :End of /WHO list", mask);
}

static void whois(struct chat_client *client, struct irc_line *line)
{
    const char *wanted = line->count > 1 ? parameter(line, 1) : parameter(line, 0);
    struct chat_person person;
    if (chat_person_find(client->hall, wanted, &person) != CHAT_OK) {
        irc_refused(client, CHAT_NO_NICK, wanted);
        irc_reply(client, 318, "%s :End of /WHOIS list", wanted);
        return;
    }
    irc_reply(client, 311, "%s %s %s * :%s", person.nick, person.user, person.host, person.real);
    irc_reply(client, 312, "%s " IRC_SERVER " :speaks %s", person.nick, person.face);
    if (person.away[0])
        irc_reply(client, 301, "%s :%s", person.nick, person.away);
    irc_reply(client, 317, "%s %lld %lld :seconds idle, signon time", person.nick,
              (long long)((client->now - person.last) / 1000000000), (long long)(person.since / 1000000000));
    irc_reply(client, 318, "%s :End of /WHOIS list", person.nick);
}

static int put_ban(void *context, const char *mask, const char *by, int64_t when)
{
    struct chat_client *client = context;
    irc_reply(client, 367, "#%s %s %s %lld", irc_state(client)->room, mask, by, (long long)(when / 1000000000));
    return 0;
}

static void show_modes(struct chat_client *client, const char *room)
{
    struct chat_room_view view;
    char modes[16] = "+", limit[16] = "";
    if (chat_room_find(client->hall, room, &view) != CHAT_OK) {
        irc_refused(client, CHAT_NO_ROOM, room);
        return;
    }
    static const struct {
        uint32_t flag;
        const char *letter;
    } flags[] = {
        {CHAT_ROOM_INVITE, "i"}, {CHAT_ROOM_MODERATED, "m"}, {CHAT_ROOM_NO_OUTSIDE, "n"}, {CHAT_ROOM_TOPIC, "t"}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (view.flags & flags[i].flag)
            strcat(modes, flags[i].letter);
    strcat(modes, view.key[0] ? "k" : "");
    strcat(modes, view.limit ? "l" : "");
    if (view.limit)
        snprintf(limit, sizeof limit, " %u", view.limit);
    bool inside = chat_in_room(client, room, NULL);
    irc_reply(client, 324, "#%s %s%s%s%s", view.name, modes, view.key[0] ? " " : "",
              !view.key[0] ? ""
              : inside     ? view.key
                           : "*",
              limit);
    irc_reply(client, 329, "#%s %lld", view.name, (long long)(view.since / 1000000000));
}

static void show_bans(struct chat_client *client, const char *room)
{
    snprintf(irc_state(client)->room, sizeof irc_state(client)->room, "%s", room);
    chat_each_ban(client->hall, room, put_ban, client);
    irc_reply(client, 368, "#%s :End of channel ban list", room);
}

/* A refusal that is about somebody and a room. */
static void refused_for(struct chat_client *client, enum chat_result result, const char *name, const char *room)
{
    if (result == CHAT_TARGET_NOT_IN_ROOM || result == CHAT_ALREADY_IN_ROOM)
        irc_reply(client, result == CHAT_ALREADY_IN_ROOM ? 443 : 441, "%s #%s :%s", name, room,
                  chat_result_text(result));
    else
        irc_refused(client, result, result == CHAT_NO_NICK || result == CHAT_MODE_UNKNOWN ? name : room);
}

/* One mode: of several take() gives us each. */
static void mode(struct chat_client *client, struct irc_line *line)
{
    const char *what = parameter(line, 1), *argument = parameter(line, 2);
    if (parameter(line, 0)[0] != '#') {
        irc_reply(client, 221, "+");
        return;
    }
    const char *room = parameter(line, 0) + 1;
    bool on = what[0] != '-';
    what += what[0] == '+' || what[0] == '-';
    if (!what[0])
        show_modes(client, room);
    else if (what[0] == 'b' && !argument[0])
        show_bans(client, room);
    else if (strchr("ovb", what[0]) && !argument[0])
        irc_reply(client, 461, "MODE :Not enough parameters");
    else {
        enum chat_result result = chat_mode(client, room, what[0], on, argument[0] ? argument : NULL);
        refused_for(client, result, result == CHAT_MODE_UNKNOWN ? what : argument, room);
    }
}

static void kick(struct chat_client *client, struct irc_line *line)
{
    const char *room = room_of(client, parameter(line, 0)), *nick_of = parameter(line, 1);
    if (!room)
        return;
    enum chat_result result = chat_kick(client, room, nick_of, line->count > 2 ? plain(line->params[2]) : "");
    refused_for(client, result, nick_of, room);
}

static void invite(struct chat_client *client, struct irc_line *line)
{
    const char *nick_of = parameter(line, 0), *room = room_of(client, parameter(line, 1));
    if (!room)
        return;
    enum chat_result result = chat_invite(client, room, nick_of);
    if (result == CHAT_OK)
        irc_reply(client, 341, "%s #%s", nick_of, room);
    refused_for(client, result, nick_of, room);
}

static void away(struct chat_client *client, struct irc_line *line)
{
    const char *text = line->count ? plain(line->params[0]) : "";
    enum chat_result result = chat_away(client, text[0] ? text : NULL);
    if (result != CHAT_OK)
        irc_refused(client, result, "AWAY");
    else if (text[0])
        irc_reply(client, 306, ":You have been marked as being away");
    else
        irc_reply(client, 305, ":You are no longer marked as being away");
}

static void motd(struct chat_client *client, struct irc_line *line)
{
    (void)line;
    irc_motd(client);
}

static void lusers(struct chat_client *client, struct irc_line *line)
{
    (void)line;
    irc_counts(client);
}

static void userhost(struct chat_client *client, struct irc_line *line)
{
    struct chat_person person;
    if (chat_person_find(client->hall, parameter(line, 0), &person) == CHAT_OK)
        irc_reply(client, 302, ":%s=%c%s@%s", person.nick, person.away[0] ? '-' : '+', person.user, person.host);
    else
        irc_reply(client, 302, ":");
}

static void ison(struct chat_client *client, struct irc_line *line)
{
    char list_of[IRC_LINE_MAX] = "", *rest = NULL, all[IRC_LINE_MAX] = "";
    struct chat_person person;
    for (int i = 0; i < line->count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s ", line->params[i]);
    for (char *word = strtok_r(all, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        if (chat_person_find(client->hall, word, &person) == CHAT_OK)
            snprintf(list_of + strlen(list_of), sizeof list_of - strlen(list_of), "%s ", person.nick);
    irc_reply(client, 303, ":%s", list_of);
}

static const struct {
    const char *verb;
    int least;   /* parameters */
    bool before; /* it may come before one has entered */
    void (*run)(struct chat_client *client, struct irc_line *line);
} commands[] = {
    {"PRIVMSG", 0, false, privmsg}, {"NOTICE", 0, false, notice}, {"PING", 1, true, ping},
    {"PONG", 0, true, pong},        {"JOIN", 1, false, join},     {"PART", 1, false, part},
    {"NICK", 1, true, nick},        {"USER", 4, true, user},      {"CAP", 1, true, cap},
    {"PASS", 1, true, pass},        {"QUIT", 0, true, quit},      {"TOPIC", 1, false, topic},
    {"NAMES", 0, false, names},     {"LIST", 0, false, list},     {"WHO", 0, false, who},
    {"WHOIS", 1, false, whois},     {"MODE", 1, false, mode},     {"KICK", 2, false, kick},
    {"INVITE", 2, false, invite},   {"AWAY", 0, false, away},     {"MOTD", 0, false, motd},
    {"LUSERS", 0, false, lusers},   {"ISON", 1, false, ison},     {"USERHOST", 1, false, userhost},
    {"TAGMSG", 0, false, pong},
};

void irc_do(struct chat_client *client, struct irc_line *line)
{
    size_t i = 0;
    while (i < sizeof commands / sizeof *commands && strcasecmp(commands[i].verb, line->verb) != 0)
        i++;
    bool known = i < sizeof commands / sizeof *commands;
    if (!irc_state(client)->entered && (!known || !commands[i].before))
        irc_reply(client, 451, ":You have not registered");
    else if (!known)
        irc_reply(client, 421, "%s :Unknown command", chat_text_ok(line->verb, strlen(line->verb)) ? line->verb : "?");
    else if (line->count < commands[i].least)
        irc_reply(client, commands[i].run == nick ? 431 : 461, "%s%s", commands[i].run == nick ? "" : commands[i].verb,
                  commands[i].run == nick ? ":No nickname given" : " :Not enough parameters");
    else
        commands[i].run(client, line);
}
