/* The read side of glibc's process-shared rwlock. */
#include "kernel/kernel.h"
#include "common/party.h"
#include "common/require.h"
#include <pthread.h>

static void *create(void)
{
    pthread_rwlockattr_t attributes;
    pthread_rwlock_t *rwlock = party_memory(sizeof *rwlock);
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    require(pthread_rwlock_init(rwlock, &attributes) == 0);
    pthread_rwlockattr_destroy(&attributes);
    return rwlock;
}

static void acquire(void *self)
{
    require(pthread_rwlock_rdlock(self) == 0);
}

static void release(void *self)
{
    pthread_rwlock_unlock(self);
}

const struct locker read_locker = {.create = create, .acquire = acquire, .release = release};

double rwlock_readers(unsigned long number, double nanoseconds)
{
    (void)number;
    return locker_shared(&read_locker, nanoseconds);
}
