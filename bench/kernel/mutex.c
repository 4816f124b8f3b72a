/* glibc's process-shared mutexes, with and without robustness; and how soon a waiter gets a dead owner's. */
#include "kernel/kernel.h"
#include "common/death.h"
#include "common/party.h"
#include "common/require.h"
#include <errno.h>
#include <pthread.h>

static void *create(int robust)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t *mutex = party_memory(sizeof *mutex);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, robust);
    require(pthread_mutex_init(mutex, &attributes) == 0);
    pthread_mutexattr_destroy(&attributes);
    return mutex;
}

static void *create_robust(void)
{
    return create(PTHREAD_MUTEX_ROBUST);
}

static void *create_plain(void)
{
    return create(PTHREAD_MUTEX_STALLED);
}

static void acquire(void *self)
{
    require(pthread_mutex_lock(self) == 0);
}

static void release(void *self)
{
    pthread_mutex_unlock(self);
}

const struct locker robust_locker = {.create = create_robust, .acquire = acquire, .release = release};
const struct locker mutex_locker = {.create = create_plain, .acquire = acquire, .release = release};

static void hold(void *self, struct death *death)
{
    acquire(self);
    death_await(death);
}

static void inherit(void *self, struct death *death)
{
    require(pthread_mutex_lock(self) == EOWNERDEAD);
    death_inherited(death);
    require(pthread_mutex_consistent(self) == 0);
    release(self);
}

double mutex_death(unsigned long number, double nanoseconds)
{
    (void)number;
    return death_measure(&(struct death_contest){hold, inherit, create_robust(), NULL}, nanoseconds);
}
