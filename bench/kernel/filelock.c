/* The kernel's locks of open file descriptions, and flock(1), which runs a command under one. */
#include "kernel/kernel.h"
#include "common/command.h"
#include "common/require.h"
#include "common/scratch.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define PROGRAM "/usr/bin/flock"

struct locked_file {
    char path[64];
    int fd;
};

static void *create(void)
{
    struct locked_file *file = malloc(sizeof *file);
    require(file);
    snprintf(file->path, sizeof file->path, "/dev/shm/%s-lock", scratch_name());
    file->fd = -1;
    return file;
}

static void join(void *self)
{
    struct locked_file *file = self;
    file->fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    require(file->fd >= 0);
}

static void set(const struct locked_file *file, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    require(fcntl(file->fd, F_OFD_SETLKW, &lock) == 0);
}

static void acquire(void *self)
{
    set(self, F_WRLCK);
}

static void release(void *self)
{
    set(self, F_UNLCK);
}

static void acquire_whole(void *self)
{
    require(flock(((const struct locked_file *)self)->fd, LOCK_EX) == 0);
}

static void release_whole(void *self)
{
    require(flock(((const struct locked_file *)self)->fd, LOCK_UN) == 0);
}

const struct locker ofd_locker = {.create = create, .join = join, .acquire = acquire, .release = release};
const struct locker flock_locker = {
    .create = create, .join = join, .acquire = acquire_whole, .release = release_whole};

void flock_command(void)
{
    char *words[4] = {(char *)PROGRAM};
    command_under_lock(words, 1);
}

const char *flock_absent(void)
{
    return access(PROGRAM, X_OK) == 0 ? NULL : "there is no " PROGRAM;
}
