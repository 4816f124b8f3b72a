/* Snapshot: one pass over a live victim; at each moment that differs, a copy in which it died.
 *
 * `seen` holds the bytes of the last moment that was looked at. A moment whose regions are the same bytes needs no
 * second look. It is mapped, not allocated: a check that was left by siglongjmp may have left malloc's lock held. */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

struct film {
    struct victim victim;
    char *seen;
    size_t room, used;
};

static size_t total_bytes(const struct kin_crash_region *list, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += list[i].bytes;
    return total;
}

static int make_room(struct film *film, size_t bytes)
{
    if (bytes <= film->room)
        return 0;
    if (film->seen)
        munmap(film->seen, film->room);
    film->seen = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    film->room = film->seen == MAP_FAILED ? 0 : 2 * bytes;
    film->used = 0;
    if (film->room != 0)
        return 0;
    film->seen = NULL;
    fault("no memory for %zu bytes of regions", bytes);
    return -ENOMEM;
}

/* Takes over what changed since the last look; true when anything did. */
static bool take_over_changes(struct film *film, const struct kin_crash_region *list, size_t count, size_t bytes)
{
    bool changed = bytes != film->used;
    char *seen = film->seen;
    for (size_t i = 0; i < count; seen += list[i++].bytes) {
        if (!changed && memcmp(seen, list[i].live, list[i].bytes) == 0)
            continue;
        memcpy(seen, list[i].live, list[i].bytes);
        changed = true;
    }
    film->used = bytes;
    return changed;
}

static int look(struct sweep *sweep, struct film *film)
{
    const struct kin_crash_region *list = NULL;
    size_t count = sweep->crash.regions(sweep->crash.context, &list);
    size_t bytes = total_bytes(list, count);
    int result = make_room(film, bytes);
    if (result != 0)
        return result;
    sweep->result->points++;
    bool changed = take_over_changes(film, list, count, bytes);
    if (!changed && film->victim.step > sweep->crash.first && !film->victim.done)
        return 0;
    sweep->result->checked++;
    const char *seen = film->seen;
    for (size_t i = 0; i < count; seen += list[i++].bytes)
        memcpy(list[i].copy, seen, list[i].bytes);
    if (sweep->crash.mark_dead)
        result = told(sweep->crash.mark_dead(sweep->crash.context, &sweep->point), "mark_dead");
    return result == 0 ? check_here(sweep) : result;
}

static void set_point(struct kin_crash_point *point, const struct victim *victim)
{
    point->step = victim->step;
    point->asleep = victim->asleep;
    point->finished = victim->done;
    if (victim->process > 0 && !victim->asleep)
        point->instruction = place_of(victim->process);
}

static int roll(struct sweep *sweep, struct film *film)
{
    sweep->point.victim = film->victim.process;
    for (;;) {
        set_point(&sweep->point, &film->victim);
        int result = 0;
        if (film->victim.step >= sweep->crash.first || film->victim.done)
            result = look(sweep, film);
        if (result != 0 || film->victim.done)
            return result;
        if (sweep->crash.limit != 0 && sweep->result->points >= sweep->crash.limit)
            return 0;
        result = victim_step(sweep, &film->victim);
        if (result != 0)
            return result;
    }
}

int mode_snapshot(struct sweep *sweep)
{
    struct film film = {.victim = {.name = "the victim", .mark = &sweep->control->first}};
    sweep->point.copied = 1;
    int result = sweep->crash.prepare ? told(sweep->crash.prepare(sweep->crash.context), "prepare") : 0;
    if (result == 0)
        result = victim_start(sweep, &film.victim, &sweep->crash.victim);
    if (result == 0)
        result = roll(sweep, &film);
    victim_kill(&film.victim);
    if (film.seen)
        munmap(film.seen, film.room);
    return result;
}
