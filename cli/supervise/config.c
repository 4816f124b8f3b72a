#include "config.h"
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool config_wrong(struct config *config, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (!config->error[0])
        vsnprintf(config->error, sizeof config->error, format, list);
    va_end(list);
    return false;
}

void *config_keep(struct config *config, void *memory)
{
    void **more = realloc(config->kept, (config->kept_count + 1) * sizeof *more);
    if (more)
        config->kept = more;
    if (!memory || !more) {
        free(memory);
        config_wrong(config, "no memory");
        return NULL;
    }
    config->kept[config->kept_count++] = memory;
    return memory;
}

char *config_text(struct config *config, const char *text)
{
    return config_keep(config, strdup(text));
}

struct wish *config_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->wishes[i]->program.name, name) == 0)
            return config->wishes[i];
    return NULL;
}

struct wish *config_add(struct config *config, const char *name)
{
    const struct wish *other = config_find(config, name);
    if (other) {
        config_wrong(config, "there is a program \"%s\" already, in line %u; name this one otherwise", name,
                     other->line);
        return NULL;
    }
    if (!*name || strlen(name) > 63 || strpbrk(name, "/. \t")) {
        config_wrong(config, "\"%s\" cannot be the name of a program: 1 to 63 bytes without '/', '.' or space", name);
        return NULL;
    }
    struct wish *wish = config_keep(config, calloc(1, sizeof *wish));
    struct wish **more = realloc(config->wishes, (config->count + 1) * sizeof *more);
    if (more)
        config->wishes = more;
    if (!wish || !more)
        return NULL;
    wish->line = config->line;
    wish->program =
        *KIN_PROGRAM(.name = config_text(config, name), .spawn = &wish->spawn, .argv = wish->argv, .capture = 1);
    wish->spawn = *KIN_SPAWN(.environment = NULL);
    wish->argv[0] = "/bin/sh";
    wish->argv[1] = "-c";
    config->wishes[config->count++] = wish;
    return wish;
}

bool config_append(struct config *config, char **list, const char *what, const char *text)
{
    size_t count = 0;
    while (list[count])
        count++;
    if (count == CONFIG_MOST)
        return config_wrong(config, "more than %d of %s", CONFIG_MOST, what);
    list[count] = config_text(config, text);
    return list[count] != NULL;
}

/* The caller's environment, with the program's variables in place of those of the same name. */
static bool make_environment(struct config *config, struct wish *wish)
{
    size_t count = 0, length = 0;
    while (environ[length])
        length++;
    char **list = config_keep(config, calloc(length + CONFIG_MOST + 1, sizeof *list));
    if (!list)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool replaced = false;
        for (char **own = wish->variable; *own; own++) {
            size_t name = strcspn(*own, "=") + 1;
            replaced = replaced || strncmp(*own, environ[i], name) == 0;
        }
        if (!replaced)
            list[count++] = environ[i];
    }
    for (char **own = wish->variable; *own; own++)
        list[count++] = *own;
    wish->spawn.environment = list;
    return true;
}

/* What a program needs as a whole is checked when all of it was read: the line is that of its beginning. */
static bool finish(struct config *config, struct wish *wish)
{
    config->line = wish->line;
    if (!wish->command)
        return config_wrong(config, "program \"%s\" has no command; add: command = ...", wish->program.name);
    wish->argv[2] = wish->command;
    wish->program.after = wish->after[0] ? (const char *const *)wish->after : NULL;
    wish->spawn.limits = wish->limit;
    for (char **name = wish->after; *name; name++)
        if (!config_find(config, *name))
            return config_wrong(config, "\"%s\" comes after \"%s\", and there is no program of that name",
                                wish->program.name, *name);
    if (wish->program.instances_max && wish->program.instances_max != wish->program.instances && !wish->program.queue)
        return config_wrong(config, "workers of \"%s\" follow a queue: add queue = NAME", wish->program.name);
    if (wish->program.readiness == KIN_READY_FD && !wish->program.ready_fd)
        return config_wrong(config, "\"%s\" is ready by a descriptor: add its number, ready_fd = N",
                            wish->program.name);
    if (wish->program.readiness == KIN_READY_PROBE && !wish->program.probe)
        return config_wrong(config, "\"%s\" is ready by a probe: add the command, probe = ...", wish->program.name);
    return make_environment(config, wish);
}

/* The supervisor is named after the directory, where the file does not name it. */
static bool name_it(struct config *config)
{
    char path[PATH_MAX];
    if (config->name)
        return true;
    config->name = config_text(config, getcwd(path, sizeof path) ? basename(path) : "run");
    if (config->name && (config->name[0] == '/' || config->name[0] == '.'))
        config->name[0] = '_';
    return config->name != NULL;
}

static bool finish_all(struct config *config)
{
    if (config->count == 0)
        return config_wrong(config, "there is no program in it; add one: [web] and command = ... in kin.ini, or "
                                    "web: ... in a Procfile");
    for (size_t i = 0; i < config->count; i++)
        if (!finish(config, config->wishes[i]))
            return false;
    return name_it(config);
}

static bool is_ini(const char *file)
{
    size_t length = strlen(file);
    return length > 4 && strcmp(file + length - 4, ".ini") == 0;
}

static const char *find_file(const char *given)
{
    if (given)
        return given;
    return access("kin.ini", F_OK) == 0 ? "kin.ini" : "Procfile";
}

int config_read(const struct call *call, const char *given, struct config *config)
{
    *config = (struct config){.file = find_file(given)};
    config->options = *KIN_SUPERVISOR(.flags = 0);
    FILE *file = fopen(config->file, "re");
    if (!file && !given && errno == ENOENT) {
        complain(call, "there is neither kin.ini nor Procfile here; write one, or name it by --file");
        return EXIT_NOT_FOUND;
    }
    if (!file) {
        complain(call, "cannot open %s: %m", config->file);
        return errno == ENOENT ? EXIT_NOT_FOUND : errno == EACCES ? EXIT_PERMISSION : EXIT_FAILED;
    }
    bool read = is_ini(config->file) ? config_read_ini(config, file) : config_read_procfile(config, file);
    if (!read && !config->error[0])
        config_wrong(config, "cannot be read: %s", strerror(errno));
    fclose(file);
    if (!config->error[0])
        finish_all(config);
    if (!config->error[0])
        return EXIT_OK;
    complain(call, "%s:%u: %s", config->file, config->line, config->error);
    return EXIT_USAGE;
}

void config_free(struct config *config)
{
    while (config->kept_count > 0)
        free(config->kept[--config->kept_count]);
    free(config->kept);
    free(config->wishes);
}
