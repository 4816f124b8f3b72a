/* Units, conditions, rwlocks and cycles of locks: for each planted bug a scenario that the sound library passes and
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
    return ends(start_process(1u << PLANT_NO_MEMBARRIER, write_unfenced), patience) + result;
}

/* ---- cycles ---- */

struct door {
    kin_segment *home;
    kin_lock *lock;
};

static int open_door(const char *name, struct door *door)
{
    int result = kin_lock_open(NULL, name, NULL, &door->home, &door->lock);
    if (result == 0)
        kin_lock_check_cycles(door->home, 1);
    return result;
}

/* Holds one door, stops if he is told to, and asks for the other: refused if that would wait for himself. */
static int hold_and_ask(const char *first, const char *second, bool stop)
{
    struct door mine, next;
    if (open_door(first, &mine) < 0 || open_door(second, &next) < 0 ||
        kin_lock_acquire(mine.home, mine.lock, KIN_NOW) < 0)
        return 1;
    if (stop)
        raise(SIGSTOP);
    int result = kin_lock_acquire(next.home, next.lock, KIN_FOREVER);
    if (result >= 0)
        kin_lock_release(next.home, next.lock);
    kin_lock_release(mine.home, mine.lock);
    return result < 0 && result != -EDEADLK;
}

static int hold_a_ask_b(void)
{
    return hold_and_ask("a", "b", false);
}

static int hold_b_ask_a(void)
{
    return hold_and_ask("b", "a", true);
}

/* The first has looked, and not slept yet, when the second closes the cycle: who looks last sees the other. */
static int closed_together(int patience)
{
    pid_t second = start_process(0, hold_b_ask_a);
    until_state(second, 'T');
    pid_t first = start_process(1u << PLANT_STOP_AWAKE, hold_a_ask_b);
    until_state(first, 'T');
    kill(second, SIGCONT);
    int result = ends(second, patience);
    kill(first, SIGCONT);
    return ends(first, patience) + result;
}

static int hold_c_ask_b(void)
{
    return hold_and_ask("c", "b", false);
}

static int hold_a_ask_c(void)
{
    struct door a, c;
    if (open_door("a", &a) < 0 || open_door("c", &c) < 0 || kin_lock_acquire(a.home, a.lock, KIN_NOW) < 0)
        return 1;
    raise(SIGSTOP);
    int result = kin_lock_acquire(c.home, c.lock, kin_after(1000 * 1000));
    kin_lock_release(a.home, a.lock);
    return result != -ETIMEDOUT;
}

/* Of the three in a cycle one is dead, and who waits for him has not heard of it. */
static int broken_by_death(int patience)
{
    pid_t third = start_process(0, hold_a_ask_c);
    until_state(third, 'T');
    pid_t first = start_process(0, hold_b_ask_a);
    until_state(first, 'T');
    pid_t second = start_process(0, hold_c_ask_b);
    until_state(second, 'S');
    kill(first, SIGCONT);
    until_state(first, 'S');
    kill(second, SIGSTOP);
    until_state(second, 'T');
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    kill(third, SIGCONT);
    int result = ends(third, patience);
    kill(second, SIGKILL);
    waitpid(second, NULL, 0);
    return result;
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
    tap_bite(PLANT_LOOK_FIRST, "cycles: a look before it is said what is waited for", closed_together);
    tap_bite(PLANT_NO_DEATH_CHECK, "cycles: a dead one counts as waiting", broken_by_death);
    return tap_end();
}
