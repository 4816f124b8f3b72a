/* What kin run is to look after, as a Procfile or kin.ini says it. */
#pragma once
#include "command.h"
#include <kin/supervise.h>

#define CONFIG_MOST 64 /* of each: names to come after, variables, limits, sockets of a program */

/* One program. What its options point to is kept here, or by keep(). */
struct wish {
    struct kin_program program;
    struct kin_spawn_options spawn;
    char *command;
    char *argv[4], *probe[4];
    char *after[CONFIG_MOST + 1], *listen[CONFIG_MOST + 1], *variable[CONFIG_MOST + 1];
    struct kin_limit limit[CONFIG_MOST];
    uint64_t cpus[16];
    uid_t uid;
    gid_t gid;
    struct kin_handed handed[CONFIG_MOST];
    unsigned line; /* where it begins */
};

struct config {
    const char *file;
    unsigned line;
    char error[400]; /* what is wrong in that line; empty: nothing */
    char *name, *control, *cgroup;
    struct kin_supervisor_options options;
    struct wish **wishes;
    size_t count;
    void **kept;
    size_t kept_count;
};

/* The file, or with NULL what the directory has: kin.ini before Procfile. The user was told what is wrong. */
int config_read(const struct call *call, const char *file, struct config *config);
void config_free(struct config *config);
/* NULL: there is none of that name. */
struct wish *config_find(const struct config *config, const char *name);

/* For the readers of files. The first error stays. */
__attribute__((format(printf, 2, 3))) bool config_wrong(struct config *config, const char *format, ...);
/* Whatever is NULL is no memory. */
void *config_keep(struct config *config, void *memory);
char *config_text(struct config *config, const char *text);
/* NULL: the name is taken, or cannot be one. */
struct wish *config_add(struct config *config, const char *name);
/* Adds it to a list that ends with NULL. */
bool config_append(struct config *config, char **list, const char *what, const char *text);

/* keys.c: one key of a section. */
bool config_key(struct config *config, struct wish *wish, const char *key, const char *value);
bool config_supervisor_key(struct config *config, const char *key, const char *value);

/* ini.c, procfile.c: false: the file cannot be read; config->error is about what it says. */
bool config_read_ini(struct config *config, FILE *file);
bool config_read_procfile(struct config *config, FILE *file);

/* listen.c: opens the sockets of all programs, or gets those of a dead supervisor's instances. */
int config_listen(const struct call *call, kin_domain *domain, struct config *config);
