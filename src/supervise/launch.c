/* Makes an instance's process: its environment, its descriptors, and what it does before it runs. */
#include "supervise/supervisor.h"
#include "process/child.h"
#include "process/process.h"
#include "sys/bare.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OURS_MOST 8
#define LISTEN_PID "LISTEN_PID="

extern char **environ;

struct launch {
    struct instance *instance;
    const struct kin_program *wish;
    struct record *record;
    uint32_t starts;
    char *ours[OURS_MOST]; /* variables of the environment that we set */
    size_t our_count;
    bool short_of_memory;
    char **environment;
    char listen_pid[sizeof LISTEN_PID + 10];
    struct kin_fd_map *fds;
    size_t fd_count;
    int ready[2]; /* the pipe of KIN_READY_FD, or -1 */
    int procs;    /* of its cgroup, or -1 */
};

enum { TAKE_PLACE, JOIN_GROUP, SET_NICENESS, SET_CPUS };
static const char *const entry_names[] = {"take its place: its supervisor has died", "join its cgroup",
                                          "set its niceness", "set the cpus that it may use"};

/* A child knows its own number only. */
static IN_CHILD void write_pid(char *text)
{
    char digits[10];
    int count = 0;
    for (uint32_t pid = (uint32_t)bare_pid(); pid; pid /= 10)
        digits[count++] = (char)('0' + pid % 10);
    while (count > 0)
        *text++ = digits[--count];
    *text = 0;
}

static IN_CHILD int enter(void *context, int *detail)
{
    struct launch *launch = context;
    const struct kin_program *wish = launch->wish;
    *detail = TAKE_PLACE;
    if (PLANTED(STOP_ENTERING))
        kill(bare_pid(), SIGSTOP);
    int result = claim_take(launch->record, launch->starts);
    if (result < 0)
        return result;
    write_pid(launch->listen_pid + sizeof LISTEN_PID - 1);
    *detail = JOIN_GROUP;
    if (launch->procs >= 0 && (result = bare_write(launch->procs, "0", 1)) < 0)
        return result;
    *detail = SET_NICENESS;
    if (wish->niceness && (result = bare_nice(wish->niceness)) < 0)
        return result;
    *detail = SET_CPUS;
    result = wish->cpus ? bare_cpus(wish->cpus, wish->cpu_words) : 0;
    return result < 0 ? result : 0;
}

