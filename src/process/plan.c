/* What the caller wishes, checked and laid out so that the child need not allocate. */
#include "process/child.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KNOWN_FLAGS                                                                                                    \
    (KIN_SPAWN_GROUP | KIN_SPAWN_SESSION | KIN_SPAWN_KEEP_MASK | KIN_SPAWN_KEEP_IGNORED | KIN_SPAWN_LIFELINE |         \
     KIN_SPAWN_NO_PATH | KIN_SPAWN_KEEP_FDS | KIN_SPAWN_DESPITE_THREADS)
#define DEFAULT_SEARCH "/bin:/usr/bin"

static int check_map(const struct kin_spawn_options *wish)
{
    if (wish->fd_count > INT_MAX || (wish->fd_count && !wish->fds))
        return reason(-EINVAL, "the descriptor map is NULL, its count is not 0");
    for (size_t i = 0; i < wish->fd_count; i++) {
        struct kin_fd_map entry = wish->fds[i];
        if (entry.to < 0)
            return reason(-EINVAL, "descriptor map: %d is no number that a descriptor can have in the child", entry.to);
        if (entry.from != KIN_FD_CLOSED && fcntl(entry.from, F_GETFD) < 0)
            return reason(-EBADF, "descriptor map: %d, which the child should have as %d, is not open", entry.from,
                          entry.to);
        for (size_t j = 0; j < i; j++)
            if (wish->fds[j].to == entry.to)
                return reason(-EINVAL, "descriptor map: two entries for the child's descriptor %d", entry.to);
    }
    return 0;
}

static int check_wish(const struct kin_spawn_options *wish)
{
    unsigned unknown = wish->flags & ~(unsigned)KNOWN_FLAGS;
    if (unknown)
        return reason(-EINVAL, "unknown flags 0x%x; see enum kin_spawn_flag", unknown);
    if (wish->limit_count > INT_MAX || (wish->limit_count && !wish->limits))
        return reason(-EINVAL, "the list of limits is NULL, its count is not 0");
    if (wish->lifeline_signal < 0 || wish->lifeline_signal > SIGRTMAX)
        return reason(-EINVAL, "lifeline: there is no signal %d", wish->lifeline_signal);
    return check_map(wish);
}

static int plan_program(struct child *child, char *const argv[])
{
    const char *file = child->wish.file ? child->wish.file : argv[0];
    bool searched = !(child->wish.flags & KIN_SPAWN_NO_PATH);
    size_t count = 1;
    if (!*file)
        return reason(-ENOENT, "the name of the program is empty");
    child->file = file;
    child->argv = argv;
    child->environment = child->wish.environment ? child->wish.environment : environ;
    if (!searched)
        return 0;
    while (argv[count])
        count++;
    /* SHELL, the path, all arguments but the first, NULL. */
    child->script = calloc(count + 2, sizeof *child->script);
    if (!child->script)
        return reason(-ENOMEM, "no memory for %zu arguments", count);
    memcpy(child->script + 2, argv + 1, (count - 1) * sizeof *argv);
    if (strchr(file, '/'))
        return 0;
    if (strlen(file) > NAME_MAX)
        return reason(-ENAMETOOLONG, "the name of the program is longer than %d bytes", NAME_MAX);
    const char *path = getenv("PATH");
    child->search = path ? path : DEFAULT_SEARCH;
    return 0;
}

int child_plan(struct child *child, char *const argv[], const struct kin_spawn_options *options)
{
    *child = (struct child){.parent = getpid(), .report = -1};
    if (options)
        memcpy(&child->wish, options, options->size < sizeof child->wish ? options->size : sizeof child->wish);
    int result = check_wish(&child->wish);
    if (result == 0 && child->wish.fd_count) {
        child->fds = calloc(child->wish.fd_count, sizeof *child->fds);
        if (child->fds)
            memcpy(child->fds, child->wish.fds, child->wish.fd_count * sizeof *child->fds);
        else
            result = reason(-ENOMEM, "no memory for a map of %zu descriptors", child->wish.fd_count);
    }
    if (result == 0 && argv)
        result = plan_program(child, argv);
    if (result < 0)
        child_plan_free(child);
    return result;
}

void child_plan_free(struct child *child)
{
    free(child->fds);
    free(child->script);
}
