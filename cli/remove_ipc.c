/* systemd-logind deletes what an ordinary user made below /dev/shm when his last session ends, unless RemoveIPC=no. */
#include "command.h"
#include <glob.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { FIRST_ORDINARY_USER = 1000, FILES_MOST = 64 };

/* One file's say; the last line wins, and files that are read later win over earlier ones. */
static void read_file(const char *path, struct remove_ipc *out)
{
    FILE *file = fopen(path, "re");
    char line[512], value[16];
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, " RemoveIPC = %15s", value) != 1)
            continue;
        out->on = strcasecmp(value, "no") != 0 && strcasecmp(value, "false") != 0 && strcasecmp(value, "off") != 0 &&
                  strcmp(value, "0") != 0;
        snprintf(out->where, sizeof out->where, "%s", path);
    }
    if (file)
        fclose(file);
}

static const char *file_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

static int by_file_name(const void *one, const void *other)
{
    return strcmp(file_name(*(char *const *)one), file_name(*(char *const *)other));
}

/* Drop-ins count in the order of their names, whatever their folder. A file in an earlier folder hides those of its
 * name in later ones. */
static void read_drop_ins(struct remove_ipc *out)
{
    static const char *const folders[] = {"/etc", "/run", "/usr/local/lib", "/usr/lib"};
    glob_t found = {.gl_pathc = 0};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, "%s/systemd/logind.conf.d/*.conf", folders[i]);
        glob(pattern, i ? GLOB_APPEND | GLOB_NOSORT : GLOB_NOSORT, NULL, &found);
    }
    char *paths[FILES_MOST];
    size_t count = 0;
    for (size_t i = 0; i < found.gl_pathc && count < FILES_MOST; i++) {
        bool hidden = false;
        for (size_t earlier = 0; earlier < count; earlier++)
            hidden = hidden || by_file_name(&paths[earlier], &found.gl_pathv[i]) == 0;
        if (!hidden)
            paths[count++] = found.gl_pathv[i];
    }
    qsort(paths, count, sizeof *paths, by_file_name);
    for (size_t i = 0; i < count; i++)
        read_file(paths[i], out);
    globfree(&found);
}

/* Whom logind lets linger is never logged out. */
static bool lingers(void)
{
    char path[128];
    const struct passwd *user = getpwuid(getuid());
    snprintf(path, sizeof path, "/var/lib/systemd/linger/%s", user ? user->pw_name : "");
    return user && access(path, F_OK) == 0;
}

void find_remove_ipc(struct remove_ipc *out)
{
    char session[64];
    *out = (struct remove_ipc){.on = true};
    read_file("/etc/systemd/logind.conf", out);
    read_drop_ins(out);
    snprintf(session, sizeof session, "/run/systemd/users/%u", (unsigned)getuid());
    out->concerns_us = out->on && getuid() >= FIRST_ORDINARY_USER && access(session, F_OK) == 0 && !lingers();
}
