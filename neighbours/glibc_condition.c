/* glibc's process-shared condition variable with a robust mutex: two waiters are killed, then others use it. */
#include "scene.h"
#include <pthread.h>

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
} *shared;

static void lock(void)
{
    if (pthread_mutex_lock(&shared->mutex) == EOWNERDEAD)
        pthread_mutex_consistent(&shared->mutex);
}

static int wait_for_it(void)
{
    lock();
    report();
    pthread_cond_wait(&shared->condition, &shared->mutex);
    pthread_mutex_unlock(&shared->mutex);
    return 0;
}

static int broadcast(void)
{
    lock(); /* who reported let go of the mutex only by waiting */
    pthread_cond_broadcast(&shared->condition);
    pthread_mutex_unlock(&shared->mutex);
    return 0;
}

static pid_t start_waiter(void)
{
    pid_t waiter = start(wait_for_it);
    heard();
    lock();
    pthread_mutex_unlock(&shared->mutex);
    return waiter;
}

int main(void)
{
    pthread_mutexattr_t mutex;
    pthread_condattr_t condition;
    shared = share(sizeof *shared);
    pthread_mutexattr_init(&mutex);
    pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->mutex, &mutex);
    pthread_condattr_init(&condition);
    pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->condition, &condition);

    pid_t first = start_waiter(), second = start_waiter();
    end(first);
    end(second);
    for (int round = 1; round <= 5; round++) {
        pid_t waiter = start_waiter();
        int sent = outcome(start(broadcast));
        int woken = sent < 0 ? (end(waiter), -1) : outcome(waiter);
        if (sent < 0)
            return tell(HANGS, "broadcast number %d never returns", round);
        if (woken < 0)
            return tell(HANGS, "a new waiter is not woken by broadcast number %d", round);
    }
    return tell(GIVES_BACK, "five new waiters were woken");
}
