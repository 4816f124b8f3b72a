/* kin_lock: its owner is killed. The domain is $KIN_DOMAIN. */
#include "scene.h"
#include <kin/lock.h>

static kin_segment *home;
static kin_lock *lock;
static pid_t *owner;

static int open_it(void)
{
    return kin_lock_open(NULL, "lock", NULL, &home, &lock);
}

static int hold(void)
{
    *owner = getpid();
    if (open_it() < 0 || kin_lock_acquire(home, lock, KIN_FOREVER) < 0)
        return 2;
    report();
    pause();
    return 0;
}

/* 0: it was told of the death, and whose. */
static int acquire(void)
{
    struct kin_owner dead;
    if (open_it() < 0 || kin_lock_acquire(home, lock, KIN_FOREVER) != KIN_RECOVERED)
        return 1;
    return kin_lock_dead_owner(home, lock, &dead) < 0 || dead.pid != *owner;
}

int main(void)
{
    owner = share(sizeof *owner);
    pid_t holder = start(hold);
    heard();
    end(holder);
    int result = outcome(start(acquire));
    if (result < 0)
        return tell(HANGS, "the next acquire never returns");
    return result == 0 ? tell(TELLS, "the next acquire returns KIN_RECOVERED and names the dead one")
                       : tell(WRONG, "the next acquire does not tell who died");
}
