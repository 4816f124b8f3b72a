/* What is to run, copied from the caller and checked. */
#include "supervise/supervisor.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MOST 63
#define INSTANCES_MOST 4096u

/* Copies hang on the program, and go with it. */
struct kept {
    struct kept *next;
    uint64_t bytes[];
};

static int keep(struct program *program, const void *place, size_t bytes)
{
    const void *from;
    memcpy(&from, place, sizeof from);
    struct kept *kept = from ? malloc(sizeof *kept + bytes) : NULL;
    if (!from)
        return 0;
    if (!kept)
        return reason(-ENOMEM, "%s: no memory to add it", program->wish.name);
    kept->next = program->kept;
    program->kept = kept;
    memcpy(kept->bytes, from, bytes);
    const void *copy = kept->bytes;
    memcpy((void *)place, &copy, sizeof copy);
    return 0;
}

static int keep_text(struct program *program, const char **place)
{
    return keep(program, place, *place ? strlen(*place) + 1 : 0);
}

static int keep_list(struct program *program, const char *const **place)
{
    size_t count = 0;
    while (*place && (*place)[count])
        count++;
    int result = keep(program, place, (count + 1) * sizeof **place);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = keep_text(program, (const char **)&(*place)[i]);
    return result;
}

static int keep_spawn(struct program *program)
{
    struct kin_spawn_options *spawn = &program->spawn;
    int result = keep_text(program, &spawn->file);
    if (result == 0)
        result = keep_text(program, &spawn->directory);
    if (result == 0)
        result = keep_list(program, (const char *const **)(void *)&spawn->environment);
    if (result == 0)
        result = keep(program, &spawn->fds, spawn->fd_count * sizeof *spawn->fds);
    if (result == 0)
        result = keep(program, &spawn->limits, spawn->limit_count * sizeof *spawn->limits);
    if (result == 0)
        result = keep(program, &spawn->uid, sizeof *spawn->uid);
    return result == 0 ? keep(program, &spawn->gid, sizeof *spawn->gid) : result;
}

static int keep_all(struct program *program)
{
    struct kin_program *wish = &program->wish;
    int result = keep_text(program, &wish->name);
    if (result == 0)
        result = keep_list(program, (const char *const **)(void *)&wish->argv);
    if (result == 0)
        result = keep_list(program, (const char *const **)(void *)&wish->probe);
    if (result == 0)
        result = keep_list(program, (const char *const **)(void *)&wish->after);
    if (result == 0)
        result = keep_text(program, &wish->queue);
    if (result == 0)
        result = keep_text(program, &wish->log.path);
    if (result == 0)
        result = keep(program, &wish->cpus, wish->cpu_words * sizeof *wish->cpus);
    if (result == 0)
        result = keep(program, &wish->handed, wish->handed_count * sizeof *wish->handed);
    for (size_t i = 0; result == 0 && i < wish->handed_count; i++)
        result = keep_text(program, (const char **)(uintptr_t)&wish->handed[i].name);
    return result == 0 ? keep_spawn(program) : result;
}

static int check_name(const struct kin_program *wish)
{
    const char *name = wish->name;
    if (!name || !*name || strlen(name) > NAME_MOST || strpbrk(name, "/. \t\n"))
        return reason(-EINVAL, "\"%s\" cannot be the name of a program: 1 to %d bytes without '/', '.' or space",
                      name ? name : "", NAME_MOST);
    return 0;
}

static int check_start(const struct kin_program *wish)
{
    if (!wish->argv == !wish->run)
        return reason(-EINVAL, "%s: needs either argv or run", wish->name);
    if (wish->argv && !wish->argv[0])
        return reason(-EINVAL, "%s: argv needs at least the name of the command", wish->name);
    if (wish->readiness == KIN_READY_FD && wish->ready_fd < FIRST_HANDED)
        return reason(-EINVAL, "%s: ready_fd must be %d or more", wish->name, FIRST_HANDED);
    if (wish->readiness == KIN_READY_FD && (size_t)wish->ready_fd < FIRST_HANDED + wish->handed_count)
        return reason(-EINVAL, "%s: ready_fd %d is the number of a descriptor that is handed on", wish->name,
                      wish->ready_fd);
    if (wish->readiness == KIN_READY_PROBE && (!wish->probe || !wish->probe[0]))
        return reason(-EINVAL, "%s: needs the command of the probe", wish->name);
    if ((unsigned)wish->readiness > KIN_READY_PROBE || (unsigned)wish->restart > KIN_RESTART_NEVER)
        return reason(-EINVAL, "%s: no such readiness or restart", wish->name);
    return 0;
}

