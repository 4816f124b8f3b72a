#include "command.h"
#include "descriptor.h"
#include "run.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What CMD gets besides its words. */
struct setting {
    const struct call *call;
    struct kin_fd_map *fds;
    struct kin_limit *limits;
    struct kin_spawn_options spawn;
};

/* N=M, or N=<PATH, N=>PATH, N=>>PATH. */
static int add_fd(struct setting *setting, const char *text)
{
    int64_t to;
    int from;
    char number[16];
    const char *source = strchr(text, '=');
    snprintf(number, sizeof number, "%.*s", source ? (int)(source - text) : 0, text);
    if (!source || !read_number(number, &to) || to < 0 || to > 65535)
        return usage_error(setting->call, "--fd: \"%s\" should be as 3=1, 0=<PATH, 1=>PATH or 1=>>PATH", text);
    int code = descriptor_of(setting->call, "--fd: ", source + 1, &from);
    if (code == EXIT_OK)
        setting->fds[setting->spawn.fd_count++] = (struct kin_fd_map){.to = (int)to, .from = from};
    return code;
}

static const struct {
    const char *name;
    int resource;
} resources[] = {{"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
                 {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
                 {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
                 {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
                 {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
                 {"stack", RLIMIT_STACK}};

static bool read_limit(const char *text, size_t length, uint64_t *out)
{
    char word[32];
    snprintf(word, sizeof word, "%.*s", (int)length, text);
    if (strcmp(word, "unlimited") != 0)
        return read_size(word, out);
    *out = KIN_UNLIMITED;
    return true;
}

/* NAME=SOFT or NAME=SOFT:HARD. */
static int add_limit(struct setting *setting, const char *text)
{
    size_t length = strcspn(text, "=");
    const char *soft = text[length] ? text + length + 1 : "";
    size_t soft_length = strcspn(soft, ":");
    const char *hard = soft[soft_length] ? soft + soft_length + 1 : soft;
    struct kin_limit *limit = &setting->limits[setting->spawn.limit_count];
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++)
        if (strlen(resources[i].name) == length && strncmp(resources[i].name, text, length) == 0) {
            limit->resource = resources[i].resource;
            if (!read_limit(soft, soft_length, &limit->limit.rlim_cur) ||
                !read_limit(hard, strcspn(hard, ":"), &limit->limit.rlim_max))
                break;
            setting->spawn.limit_count++;
            return EXIT_OK;
        }
    return usage_error(setting->call,
                       "--limit: \"%s\" should be as nofile=1024, cpu=10:20 or core=unlimited; man setrlimit "
                       "has the names",
                       text);
}

/* Our own environment is CMD's. */
static int set_environment(const struct call *call, char *text)
{
    char *value = strchr(text, '=');
    if (value == text || !*text)
        return usage_error(call, "--env: \"%s\" should be as NAME=VALUE", text);
    if (!value) {
        unsetenv(text);
        return EXIT_OK;
    }
    return putenv(text) == 0 ? EXIT_OK : no_memory(call);
}

static int read_options(const struct call *call, struct setting *setting, struct run *run)
{
    int code = duration_of(call, OPTION_TIMEOUT, &run->timeout);
    if (code == EXIT_OK)
        code = duration_of(call, OPTION_KILL_AFTER, &run->kill_after);
    static const enum option_id with_wait[] = {OPTION_TIMEOUT, OPTION_KILL_AFTER, OPTION_GROUP};
    for (size_t i = 0; code == EXIT_OK && i < sizeof with_wait / sizeof *with_wait; i++)
        code = not_both(call, OPTION_DETACH, with_wait[i]);
    for (size_t i = 0; code == EXIT_OK && i < call->given_count; i++) {
        char *value = call->given[i].value;
        if (call->given[i].id == OPTION_FD)
            code = add_fd(setting, value);
        else if (call->given[i].id == OPTION_LIMIT)
            code = add_limit(setting, value);
        else if (call->given[i].id == OPTION_ENV)
            code = set_environment(call, value);
    }
    return code;
}

static bool is_mapped(const struct setting *setting, int descriptor)
{
    for (size_t i = 0; i < setting->spawn.fd_count; i++)
        if (setting->fds[i].to == descriptor)
            return true;
    return false;
}

/* A session of its own, and nothing in or out that was not asked for: neither terminal nor shell has a hold on it, and
 * nobody who reads our output waits for its end. */
static int detach(const struct call *call, struct setting *setting)
{
    kin_process *process;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        if (!is_mapped(setting, descriptor))
            setting->fds[setting->spawn.fd_count++] = (struct kin_fd_map){.to = descriptor, .from = nothing};
    setting->spawn.flags |= KIN_SPAWN_SESSION;
    int result = kin_process_spawn(call->cmd, &setting->spawn, &process);
    if (result < 0)
        return not_started(call, result);
    printf("%d\n", (int)kin_process_pid(process));
    kin_process_close(process);
    return EXIT_OK;
}

static int run_and_wait(const struct call *call, const struct setting *setting, struct run *run)
{
    struct run_end end;
    run->spawn = setting->spawn;
    if (is_given(call, OPTION_GROUP))
        run->spawn.flags |= KIN_SPAWN_GROUP;
    int code = run_cmd(run, &end);
    if (code != EXIT_OK)
        return code;
    if (!end.timed_out)
        return exit_code_of(&end.how);
    char text[64];
    complain(call, "%s ran longer than %s; %s", call->cmd[0], value_of(call, OPTION_TIMEOUT),
             kin_exit_text(&end.how, text, sizeof text));
    return EXIT_TIMEOUT;
}

int cmd_spawn(struct call *call)
{
    struct run run = {.call = call};
    struct setting setting = {
        .call = call,
        .fds = calloc(call->given_count + 3, sizeof *setting.fds), /* 0, 1 and 2 by --detach */
        .limits = calloc(call->given_count + 1, sizeof *setting.limits),
        .spawn = *KIN_SPAWN(.flags = KIN_SPAWN_KEEP_IGNORED, .directory = value_of(call, OPTION_CWD)),
    };
    setting.spawn.fds = setting.fds;
    setting.spawn.limits = setting.limits;
    int code = setting.fds && setting.limits ? read_options(call, &setting, &run) : no_memory(call);
    if (code == EXIT_OK)
        code = is_given(call, OPTION_DETACH) ? detach(call, &setting) : run_and_wait(call, &setting, &run);
    free(setting.fds);
    free(setting.limits);
    return code;
}
