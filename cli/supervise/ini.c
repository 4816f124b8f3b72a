/* kin.ini, by libinih: a section is a program, [supervisor] is about all of them. */
#include "config.h"
#include <ini.h>
#include <string.h>

struct reading {
    struct config *config;
    FILE *file;
    unsigned line;
    char section[64];
};

/* libinih would take a line that is too long for two. */
static char *next_line(char *text, int size, void *stream)
{
    struct reading *reading = stream;
    reading->line++;
    if (reading->config->error[0] || !fgets(text, size, reading->file))
        return NULL;
    if (!strchr(text, '\n') && !feof(reading->file)) {
        reading->config->line = reading->line;
        config_wrong(reading->config, "the line is longer than %d bytes; go on in the next line, indented", size - 2);
        return NULL;
    }
    return text;
}

static int take(void *context, const char *section, const char *name, const char *value)
{
    struct reading *reading = context;
    struct config *config = reading->config;
    if (config->error[0])
        return 0;
    config->line = reading->line;
    if (!section[0])
        return config_wrong(config, "\"%s\" stands before the first section; a program begins with its name: [web]",
                            name);
    if (strcmp(section, "supervisor") == 0)
        return config_supervisor_key(config, name, value);
    if (strcmp(section, reading->section) != 0) {
        snprintf(reading->section, sizeof reading->section, "%s", section);
        if (!config_add(config, section))
            return 0;
    }
    return config_key(config, config_find(config, section), name, value);
}

bool config_read_ini(struct config *config, FILE *file)
{
    struct reading reading = {.config = config, .file = file};
    int line = ini_parse_stream(next_line, &reading, take, &reading);
    if (line > 0 && !config->error[0]) {
        config->line = (unsigned)line;
        config_wrong(config, "neither a section, [web], nor KEY = VALUE");
    }
    return !ferror(file);
}
