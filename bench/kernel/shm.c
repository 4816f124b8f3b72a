/* Attaching POSIX shared memory: acquire opens, asks for the length, maps, reads a byte; release undoes it. */
#include "kernel/kernel.h"
#include "common/require.h"
#include "common/scratch.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct attacher {
    char name[80];
    char *memory;
    size_t bytes;
    int fd;
};

static void *create(void)
{
    struct attacher *attacher = calloc(1, sizeof *attacher);
    require(attacher);
    snprintf(attacher->name, sizeof attacher->name, "/%s", scratch_name());
    int fd = shm_open(attacher->name, O_RDWR | O_CREAT | O_EXCL, 0600);
    require(fd >= 0 && posix_fallocate(fd, 0, 1 << 20) == 0);
    close(fd);
    return attacher;
}

static void attach(void *self)
{
    struct attacher *attacher = self;
    struct stat about;
    attacher->fd = shm_open(attacher->name, O_RDWR, 0);
    require(attacher->fd >= 0 && fstat(attacher->fd, &about) == 0);
    attacher->bytes = (size_t)about.st_size;
    attacher->memory = mmap(NULL, attacher->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, attacher->fd, 0);
    require(attacher->memory != MAP_FAILED);
    *(volatile char *)attacher->memory;
}

static void detach(void *self)
{
    struct attacher *attacher = self;
    munmap(attacher->memory, attacher->bytes);
    close(attacher->fd);
}

static void destroy(void *self)
{
    struct attacher *attacher = self;
    shm_unlink(attacher->name);
    free(attacher);
}

const struct locker shm_locker = {.create = create, .acquire = attach, .release = detach, .destroy = destroy};
