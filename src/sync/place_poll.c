/* Polling what lies in a segment. The six headings are in sync/poll.h. */
#include "sync/place.h"

static int pollable_of(kin_segment *segment, void *at, const struct make *make, uint32_t what, struct pollable *out)
{
    uint64_t offset;
    if (!place_is(segment, at, make, &offset))
        return place_refuse(segment, at, make);
    *out = poll_place(segment, offset, what, make->ready);
    return 0;
}

int place_fd(kin_segment *segment, void *at, const struct make *make, uint32_t what)
{
    struct pollable thing;
    int result = pollable_of(segment, at, make, what, &thing);
    return result < 0 ? result : poll_fd(&segment->fds, &thing);
}

int place_clear_fd(kin_segment *segment, void *at, const struct make *make, uint32_t what)
{
    struct pollable thing;
    int result = pollable_of(segment, at, make, what, &thing);
    return result < 0 ? result : poll_clear(&segment->fds, &thing, make->noun);
}

int place_poll(kin_poll *set, kin_segment *segment, void *at, const struct make *make, uint32_t what)
{
    struct pollable thing;
    int result = pollable_of(segment, at, make, what, &thing);
    if (result < 0)
        return result;
    thing.ready(&thing, false);
    return poll_add(set, &thing);
}
