/* The table of pollers. The six headings are in sync/poll.h. */
#include "sync/poll.h"
#include "sync/mutex.h"
#include "sys/plant.h"

static struct poller *find(struct poll_table table, bell_id bell)
{
    for (unsigned i = 0; i < table.count; i++)
        if (LOAD_ACQUIRE(table.pollers[i].bell) == bell)
            return &table.pollers[i];
    return NULL;
}

static bool take(struct poller *poller, bell_id from, bell_id bell)
{
    if (!CAS(poller->bell, &from, bell))
        return false;
    STORE(poller->arms, 0);
    return true;
}

struct poller *poll_join(kin_domain *domain, struct poll_table table, bell_id bell)
{
    struct poller *poller = find(table, bell);
    if (poller)
        return poller;
    while ((poller = find(table, 0)))
        if (take(poller, 0, bell))
            return poller;
    for (unsigned i = 0; i < table.count; i++) {
        bell_id owner = LOAD(table.pollers[i].bell);
        if (bell_is_stale(domain, owner) && take(&table.pollers[i], owner, bell))
            return &table.pollers[i];
    }
    return NULL;
}

void poll_leave(struct poller *poller, bell_id bell)
{
    if (LOAD(poller->bell) != bell)
        return;
    STORE(poller->arms, 0);
    CAS(poller->bell, &bell, 0);
}

void poll_arm(struct poll_table table, struct poller *poller, uint64_t bits)
{
    FETCH_OR(poller->arms, bits);
    uint64_t seen = LOAD(*table.armed);
    while (!CAS(*table.armed, &seen, (seen + (UINT64_C(1) << 32)) | POLL_FOLD(bits)))
        continue;
    FULL_FENCE();
}

void poll_ring_slowly(kin_domain *domain, struct poll_table table, uint64_t bits)
{
    uint64_t seen = LOAD_ACQUIRE(*table.armed), left = 0;
    if (PLANTED(NO_RING))
        return;
    for (unsigned i = 0; i < table.count; i++) {
        struct poller *poller = &table.pollers[i];
        if (LOAD(poller->arms) & bits && FETCH_AND(poller->arms, ~bits) & bits)
            bell_ring(domain, LOAD_ACQUIRE(poller->bell));
        left |= LOAD(poller->arms);
    }
    CAS(*table.armed, &seen, (seen >> 32 << 32) | POLL_FOLD(left));
}

void poll_wake_slowly(kin_segment *segment, uint64_t offset, uint32_t *event, uint32_t bits)
{
    event_wake(event, bits);
    poll_ring_place(segment, offset);
}

void poll_wake_mutex(kin_segment *segment, uint32_t *word)
{
    mutex_wake(word);
    poll_ring_place(segment, (uint64_t)((uintptr_t)word - (uintptr_t)segment->data));
}

void poll_raise_slowly(kin_segment *segment, uint64_t offset, uint32_t *event)
{
    event_raise(event);
    poll_ring_place(segment, offset);
}
