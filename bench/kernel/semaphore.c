/* glibc's process-shared semaphores, which have no undo. */
#include "kernel/kernel.h"
#include "common/party.h"
#include "common/require.h"
#include <semaphore.h>

static void *create(void)
{
    sem_t *semaphore = party_memory(sizeof *semaphore);
    require(sem_init(semaphore, 1, 1) == 0);
    return semaphore;
}

static void acquire(void *self)
{
    require(sem_wait(self) == 0);
}

static void release(void *self)
{
    require(sem_post(self) == 0);
}

const struct locker semaphore_locker = {.create = create, .acquire = acquire, .release = release};
