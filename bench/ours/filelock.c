/* A lock of a file, and kin lock, which runs a command under one. */
#include "ours/ours.h"
#include "common/command.h"
#include "common/require.h"
#include "common/scratch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct locked_file {
    char path[64];
    int fd;
};

static void *create(void)
{
    struct locked_file *file = malloc(sizeof *file);
    require(file);
    snprintf(file->path, sizeof file->path, "/dev/shm/%s-lock", scratch_name());
    return file;
}

static void join(void *self)
{
    struct locked_file *file = self;
    must(kin_filelock_open(file->path, NULL, &file->fd));
}

static void acquire(void *self)
{
    must(kin_filelock_acquire(((const struct locked_file *)self)->fd, NULL, KIN_FOREVER));
}

static void release(void *self)
{
    must(kin_filelock_release(((const struct locked_file *)self)->fd, NULL));
}

const struct locker filelock_locker = {.create = create, .join = join, .acquire = acquire, .release = release};

/* The command of the build that this program is of. */
static const char *program(void)
{
    static char path[600];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 32);
    path[length > 0 ? length : 0] = 0;
    char *slash = strrchr(path, '/');
    if (slash)
        strcpy(slash, "/../cli/kin");
    return path;
}

void lock_command(void)
{
    static char lock[] = "lock";
    char *words[5] = {(char *)program(), lock};
    command_under_lock(words, 2);
}

const char *lock_command_absent(void)
{
    return access(program(), X_OK) == 0 ? NULL : "the kin command is not built here";
}
