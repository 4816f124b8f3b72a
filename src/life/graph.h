/* Who waits for whom. A life that sleeps names what for; whoever sleeps has all else that his life names in `holds`, as
 * a thread asks for one thing at a time. So the table of lives is the graph.
 *
 * Layout   waits_for, waits_at, waits_turn and holds of struct life; stored here: what this thread will wait for.
 * States   as in sync/wait.h.
 * Always   a wrong value is told wrongly, or makes an acquire with kin_lock_check_cycles wait or be refused in vain.
 * Order    a thread publishes what it is about to wait for, full fence, then looks whom it would wait for: of two that
 *          close a cycle at once, one at least sees the other. A way through the table counts if it was found twice
 *          with the same turns, and whoever has the lock now is asleep: then all were at one moment between.
 * Death    of whoever is looked at: he is passed over, as what he held goes to the next. Of him who looks: his life is
 *          dead, and passed over.
 * Tests    tests/unit/sync, tests/crash/bites_cycles, tests/cli. */
#ifndef LIFE_GRAPH_H
#define LIFE_GRAPH_H

#include "life/life.h"

/* What a thread is about to sleep on. */
struct intent {
    uint64_t object, offset;
    uint32_t owner; /* the one life that has it; 0: all who name it do */
    bool keeps;     /* meanwhile others wait for this thread at the same place, as for a writer who waits for readers */
};

/* Publishes that this thread is about to sleep on that, and says whether it would wait for itself:
 * the holder waits for another, who waits ... for something that this thread holds. Every thread that takes part in
 * the cycle sleeps: two that are about to close it see each other, as each publishes before it looks. */
bool life_closes_cycle(struct seat *seat, const struct intent *intent);

#endif
