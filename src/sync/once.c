/* kin_once: one runs it to its end.
 *
 * Layout   kin_once in kin/once.h: a guard (sync/guard.h), `done`, `begun`.
 * States   new -> begun (somebody is, or was, in the function) -> done.
 * Always   begun and done change under the guard, and never back. done unset is slow (a visit), set early wrong.
 * Order    begun before the function; the function's stores before done (release), whose pair is the first load.
 * Death    inside the function: begun is set and done is not, so the next one runs it and is told. After done: done.
 * Tests    tests/unit/sync, tests/crash/sweep_sync. */
#include <kin/once.h>
#include "sync/guard.h"
#include "sys/plant.h"
#include <errno.h>

_Static_assert(sizeof(kin_once) == 64, "one layout for 32 and 64 bits");
static const struct make make = {"once", MAGIC_ONCE, sizeof(kin_once), offsetof(kin_once, magic)};

int kin_once_init(kin_segment *segment, kin_once *once)
{
    int result = place_clear(segment, once, &make);
    if (result == 0)
        place_ready(once, &make);
    return result;
}

static __attribute__((noinline)) int run_it(kin_segment *segment, kin_once *once,
                                            int (*run)(void *context, int begun), void *context, kin_time until)
{
    struct visit visit;
    int result = guard_enter(&visit, segment, once, &make, false, until);
    if (result < 0)
        return result;
    result = 0;
    if (!LOAD(once->done)) {
        int begun = LOAD(once->begun) != 0;
        if (!PLANTED(NO_OP))
            STORE(once->begun, 1);
        if (PLANTED(COMMIT_FIRST))
            STORE_RELEASE(once->done, 1);
        KEEP_ORDER();
        result = run(context, begun);
        if (result >= 0)
            STORE_RELEASE(once->done, 1);
        KEEP_ORDER();
    }
    guard_leave(&visit, false);
    return result < 0 ? result : 0;
}

int kin_once_run(kin_segment *segment, kin_once *once, int (*run)(void *context, int begun), void *context,
                 kin_time until)
{
    uint64_t offset;
    if (likely(place_is(segment, once, &make, &offset) && LOAD_ACQUIRE(once->done)))
        return 0;
    return run_it(segment, once, run, context, until);
}

int once_settle(kin_segment *segment, struct seat *seat, void *at, uint32_t dead)
{
    kin_once *once = at;
    uint32_t seen = LOAD_ACQUIRE(once->word);
    if ((seen & ID_MASK) != dead || !CAS(once->word, &seen, 0))
        return 0;
    life_log(seat->domain, &segment->object.segment, dead, 0, "a once, not done");
    if (seen & MUTEX_WAITERS)
        mutex_wake(&once->word);
    return 0;
}