static int check_numbers(const struct kin_program *wish)
{
    if (wish->instances > INSTANCES_MOST || wish->instances_max > INSTANCES_MOST)
        return reason(-EINVAL, "%s: at most %u instances", wish->name, INSTANCES_MOST);
    if (wish->instances_max && wish->instances_max < wish->instances)
        return reason(-EINVAL, "%s: instances_max is %u, below instances, %u", wish->name, wish->instances_max,
                      wish->instances);
    if (wish->instances_max > (wish->instances ? wish->instances : 1) && !wish->queue)
        return reason(-EINVAL, "%s: a number of instances that changes needs a queue to follow", wish->name);
    if (wish->niceness < -20 || wish->niceness > 19)
        return reason(-EINVAL, "%s: the niceness is -20 to 19, not %d", wish->name, wish->niceness);
    if (wish->stop_signal < 0 || wish->stop_signal > SIGRTMAX || wish->reload_signal < -1 ||
        wish->reload_signal > SIGRTMAX)
        return reason(-EINVAL, "%s: no such signal", wish->name);
    if (wish->pause_min < 0 || wish->pause_max < 0 || wish->grace < 0 || wish->ready_within < 0 || wish->watchdog < 0)
        return reason(-EINVAL, "%s: a time is negative", wish->name);
    return 0;
}

static void fill_in(struct kin_program *wish)
{
    wish->instances = wish->instances ? wish->instances : 1;
    wish->instances_max = wish->instances_max ? wish->instances_max : wish->instances;
    wish->pause_min = wish->pause_min ? wish->pause_min : 100 * MILLISECOND;
    wish->pause_max = wish->pause_max ? wish->pause_max : 30 * SECOND;
    wish->ready_within = wish->ready_within ? wish->ready_within : 90 * SECOND;
    wish->grace = wish->grace ? wish->grace : 10 * SECOND;
    wish->stop_signal = wish->stop_signal ? wish->stop_signal : SIGTERM;
    wish->reload_signal = wish->reload_signal ? wish->reload_signal : SIGHUP;
    wish->log.keep = wish->log.keep ? wish->log.keep : 3;
    wish->capture = wish->capture || wish->log.path;
}

int program_copy(kin_supervisor *supervisor, const struct kin_program *wish, struct program **out)
{
    struct program *program = calloc(1, sizeof *program);
    if (!program)
        return reason(-ENOMEM, "no memory to add a program");
    memcpy(&program->wish, wish, wish->size < sizeof program->wish ? wish->size : sizeof program->wish);
    program->supervisor = supervisor;
    program->journal.fd = program->depth.fd = -1;
    program->depth_look = KIN_FOREVER;
    const struct kin_spawn_options *spawn = program->wish.spawn;
    if (spawn)
        memcpy(&program->spawn, spawn, spawn->size < sizeof program->spawn ? spawn->size : sizeof program->spawn);
    program->spawn.size = sizeof program->spawn;
    int result = check_name(&program->wish);
    if (result == 0)
        result = check_start(&program->wish);
    if (result == 0)
        result = check_numbers(&program->wish);
    if (result == 0)
        result = keep_all(program);
    fill_in(&program->wish);
    if (result == 0) {
        program->instances = calloc(program->wish.instances_max, sizeof(struct instance *));
        result = program->instances ? 0 : reason(-ENOMEM, "%s: no memory to add it", program->wish.name);
    }
    if (result < 0)
        program_free(program);
    else
        *out = program;
    return result;
}

void program_free(struct program *program)
{
    for (uint32_t i = 0; i < program->count; i++)
        instance_free(program->instances[i]);
    journal_close(program);
    pool_close(program);
    free(program->instances);
    while (program->kept) {
        struct kept *next = program->kept->next;
        free(program->kept);
        program->kept = next;
    }
    free(program);
}

/* The way that led here, from the last: each caller's frame has one. */
struct way {
    const struct way *before;
    struct program *program;
};

static int ring_found(const struct way *way, const struct program *again)
{
    char text[512] = "";
    const struct way *step = way;
    size_t length = 0;
    for (; step; step = step->before) {
        length +=
            (size_t)snprintf(text + length, sizeof text - length, "%s, which comes after ", step->program->wish.name);
        if (length >= sizeof text - NAME_BYTES || (step->program == again && step != way))
            break;
        if (step->program == again)
            break;
    }
    return reason(-ELOOP, "these come after each other in a ring: %s%s", text, way->program->wish.name);
}

static int visit(const struct way *before, struct program *program)
{
    const struct way way = {before, program};
    for (const struct way *step = before; step; step = step->before)
        if (step->program == program)
            return ring_found(before, program);
    if (program->visited)
        return 0;
    for (const char *const *name = program->wish.after; name && *name; name++) {
        struct program *other = program_find(program->supervisor, *name);
        if (!other)
            return reason(-ENOENT, "%s comes after \"%s\", and there is no program of that name", program->wish.name,
                          *name);
        int result = visit(&way, other);
        if (result < 0)
            return result;
    }
    program->visited = true;
    return 0;
}

int program_check_order(kin_supervisor *supervisor)
{
    int result = 0;
    for (struct program *program = supervisor->programs; program; program = program->next)
        program->visited = false;
    for (struct program *program = supervisor->programs; result == 0 && program; program = program->next)
        result = visit(NULL, program);
    return result;
}

struct program *program_find(const kin_supervisor *supervisor, const char *name)
{
    for (struct program *program = supervisor->programs; program; program = program->next)
        if (strcmp(program->wish.name, name) == 0)
            return program;
    return NULL;
}
