/* A Procfile, as foreman has it: NAME: COMMAND in each line; variables in .env beside it. */
#include "config.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PORT 5000
#define NEXT_PORT 100

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

static bool take(struct config *config, char *line)
{
    char *text = trim(line), *colon = strchr(text, ':');
    if (!text[0] || text[0] == '#')
        return true;
    if (!colon)
        return config_wrong(config, "\"%s\" is no line of a Procfile: NAME: COMMAND is wanted", text);
    *colon = '\0';
    struct wish *wish = config_add(config, trim(text));
    char *command = trim(colon + 1);
    if (!wish)
        return false;
    if (!command[0])
        return config_wrong(config, "program \"%s\" has no command behind its colon", wish->program.name);
    wish->command = config_text(config, command);
    return wish->command != NULL;
}

/* Calls take with each line. */
static bool each_line(struct config *config, FILE *file, bool (*take_line)(struct config *config, char *line))
{
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    for (config->line = 1; good && getline(&line, &room, file) >= 0; config->line++)
        good = take_line(config, line);
    config->line -= !good;
    free(line);
    return good && !ferror(file);
}

static bool take_variable(struct config *config, char *line)
{
    char *text = trim(line), *value = strchr(text, '=');
    if (!text[0] || text[0] == '#')
        return true;
    if (strncmp(text, "export ", 7) == 0)
        text += 7;
    if (!value || value == text)
        return config_wrong(config, "\"%s\" is no variable: NAME=VALUE is wanted", text);
    size_t length = strlen(++value);
    if (length > 1 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
        value[length - 1] = '\0';
        memmove(value, value + 1, length - 1);
    }
    for (size_t i = 0; i < config->count; i++)
        if (!config_append(config, config->wishes[i]->variable, "variables", text))
            return false;
    return true;
}

/* A .env that is not there is none. */
static bool read_variables(struct config *config)
{
    char path[4096];
    const char *slash = strrchr(config->file, '/');
    snprintf(path, sizeof path, "%.*s.env", slash ? (int)(slash - config->file) + 1 : 0, config->file);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT || config_wrong(config, "%s beside it cannot be read: %s", path, strerror(errno));
    const char *procfile = config->file;
    bool good = each_line(config, file, take_variable);
    fclose(file);
    if (good)
        return true;
    config->file = config_text(config, path);
    config->file = config->file ? config->file : procfile;
    return false;
}

/* Each program has a port of its own to listen at, 100 apart. */
static bool give_ports(struct config *config)
{
    const char *base = getenv("PORT");
    int64_t port = FIRST_PORT;
    char text[32];
    if (base && !read_number(base, &port))
        return config_wrong(config, "PORT is \"%s\", which is no number", base);
    for (size_t i = 0; i < config->count; i++) {
        snprintf(text, sizeof text, "PORT=%lld", (long long)(port + (int64_t)i * NEXT_PORT));
        if (!config_append(config, config->wishes[i]->variable, "variables", text))
            return false;
    }
    return true;
}

bool config_read_procfile(struct config *config, FILE *file)
{
    return each_line(config, file, take) && read_variables(config) && give_ports(config);
}
