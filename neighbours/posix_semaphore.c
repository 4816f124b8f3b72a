/* A named POSIX semaphore of one unit: who has the unit is killed. */
#include "scene.h"
#include <fcntl.h>
#include <semaphore.h>

static sem_t *semaphore;

static int hold(void)
{
    sem_wait(semaphore);
    report();
    pause();
    return 0;
}

static int take(void)
{
    return sem_wait(semaphore);
}

int main(void)
{
    char name[64];
    snprintf(name, sizeof name, "/neighbour-%d", (int)getpid());
    semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
    sem_unlink(name);
    if (semaphore == SEM_FAILED)
        return 2;

    pid_t holder = start(hold);
    heard();
    end(holder);
    return outcome(start(take)) < 0 ? tell(HANGS, "the unit is gone: the next sem_wait never returns")
                                    : tell(GIVES_BACK, "the next sem_wait gets the unit");
}
