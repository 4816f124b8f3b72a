/* The keys of kin.ini: one table; each has a reader, which says what it wants when it gets something else. */
#include "config.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

typedef bool reader(struct config *config, struct wish *wish, const char *value);

static bool word_of(struct config *config, const char *value, const char *const *words, unsigned *out)
{
    char list[200] = "";
    for (unsigned i = 0; words[i]; i++) {
        if (strcmp(value, words[i]) == 0) {
            *out = i;
            return true;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", words[i]);
    }
    return config_wrong(config, "\"%s\" is none of: %s", value, list);
}

static bool time_of(struct config *config, const char *value, int64_t *out)
{
    return read_duration(value, out) ||
           config_wrong(config, "\"%s\" is no duration: 10 (seconds), 500ms, 2m, 1h", value);
}

static bool count_of(struct config *config, const char *value, int64_t least, int64_t most, int64_t *out)
{
    if (read_number(value, out) && *out >= least && *out <= most)
        return true;
    return config_wrong(config, "\"%s\" is no number from %lld to %lld", value, (long long)least, (long long)most);
}

/* Calls take with each word of a list that is divided by commas. */
static bool each_word(struct config *config, struct wish *wish, const char *value, reader *take)
{
    char *copy = config_text(config, value), *rest = NULL;
    bool good = copy != NULL;
    for (char *word = good ? strtok_r(copy, ", \t", &rest) : NULL; good && word; word = strtok_r(NULL, ", \t", &rest))
        good = take(config, wish, word);
    return good;
}

/* A line that goes on in the next one comes as two. */
static bool command(struct config *config, struct wish *wish, const char *value)
{
    char *text = NULL;
    if (asprintf(&text, "%s%s%s", wish->command ? wish->command : "", wish->command ? " " : "", value) < 0)
        text = NULL;
    wish->command = config_keep(config, text);
    return wish->command != NULL;
}

static bool one_after(struct config *config, struct wish *wish, const char *value)
{
    return config_append(config, wish->after, "after", value);
}

static bool after(struct config *config, struct wish *wish, const char *value)
{
    return each_word(config, wish, value, one_after);
}

static bool restart(struct config *config, struct wish *wish, const char *value)
{
    unsigned which;
    bool good = word_of(config, value, (const char *const[]){"always", "on-failure", "never", NULL}, &which);
    wish->program.restart = good ? (enum kin_restart)which : wish->program.restart;
    return good;
}

/* The least, and behind a dash or comma the most. */
static bool pause_of(struct config *config, struct wish *wish, const char *value)
{
    char *copy = config_text(config, value), *most = copy ? strpbrk(copy, ", ") : NULL;
    if (!copy)
        return false;
    if (most)
        *most++ = '\0';
    return time_of(config, copy, &wish->program.pause_min) &&
           (!most || time_of(config, most + strspn(most, ", "), &wish->program.pause_max));
}

static bool workers(struct config *config, struct wish *wish, const char *value)
{
    char *copy = config_text(config, value), *dash = copy ? strchr(copy, '-') : NULL;
    int64_t least, most;
    if (!copy)
        return false;
    if (dash)
        *dash++ = '\0';
    if (!count_of(config, copy, 1, 4096, &least) || !count_of(config, dash ? dash : copy, 1, 4096, &most))
        return false;
    if (most < least)
        return config_wrong(config, "\"%s\": the most is below the least", value);
    wish->program.instances = (uint32_t)least;
    wish->program.instances_max = (uint32_t)most;
    return true;
}

static bool queue(struct config *config, struct wish *wish, const char *value)
{
    return (wish->program.queue = config_text(config, value)) != NULL;
}

static bool ready(struct config *config, struct wish *wish, const char *value)
{
    unsigned which;
    bool good = word_of(config, value, (const char *const[]){"at-once", "notify", "fd", "probe", NULL}, &which);
    wish->program.readiness = good ? (enum kin_readiness)which : wish->program.readiness;
    return good;
}

static bool ready_fd(struct config *config, struct wish *wish, const char *value)
{
    int64_t fd;
    if (!count_of(config, value, 3, 1000, &fd))
        return false;
    wish->program.readiness = KIN_READY_FD;
    wish->program.ready_fd = (int)fd;
    return true;
}

static bool probe(struct config *config, struct wish *wish, const char *value)
{
    wish->probe[0] = "/bin/sh";
    wish->probe[1] = "-c";
    wish->probe[2] = config_text(config, value);
    wish->program.probe = wish->probe;
    wish->program.readiness = KIN_READY_PROBE;
    return wish->probe[2] != NULL;
}

static bool ready_within(struct config *config, struct wish *wish, const char *value)
{
    return time_of(config, value, &wish->program.ready_within);
}

static bool watchdog(struct config *config, struct wish *wish, const char *value)
{
    return time_of(config, value, &wish->program.watchdog);
}

static bool signal_of(struct config *config, const char *value, int *out)
{
    int signal = kin_signal_number(value);
    if (signal <= 0)
        return config_wrong(config, "\"%s\" is no signal: TERM, INT, USR1; kin signal --list tells all", value);
    *out = signal;
    return true;
}

static bool stop_signal(struct config *config, struct wish *wish, const char *value)
{
    return signal_of(config, value, &wish->program.stop_signal);
}

static bool reload_signal(struct config *config, struct wish *wish, const char *value)
{
    if (strcmp(value, "restart") != 0)
        return signal_of(config, value, &wish->program.reload_signal);
    wish->program.reload_signal = -1;
    return true;
}

static bool grace(struct config *config, struct wish *wish, const char *value)
{
    return time_of(config, value, &wish->program.grace);
}

static bool directory(struct config *config, struct wish *wish, const char *value)
{
    return (wish->spawn.directory = config_text(config, value)) != NULL;
}

static bool user(struct config *config, struct wish *wish, const char *value)
{
    const struct passwd *found = getpwnam(value);
    if (!found)
        return config_wrong(config, "there is no user \"%s\"", value);
    wish->uid = found->pw_uid;
    wish->spawn.uid = &wish->uid;
    if (!wish->spawn.gid)
        wish->gid = found->pw_gid;
    wish->spawn.gid = &wish->gid;
    return true;
}

static bool group(struct config *config, struct wish *wish, const char *value)
{
    const struct group *found = getgrnam(value);
    if (!found)
        return config_wrong(config, "there is no group \"%s\"", value);
    wish->gid = found->gr_gid;
    wish->spawn.gid = &wish->gid;
    return true;
}

static bool environment(struct config *config, struct wish *wish, const char *value)
{
    if (!strchr(value, '=') || value[0] == '=')
        return config_wrong(config, "\"%s\" is no variable: NAME=VALUE is wanted; one a line", value);
    return config_append(config, wish->variable, "variables", value);
}

static const struct {
    const char *name;
    int resource;
} resources[] = {{"core", RLIMIT_CORE},   {"cpu", RLIMIT_CPU},         {"data", RLIMIT_DATA},
                 {"fsize", RLIMIT_FSIZE}, {"memlock", RLIMIT_MEMLOCK}, {"nofile", RLIMIT_NOFILE},
                 {"nproc", RLIMIT_NPROC}, {"stack", RLIMIT_STACK},     {"as", RLIMIT_AS}};

/* NAME=SOFT or NAME=SOFT:HARD, each a number, a size or "unlimited". */
static bool limit(struct config *config, struct wish *wish, const char *value)
{
    char *name = config_text(config, value), *soft = name ? strchr(name, '=') : NULL;
    uint64_t values[2];
    size_t which = 0;
    if (!name)
        return false;
    if (!soft)
        return config_wrong(config, "\"%s\" is no limit: nofile=1024 or nofile=1024:4096 is wanted", value);
    *soft++ = '\0';
    while (which < sizeof resources / sizeof *resources && strcmp(resources[which].name, name) != 0)
        which++;
    if (which == sizeof resources / sizeof *resources)
        return config_wrong(config, "\"%s\" is no limit: as, core, cpu, data, fsize, memlock, nofile, nproc, stack",
                            name);
    char *hard = strchr(soft, ':');
    if (hard)
        *hard++ = '\0';
    for (int i = 0; i < 2; i++) {
        const char *text = i && hard ? hard : soft;
        if (strcmp(text, "unlimited") == 0)
            values[i] = KIN_UNLIMITED;
        else if (!read_size(text, &values[i]))
            return config_wrong(config, "\"%s\" is no limit: a number, 64K, 16M, 1G or unlimited", text);
    }
    if (wish->spawn.limit_count == CONFIG_MOST)
        return config_wrong(config, "more than %d limits", CONFIG_MOST);
    wish->limit[wish->spawn.limit_count++] = (struct kin_limit){resources[which].resource, {values[0], values[1]}};
    return true;
}

static bool nice_of(struct config *config, struct wish *wish, const char *value)
{
    int64_t number;
    if (!count_of(config, value, -20, 19, &number))
        return false;
    wish->program.niceness = (int)number;
    return true;
}

/* 0-3,6 */
static bool one_cpu(struct config *config, struct wish *wish, const char *value)
{
    char *copy = config_text(config, value), *dash = copy ? strchr(copy, '-') : NULL;
    int64_t first, last, most = (int64_t)sizeof wish->cpus * 8 - 1;
    if (!copy)
        return false;
    if (dash)
        *dash++ = '\0';
    if (!count_of(config, copy, 0, most, &first) || !count_of(config, dash ? dash : copy, first, most, &last))
        return false;
    for (int64_t cpu = first; cpu <= last; cpu++)
        wish->cpus[cpu / 64] |= UINT64_C(1) << cpu % 64;
    wish->program.cpus = wish->cpus;
    wish->program.cpu_words = sizeof wish->cpus / sizeof *wish->cpus;
    return true;
}

static bool cpus(struct config *config, struct wish *wish, const char *value)
{
    return each_word(config, wish, value, one_cpu);
}

static bool one_listen(struct config *config, struct wish *wish, const char *value)
{
    return config_append(config, wish->listen, "listen", value);
}

static bool listen_at(struct config *config, struct wish *wish, const char *value)
{
    return each_word(config, wish, value, one_listen);
}

static bool store(struct config *config, struct wish *wish, const char *value)
{
    int64_t number;
    if (!count_of(config, value, 0, 1000, &number))
        return false;
    wish->program.store_max = (uint32_t)number;
    return true;
}

static bool log_path(struct config *config, struct wish *wish, const char *value)
{
    return (wish->program.log.path = config_text(config, value)) != NULL;
}

static bool log_bytes(struct config *config, struct wish *wish, const char *value)
{
    return read_size(value, &wish->program.log.bytes_max) ||
           config_wrong(config, "\"%s\" is no size: 64K, 16M, 1G", value);
}

static bool log_keep(struct config *config, struct wish *wish, const char *value)
{
    int64_t number;
    if (!count_of(config, value, 1, 1000, &number))
        return false;
    wish->program.log.keep = (uint32_t)number;
    return true;
}

static const struct {
    const char *name;
    reader *read;
} keys[] = {
    {"after", after},
    {"command", command},
    {"cpus", cpus},
    {"directory", directory},
    {"environment", environment},
    {"grace", grace},
    {"group", group},
    {"limit", limit},
    {"listen", listen_at},
    {"log", log_path},
    {"log_bytes", log_bytes},
    {"log_keep", log_keep},
    {"nice", nice_of},
    {"pause", pause_of},
    {"probe", probe},
    {"queue", queue},
    {"ready", ready},
    {"ready_fd", ready_fd},
    {"ready_within", ready_within},
    {"reload_signal", reload_signal},
    {"restart", restart},
    {"stop_signal", stop_signal},
    {"store", store},
    {"user", user},
    {"watchdog", watchdog},
    {"workers", workers},
};

bool config_key(struct config *config, struct wish *wish, const char *key, const char *value)
{
    if (!value || !value[0])
        return config_wrong(config, "%s has no value", key);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i].name, key) == 0)
            return keys[i].read(config, wish, value);
    char list[400] = "";
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", keys[i].name);
    return config_wrong(config, "\"%s\" is no key of a program; these are: %s", key, list);
}

