#include "process/child.h"
#include "sys/bare.h"
#include <limits.h>

/* Before a number is taken, whoever still needs what is open there gets a copy. So the order of the entries does not
 * matter, and rings need no care. The parent saw all sources open: a copy never gets a missing one's number. */
static IN_CHILD int make_room(struct child *child, size_t next, int number)
{
    int copy = -1;
    for (size_t i = next; i < child->wish.fd_count; i++)
        if (child->fds[i].from == number && child->fds[i].to != number) {
            if (copy < 0 && (copy = bare_copy(number)) < 0)
                return copy;
            child->fds[i].from = copy;
        }
    if (child->report == number) {
        copy = bare_copy(number);
        if (copy < 0)
            return copy;
        child->report = copy;
    }
    return 0;
}

IN_CHILD int child_map_descriptors(struct child *child)
{
    for (size_t i = 0; i < child->wish.fd_count; i++) {
        const struct kin_fd_map *entry = &child->fds[i];
        int result = make_room(child, i + 1, entry->to);
        if (result == 0 && entry->from < 0)
            bare_close(entry->to);
        else if (result == 0)
            result = bare_move(entry->from, entry->to);
        if (result < 0)
            return child_failed(child, STEP_DESCRIPTOR, result, (int)i);
    }
    return 0;
}

/* The lowest number from `low` on that stays open; UINT_MAX: there is none. */
static IN_CHILD unsigned next_kept(const struct child *child, unsigned low)
{
    unsigned next = child->report >= 0 && (unsigned)child->report >= low ? (unsigned)child->report : UINT_MAX;
    for (size_t i = 0; i < child->wish.fd_count; i++) {
        unsigned kept = (unsigned)child->fds[i].to;
        if (kept >= low && kept < next)
            next = kept;
    }
    return next;
}

IN_CHILD int child_close_others(struct child *child)
{
    unsigned low = 3, kept;
    int result = 0;
    if (child->wish.flags & KIN_SPAWN_KEEP_FDS)
        return 0;
    for (; result == 0 && (kept = next_kept(child, low)) != UINT_MAX; low = kept + 1)
        result = kept > low ? bare_close_range(low, kept - 1) : 0;
    if (result == 0)
        result = bare_close_range(low, UINT_MAX);
    return result < 0 ? child_failed(child, STEP_CLOSE, result, 0) : 0;
}
