/* A System V semaphore of one unit, taken with SEM_UNDO: who has the unit is killed. */
#include "scene.h"
#include <sys/sem.h>

static int set;

static int take(void)
{
    struct sembuf one = {0, -1, SEM_UNDO};
    return semop(set, &one, 1) < 0;
}

static int hold(void)
{
    take();
    report();
    pause();
    return 0;
}

int main(void)
{
    union {
        int value;
        struct semid_ds *pointer;
    } argument = {1};
    set = semget(IPC_PRIVATE, 1, 0600);
    if (set < 0 || semctl(set, 0, SETVAL, argument) < 0)
        return 2;

    pid_t holder = start(hold);
    heard();
    end(holder);
    int result = outcome(start(take));
    semctl(set, 0, IPC_RMID);
    return result < 0 ? tell(HANGS, "the next semop never returns")
                      : tell(GIVES_BACK, "the kernel gives the unit back, the next semop gets it");
}
