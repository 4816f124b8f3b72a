/* The IRC face: lines; and of several targets or modes one by one, so that each turn publishes once. */
#include "irc.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

int irc_parse(char *text, struct irc_line *out)
{
    memset(out, 0, sizeof *out);
    for (char sort = '@'; sort; sort = sort == '@' ? ':' : 0)
        if (text[0] == sort) { /* tags, and a prefix: a client has nothing to say in them that we could use */
            text += strcspn(text, " ");
            text += strspn(text, " ");
        }
    out->verb = text;
    while (*(text += strcspn(text, " "))) {
        *text++ = 0;
        text += strspn(text, " ");
        if (!*text || out->count == IRC_PARAMS)
            break;
        bool last = text[0] == ':' || out->count == IRC_PARAMS - 1;
        out->params[out->count++] = text + (text[0] == ':');
        if (last)
            break;
    }
    return out->verb[0] != 0;
}

static const char *const first_words[] = {"NICK ", "USER ", "CAP ", "PASS "};

static enum chat_match recognise(const char *bytes, size_t length)
{
    enum chat_match match = CHAT_MATCH_NO;
    for (size_t i = 0; i < sizeof first_words / sizeof *first_words; i++) {
        size_t whole = strlen(first_words[i]), same = length < whole ? length : whole;
        if (strncasecmp(bytes, first_words[i], same) != 0)
            continue;
        if (same == whole)
            return CHAT_MATCH_YES;
        match = CHAT_MATCH_MORE;
    }
    return match;
}

/* Those whose first parameter is a list. */
static bool has_targets(const char *verb)
{
    return strcasecmp(verb, "JOIN") == 0 || strcasecmp(verb, "PART") == 0 || strcasecmp(verb, "PRIVMSG") == 0 ||
           strcasecmp(verb, "NOTICE") == 0;
}

/* Of several modes the first, with its argument. Returns what stands behind it; NULL: it is the last. */
static char *cut_modes(struct irc_state *state, struct irc_line *line)
{
    char *signs = line->params[1], *letter = signs + strspn(signs, "+-");
    bool on = letter == signs || letter[-1] == '+', takes = letter[0] && strchr(on ? "ovbkl" : "ovbk", letter[0]);
    if (line->count > 2)
        line->params[2] = takes && state->part + 2 < line->count ? line->params[state->part + 2] : NULL;
    if (!letter[0] || !letter[1] ||
        snprintf(state->begin, sizeof state->begin, "MODE %s %c", line->params[0], on ? '+' : '-') >=
            (int)sizeof state->begin)
        return NULL;
    state->part = (uint8_t)(state->part + takes);
    line->params[1] = letter - (letter > signs);
    letter[1] = 0;
    return letter + 1;
}

/* Of a list the first target, and the key that belongs to it. Returns what stands behind it; NULL: it is the last. */
static char *cut_targets(struct irc_state *state, struct irc_line *line)
{
    char *comma = strchr(line->params[0], ',');
    if (line->count > 1 && strcasecmp(line->verb, "JOIN") == 0) {
        char *key = line->params[1];
        for (int i = 0; key && i < state->part; i++)
            key = strchr(key, ',') ? strchr(key, ',') + 1 : NULL;
        line->params[1] = key;
        if (key)
            key[strcspn(key, ",")] = 0;
    }
    if (!comma)
        return NULL;
    *comma = 0;
    snprintf(state->begin, sizeof state->begin, "%s ", line->verb);
    state->part += state->part < UINT8_MAX;
    return comma + 1;
}

/* Leaves the first part of a command in the line. The rest of its bytes comes once more, behind the begin that is
 * kept. */
static char *cut(struct irc_state *state, struct irc_line *line)
{
    char *rest = NULL;
    if (line->count > 1 && strcasecmp(line->verb, "MODE") == 0 && line->params[0][0] == '#')
        rest = cut_modes(state, line);
    else if (line->count && has_targets(line->verb))
        rest = cut_targets(state, line);
    if (!rest) {
        state->begin[0] = 0;
        state->part = 0;
    }
    return rest;
}

static size_t take(struct chat_client *client, const char *bytes, size_t length)
{
    struct irc_state *state = irc_state(client);
    char text[sizeof state->begin + IRC_TAGS_MAX + IRC_LINE_MAX + 2];
    const char *end = memchr(bytes, '\n', length);
    struct irc_line line;
    if (!end)
        return 0;
    size_t whole = (size_t)(end - bytes) + 1, used = whole - 1;
    const char *space = bytes[0] == '@' ? memchr(bytes, ' ', used) : NULL;
    size_t tags = space ? (size_t)(space - bytes) : 0;
    used -= used > 0 && bytes[used - 1] == '\r';
    if (tags > IRC_TAGS_MAX || used - tags > IRC_LINE_MAX || memchr(bytes, 0, used) || memchr(bytes, '\r', used)) {
        irc_reply(client, 417, ":Input line was too long, or had a NUL or CR byte");
        return whole;
    }
    size_t before = strlen(state->begin);
    memcpy(text, state->begin, before);
    memcpy(text + before, bytes, used);
    text[before + used] = 0;
    if (!irc_parse(text, &line))
        return whole;
    char *rest = cut(state, &line);
    irc_do(client, &line);
    return rest ? (size_t)(rest - text) - before : whole;
}

static void ping(struct chat_client *client)
{
    irc_put(client, NULL, "PING :" IRC_SERVER);
}

static void say_goodbye(struct chat_client *client, const char *reason)
{
    irc_put(client, NULL, "ERROR :Closing link: %s", reason);
}

const struct chat_face chat_irc = {.name = "irc",
                                   .recognise = recognise,
                                   .take = take,
                                   .tell = irc_tell,
                                   .ping = ping,
                                   .close = say_goodbye,
                                   .more = irc_more};
