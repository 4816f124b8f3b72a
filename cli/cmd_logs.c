#include "supervise/config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_AGAIN 200000 /* us */

struct log {
    const struct call *call;
    const char *path, *instance; /* only what that has printed; NULL: all */
    FILE *file;
    ino_t inode;
};

static bool is_meant(const struct log *log, const char *line)
{
    size_t length = log->instance ? strlen(log->instance) : 0;
    return !log->instance || (strncmp(line, log->instance, length) == 0 && strncmp(line + length, " | ", 3) == 0);
}

static bool open_log(struct log *log)
{
    struct stat is;
    FILE *file = fopen(log->path, "re");
    if (!file)
        return false;
    if (log->file)
        fclose(log->file);
    log->file = file;
    log->inode = fstat(fileno(file), &is) == 0 ? is.st_ino : 0;
    return true;
}

/* Prints what has come since; half a line is kept for the next time. */
static void print_new(struct log *log)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    for (long at = ftell(log->file); (length = getline(&line, &room, log->file)) > 0; at = ftell(log->file)) {
        if (line[length - 1] != '\n') {
            fseek(log->file, at, SEEK_SET);
            break;
        }
        if (is_meant(log, line))
            fputs(line, stdout);
    }
    clearerr(log->file);
    free(line);
    fflush(stdout);
}

/* Leaves the file where its last so many lines begin. */
static void skip_to_last(struct log *log, int64_t lines)
{
    char *line = NULL;
    size_t room = 0;
    long *starts = lines > 0 ? calloc((size_t)lines, sizeof *starts) : NULL;
    int64_t count = 0;
    for (long at = 0; starts && getline(&line, &room, log->file) > 0; at = ftell(log->file))
        if (is_meant(log, line))
            starts[count++ % lines] = at;
    fseek(log->file, 0, lines > 0 ? SEEK_SET : SEEK_END);
    if (starts && count >= lines)
        fseek(log->file, starts[count % lines], SEEK_SET);
    free(starts);
    free(line);
}

/* A file that was renamed is read to its end, and then the new one. */
static void follow(struct log *log)
{
    struct stat is;
    while (!ferror(stdout)) {
        print_new(log);
        if (stat(log->path, &is) == 0 && is.st_ino != log->inode) {
            print_new(log);
            open_log(log);
        } else {
            usleep(LOOK_AGAIN);
        }
    }
}

static int print(struct log *log)
{
    int64_t lines = -1;
    int code = number_of(log->call, OPTION_LINES, 0, 1000000, &lines);
    if (code != EXIT_OK)
        return code;
    if (!open_log(log)) {
        complain(log->call, "cannot open %s: %m; it comes with the first line that is printed", log->path);
        return errno == ENOENT ? EXIT_NOT_FOUND : errno == EACCES ? EXIT_PERMISSION : EXIT_FAILED;
    }
    if (lines >= 0)
        skip_to_last(log, lines);
    if (is_given(log->call, OPTION_FOLLOW))
        follow(log);
    else
        print_new(log);
    fclose(log->file);
    return EXIT_OK;
}

/* "web", or "web.2" of several. */
static int find_log(struct log *log, const struct config *config)
{
    char *name = log->call->operands[0], *dot = strchr(name, '.');
    const struct wish *wish = config_find(config, name);
    if (!wish && dot) {
        *dot = '\0';
        wish = config_find(config, name);
        *dot = '.';
        log->instance = name;
    }
    if (!wish) {
        complain(log->call, "%s has no program \"%s\"", config->file, name);
        return EXIT_NOT_FOUND;
    }
    if (!wish->program.log.path) {
        complain(log->call, "program \"%s\" keeps no log; add to its section in kin.ini: log = PATH",
                 wish->program.name);
        return EXIT_NOT_FOUND;
    }
    log->path = wish->program.log.path;
    return EXIT_OK;
}

int cmd_logs(struct call *call)
{
    struct log log = {.call = call};
    struct config config;
    int code = config_read(call, value_of(call, OPTION_FILE), &config);
    if (code == EXIT_OK)
        code = find_log(&log, &config);
    if (code == EXIT_OK)
        code = print(&log);
    config_free(&config);
    return code;
}