static bool strategy(struct config *config, const char *value)
{
    unsigned which;
    static const char *const words[] = {"one-for-one", "rest-for-one", "one-for-all", NULL};
    bool good = word_of(config, value, words, &which);
    config->options.strategy = good ? (enum kin_strategy)which : config->options.strategy;
    return good;
}

static bool intensity(struct config *config, const char *value)
{
    int64_t number = UINT32_MAX;
    bool good = strcmp(value, "unlimited") == 0 || count_of(config, value, 1, 1000000, &number);
    config->options.intensity = (uint32_t)number;
    return good;
}

static bool on_supervisor_death(struct config *config, const char *value)
{
    unsigned which;
    bool good = word_of(config, value, (const char *const[]){"kill", "adopt", NULL}, &which);
    if (good && which == 1)
        config->options.flags |= KIN_SUPERVISE_ADOPT;
    return good;
}

bool config_supervisor_key(struct config *config, const char *key, const char *value)
{
    if (!value || !value[0])
        return config_wrong(config, "%s has no value", key);
    if (strcmp(key, "name") == 0)
        return (config->name = config_text(config, value)) != NULL;
    if (strcmp(key, "control") == 0)
        return (config->control = config_text(config, value)) != NULL;
    if (strcmp(key, "cgroup") == 0)
        return (config->options.cgroup = config->cgroup = config_text(config, value)) != NULL;
    if (strcmp(key, "strategy") == 0)
        return strategy(config, value);
    if (strcmp(key, "intensity") == 0)
        return intensity(config, value);
    if (strcmp(key, "window") == 0)
        return time_of(config, value, &config->options.window);
    if (strcmp(key, "on_supervisor_death") == 0)
        return on_supervisor_death(config, value);
    return config_wrong(config,
                        "\"%s\" is no key of [supervisor]; these are: cgroup, control, intensity, name, "
                        "on_supervisor_death, strategy, window",
                        key);
}
