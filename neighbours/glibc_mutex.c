/* glibc's process-shared mutex, plain or robust: its owner is killed. */
#include "scene.h"
#include <pthread.h>
#include <string.h>

static pthread_mutex_t *mutex;

static int hold(void)
{
    pthread_mutex_lock(mutex);
    report();
    pause();
    return 0;
}

static int lock(void)
{
    return pthread_mutex_lock(mutex);
}

int main(int count, char **words)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (count > 1 && strcmp(words[1], "robust") == 0)
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    mutex = share(sizeof *mutex);
    pthread_mutex_init(mutex, &attributes);

    pid_t owner = start(hold);
    heard();
    end(owner);
    int result = outcome(start(lock));
    if (result < 0)
        return tell(HANGS, "the next lock never returns");
    return result == EOWNERDEAD ? tell(TELLS, "the next lock returns EOWNERDEAD")
                                : tell(SILENT, "the next lock returns %d", result);
}