static void set(struct launch *launch, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void set(struct launch *launch, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (vasprintf(&launch->ours[launch->our_count], format, list) < 0)
        launch->short_of_memory = true;
    else
        launch->our_count++;
    va_end(list);
}

static void set_listen_names(struct launch *launch)
{
    const struct instance *instance = launch->instance;
    size_t count = launch->wish->handed_count + instance->body.stored;
    char *names = NULL;
    size_t length = 0;
    FILE *text = open_memstream(&names, &length);
    if (!text) {
        launch->short_of_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        fprintf(text, "%s%s", i ? ":" : "",
                i < launch->wish->handed_count ? launch->wish->handed[i].name
                                               : instance->stored[i - launch->wish->handed_count].name);
    if (fclose(text) != 0)
        launch->short_of_memory = true;
    else
        set(launch, "LISTEN_FDNAMES=%s", names);
    free(names);
    set(launch, "LISTEN_FDS=%zu", count);
}

static void set_ours(struct launch *launch)
{
    const struct instance *instance = launch->instance;
    const kin_supervisor *self = instance->supervisor;
    set(launch, TOKEN "=%" PRIx64 "/%s/%u", self->identity, instance->name, launch->starts);
    set(launch, "NOTIFY_SOCKET=%s", self->notify_name);
    if (launch->wish->watchdog)
        set(launch, "WATCHDOG_USEC=%" PRId64, launch->wish->watchdog / 1000);
    if (launch->wish->handed_count + instance->body.stored > 0)
        set_listen_names(launch);
}

static bool is_ours(const char *variable)
{
    static const char *const names[] = {
        TOKEN "=", "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "LISTEN_FDS=", LISTEN_PID, "LISTEN_FDNAMES="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static int make_environment(struct launch *launch)
{
    char *const *from = launch->instance->program->spawn.environment;
    size_t count = 0, length = 0;
    from = from ? from : environ;
    while (from && from[length])
        length++;
    launch->environment = calloc(length + OURS_MOST + 2, sizeof *launch->environment);
    set_ours(launch);
    if (!launch->environment || launch->short_of_memory)
        return reason(-ENOMEM, "%s: no memory to start it", launch->instance->name);
    for (size_t i = 0; i < length; i++)
        if (!is_ours(from[i]))
            launch->environment[count++] = from[i];
    for (size_t i = 0; i < launch->our_count; i++)
        launch->environment[count++] = launch->ours[i];
    memcpy(launch->listen_pid, LISTEN_PID, sizeof LISTEN_PID);
    if (launch->wish->handed_count + launch->instance->body.stored > 0)
        launch->environment[count++] = launch->listen_pid;
    return 0;
}

static void map(struct launch *launch, int to, int from)
{
    for (size_t i = 0; i < launch->fd_count; i++)
        if (launch->fds[i].to == to)
            return;
    launch->fds[launch->fd_count++] = (struct kin_fd_map){to, from};
}

/* What the caller maps goes before what we would. */
static int map_descriptors(struct launch *launch)
{
    struct instance *instance = launch->instance;
    const struct kin_spawn_options *spawn = &instance->program->spawn;
    const struct kin_program *wish = launch->wish;
    int next = FIRST_HANDED;
    launch->fds = calloc(spawn->fd_count + wish->handed_count + instance->body.stored + 4, sizeof *launch->fds);
    if (!launch->fds)
        return reason(-ENOMEM, "%s: no memory to start it", instance->name);
    for (size_t i = 0; i < spawn->fd_count; i++)
        map(launch, spawn->fds[i].to, spawn->fds[i].from);
    map(launch, 0, instance->supervisor->null);
    for (int i = 0; i < 2; i++)
        if (instance->streams[i])
            map(launch, i + 1, instance->streams[i]->theirs);
    for (size_t i = 0; i < wish->handed_count; i++)
        map(launch, next++, wish->handed[i].fd);
    for (size_t i = 0; i < instance->body.stored; i++)
        map(launch, next++, instance->stored[i].fd);
    if (wish->readiness == KIN_READY_FD)
        map(launch, wish->ready_fd, launch->ready[1]);
    return 0;
}

static int prepare(struct launch *launch)
{
    struct instance *instance = launch->instance;
    int result = make_environment(launch);
    if (result == 0)
        result = output_open(instance);
    if (result == 0 && launch->wish->readiness == KIN_READY_FD && (result = pipe_make(launch->ready)) < 0) {
        errno = -result;
        result = reason(result, "%s: no pipe to learn from when it is ready: %m", instance->name);
    }
    if (result == 0)
        result = map_descriptors(launch);
    return result == 0 ? group_open(instance, &launch->procs) : result;
}

/* In the child, which has a copy of this memory. */
static int run(void *context)
{
    struct launch *launch = context;
    environ = launch->environment;
    return launch->wish->run(launch->wish->context);
}

static int make_process(struct launch *launch, kin_process **out)
{
    struct instance *instance = launch->instance;
    struct kin_spawn_options spawn = instance->program->spawn;
    const struct entry entry = {enter, launch, entry_names};
    spawn.environment = launch->environment;
    spawn.fds = launch->fds;
    spawn.fd_count = launch->fd_count;
    if (!(spawn.flags & KIN_SPAWN_SESSION))
        spawn.flags |= KIN_SPAWN_GROUP;
    if (!(instance->supervisor->options.flags & KIN_SUPERVISE_ADOPT))
        spawn.flags |= KIN_SPAWN_LIFELINE;
    return launch->wish->argv ? process_spawn(launch->wish->argv, &spawn, &entry, out)
                              : process_fork(run, launch, &spawn, &entry, out);
}

static void clear(struct launch *launch)
{
    for (size_t i = 0; i < launch->our_count; i++)
        free(launch->ours[i]);
    free(launch->environment);
    free(launch->fds);
    file_close(launch->ready[0]);
    file_close(launch->ready[1]);
    file_close(launch->procs);
}

/* The intent is in the record, and the claim is open, before there is a child. */
static int start(struct launch *launch, kin_process **out)
{
    struct instance *instance = launch->instance;
    struct body *body = &instance->body;
    instance->adopted = false;
    body->started = clock_realtime();
    body->intent = tick_now();
    launch->starts = ++body->starts;
    instance_write(instance);
    int result = prepare(launch);
    if (result < 0)
        return result;
    claim_open(instance->record, launch->starts);
    return make_process(launch, out);
}

static void started(struct launch *launch, kin_process *process)
{
    struct instance *instance = launch->instance;
    instance_watch(instance, process);
    output_started(instance);
    tell_state(instance);
    if (launch->wish->readiness == KIN_READY_AT_ONCE) {
        instance_event(instance, SAYS_READY);
        return;
    }
    ready_begin(instance, launch->ready[0]);
    launch->ready[0] = -1;
}

void launch(struct instance *instance)
{
    struct launch launch = {.instance = instance,
                            .wish = &instance->program->wish,
                            .record = instance->record,
                            .ready = {-1, -1},
                            .procs = -1};
    struct kin_exit none = {.kind = KIN_ENDED};
    kin_process *process;
    int result = start(&launch, &process);
    if (result == 0) {
        started(&launch, process);
    } else {
        snprintf(instance->body.status, sizeof instance->body.status, "%s", kin_reason());
        tell_trouble(instance, "%s", kin_reason());
        instance_ended(instance, &none);
    }
    clear(&launch);
}
