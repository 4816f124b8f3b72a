/* The six headings are in sync/guard.h. */
#include "sync/guard.h"
#include "sys/reason.h"
#include <errno.h>

static int acquire(struct visit *visit, const struct make *make, kin_time until)
{
    if (visit->brief)
        life_work_on(visit->seat, visit->segment->object.id);
    if (mutex_try(visit->seat, visit->word))
        return 0;
    struct mutex_ask ask = {
        .seat = visit->seat,
        .word = visit->word,
        .object = &visit->segment->object,
        .offset = visit->offset,
        .until = until,
        .brief = visit->brief,
    };
    int result = mutex_acquire_slowly(&ask);
    if (result < 0 && visit->brief)
        life_work_done(visit->seat);
    if (result == -ETIMEDOUT)
        return reason(result, "another thread is inside the %s in %s", make->noun,
                      visit->segment->object.segment.path);
    return result;
}

int guard_enter(struct visit *visit, kin_segment *segment, void *at, const struct make *make, bool brief,
                kin_time until)
{
    int result = 0;
    *visit = (struct visit){.segment = segment, .word = at, .brief = brief};
    struct seat *seat = visit->seat = place_enter(segment, at, make, &visit->offset, &result);
    if (!seat)
        return result;
    visit->number = life_holds(seat, segment->object.id, visit->offset);
    visit->known = visit->number >= 0;
    if (visit->known && (LOAD(*visit->word) & ID_MASK) == seat->id)
        return reason(-EDEADLK, "this thread is inside the %s in %s already", make->noun,
                      segment->object.segment.path);
    if (!visit->known)
        visit->number = life_hold(seat, segment->object.id, visit->offset);
    if (visit->number < 0)
        return reason(visit->number, "this thread holds %u things already: release one first", HOLDS_MAX);
    result = acquire(visit, make, until);
    if (result < 0 && !visit->known)
        life_forget(seat, visit->number);
    return result;
}

int guard_enter_again(struct visit *visit, const struct make *make, kin_time until)
{
    visit->wake = 0;
    return acquire(visit, make, until);
}

void guard_leave(struct visit *visit, bool keep)
{
    mutex_release(visit->word);
    if (visit->brief)
        life_work_done(visit->seat);
    poll_wake(visit->segment, visit->offset, visit->event, visit->wake);
    visit->wake = 0;
    if (!keep)
        life_forget(visit->seat, visit->number);
}
