#include <kin/pipeline.h>
#include "process/process.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include "sys/pipe.h"
#include "sys/reason.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* One command's place: the ends that it gets as 0 and 1, or -1 for what the options say. */
struct place {
    int input, output;
    bool first, last;
};

/* The map of the options, without what the pipes take the place of; `map` has room for two more. */
static size_t map_of(const struct kin_spawn_options *wish, const struct place *place, struct kin_fd_map *map)
{
    size_t count = 0;
    for (size_t i = 0; i < wish->fd_count; i++) {
        bool is_of_another = (wish->fds[i].to == 0 && !place->first) || (wish->fds[i].to == 1 && !place->last);
        if (!is_of_another)
            map[count++] = wish->fds[i];
    }
    if (!place->first)
        map[count++] = (struct kin_fd_map){.to = 0, .from = place->input};
    if (!place->last)
        map[count++] = (struct kin_fd_map){.to = 1, .from = place->output};
    return count;
}

static void kill_all(kin_process *const pipeline[], size_t count)
{
    siginfo_t info;
    for (size_t i = 0; i < count; i++)
        pidfd_signal(pipeline[i]->fd, SIGKILL);
    for (size_t i = 0; i < count; i++) {
        pidfd_wait(pipeline[i]->fd, WEXITED, &info, NULL);
        kin_process_close(pipeline[i]);
    }
}

static int spawn_all(char *const *const commands[], size_t count, struct kin_spawn_options *wish,
                     struct kin_fd_map *map, kin_process *pipeline[])
{
    const struct kin_spawn_options given = *wish;
    int input = -1, result = 0;
    size_t started = 0;
    wish->fds = map;
    while (result == 0 && started < count) {
        struct place place = {.input = input, .output = -1, .first = started == 0, .last = started + 1 == count};
        int ends[2] = {-1, -1};
        if (!place.last && (result = pipe_make(ends)) < 0)
            reason(result, "cannot make a pipe behind command %zu of %zu: %s", started + 1, count,
                   kin_strerror(result));
        place.output = ends[1];
        wish->fd_count = map_of(&given, &place, map);
        if (result == 0)
            result = kin_process_spawn(commands[started], wish, &pipeline[started]);
        file_close(input);
        file_close(ends[1]);
        input = ends[0];
        started += result == 0;
    }
    file_close(input);
    if (result < 0)
        kill_all(pipeline, started);
    return result;
}

int kin_pipeline_spawn(char *const *const commands[], size_t count, const struct kin_spawn_options *options,
                       kin_process *out[])
{
    struct kin_spawn_options wish = {.size = sizeof wish};
    if (options)
        memcpy(&wish, options, options->size < sizeof wish ? options->size : sizeof wish);
    wish.size = sizeof wish;
    if (count == 0)
        return reason(-EINVAL, "a pipeline needs at least one command");
    if (wish.file)
        return reason(-EINVAL, "options->file cannot be every command's; argv[0] says what to execute");
    if (wish.fd_count && !wish.fds)
        return reason(-EINVAL, "the descriptor map is NULL, its count is not 0");
    struct kin_fd_map *map = calloc(wish.fd_count + 2, sizeof *map);
    kin_process **pipeline = calloc(count, sizeof *pipeline);
    int result = map && pipeline ? spawn_all(commands, count, &wish, map, pipeline)
                                 : reason(-ENOMEM, "no memory for a pipeline of %zu commands", count);
    if (result == 0)
        memcpy(out, pipeline, count * sizeof *pipeline);
    free(map);
    free(pipeline);
    return result;
}

int kin_pipeline_wait(kin_process *const pipeline[], size_t count, kin_time until, struct kin_exit out[])
{
    int failed = 0, result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = kin_process_wait(pipeline[i], 0, until, NULL);
    if (result < 0)
        return result;
    for (size_t i = 0; i < count; i++) {
        struct kin_exit how;
        kin_process_wait(pipeline[i], 0, KIN_NOW, &how); /* an end stays told */
        if (how.kind != KIN_EXITED || how.status != 0)
            failed = (int)i + 1;
        if (out)
            out[i] = how;
    }
    return failed;
}
