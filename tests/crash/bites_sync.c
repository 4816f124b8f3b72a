/* Units, conditions and rwlocks: for each planted bug a scenario that the sound library passes and
 * that must hang or fail with it. No backstop mends anything here. */
#include "aid.h"
#include "sync/rwlock.h"
#include "sync/semaphore.h"
#include "sync.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/* ---- units ---- */

static int acquire_one(void)
{
    kin_segment *home;
    kin_semaphore *units;
    static const struct kin_semaphore_op take = {.by = -1};
    return kin_semaphore_open(NULL, "units", NULL, &home, &units) < 0 ||
           kin_semaphore_operate(home, units, &take, 1, KIN_FOREVER) < 0;
}

static int release_one(void)
{
    kin_segment *home;
    kin_semaphore *units;
    return kin_semaphore_open(NULL, "units", NULL, &home, &units) < 0 || kin_semaphore_release(home, units) < 0;
}

static int baton_of_units(int patience)
{
    return pass_baton(acquire_one, release_one, patience);
}

static int fire_of_units(int patience)
{
    return give_before_sleep(acquire_one, release_one, patience);
}

static int acquire_and_die(void)
{
    kin_segment *home;
    kin_semaphore *units;
    if (kin_semaphore_open(NULL, "unit", KIN_SEMAPHORE(.value = 1), &home, &units) == 0 &&
        kin_semaphore_acquire(home, units, KIN_NOW) == 0)
        raise(SIGKILL);
    return 1;
}

/* Only the sweep comes by: what the process record does not name it cannot give back. */
static int name_of_units(int patience)
{
    kin_segment *home;
    kin_semaphore *units;
    (void)patience;
    waitpid(start_process(0, acquire_and_die), NULL, 0);
    if (kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) < 1 ||
        kin_semaphore_open(NULL, "unit", NULL, &home, &units) < 0)
        return -1;
    bool back = CELL_VALUE(units->kin[CELLS_AT]) == 1; /* a call would settle it */
    kin_segment_close(home);
    return back ? 0 : -1;
}

static int name_child(void)
{
    return name_of_units(0) != 0;
}

static int name_apart(int patience)
{
    return ends(start_process(0, name_child), patience == HANG ? HANG : 10 * SILENT);
}

static int enter_room(void)
{
    return room_open(getenv("KIN_DOMAIN"));
}

/* ---- conditions ---- */

static int wait_for_flag(void)
{
    if (enter_room() < 0 || kin_lock_acquire(segment, &room->lock, KIN_FOREVER) < 0)
        return 1;
    while (!room->flag)
        if (kin_condition_wait(segment, &room->condition, &room->lock, KIN_FOREVER) < 0)
            return 1;
    return kin_lock_release(segment, &room->lock);
}

static int set_flag(void)
{
    if (enter_room() < 0 || kin_lock_acquire(segment, &room->lock, KIN_FOREVER) < 0)
        return 1;
    room->flag = 1;
    return kin_condition_signal(segment, &room->condition) < 0 || kin_lock_release(segment, &room->lock) < 0;
}

static int signalled(int patience)
{
    return give_before_sleep(wait_for_flag, set_flag, patience);
}

/* ---- a rwlock that readers make quick ---- */

static int read_quickly(void)
{
    return enter_room() < 0 || read_often() < 0;
}

static int write_unfenced(void)
{
    return enter_room() < 0 || write_and_release() < 0 || !(room->rwlock.state & NEVER);
}

/* Who cannot fence the readers must see to it that from now on they do it themselves. What happens without any fence is
 * for model/rwlock.pml to tell: it is too rare to wait for. */
static int unfenced(int patience)
{
    int result = ends(start_process(0, read_quickly), HANG);
    return ends(start_process(PLANT_BIT(PLANT_NO_MEMBARRIER), write_unfenced), patience) + result;
}

int main(void)
{
    kin_backstop = INT64_C(1000) * 1000 * 1000 * 1000;
    tap_bite(PLANT_NO_BATON, "units: no baton", baton_of_units);
    tap_bite(PLANT_NO_FIRE, "units: the event is not fired before the commit", fire_of_units);
    tap_bite(PLANT_NO_HOLD, "units: their segment is not named", name_apart);
    tap_bite(PLANT_NO_FIRE, "condition: a signal does not change the event", signalled);
    tap_bite(PLANT_ARM_LATE, "condition: armed when the lock is released", signalled);
    tap_bite(PLANT_NO_FENCE, "rwlock: quick readers are not fenced", unfenced);
    return tap_end();
}
