/* Who waits for whom. A life that sleeps names what for; whoever sleeps has all else that his life names in `holds`, as
 * a thread asks for one thing at a time. So the table of lives is the graph.
 *
 * Layout   waits_for, waits_at, waits_turn and holds of struct life; stored here: what this thread will wait for.
 * States   as in sync/wait.h.
 * Always   a wrong value is told wrongly, or makes an acquire with kin_lock_check_cycles wait or be refused in vain.
 * Order    a thread publishes what it is about to wait for, full fence, then looks whom it would wait for: of two that
 *          close a cycle at once, one at least sees the other. A way through the table counts if it was found twice
 *          with the same turns: then all were asleep at one moment between.
 * Death    of whoever is looked at: he is passed over, as what he held goes to the next. Of him who looks: his life is
 *          dead, and passed over.
 * Tests    tests/unit/sync, tests/crash/bites_sync, tests/cli. */
#ifndef LIFE_GRAPH_H
#define LIFE_GRAPH_H

#include "life/life.h"

/* Publishes that this thread is about to sleep on that place of the object, and says whether it would wait for itself:
 * the holder waits for another, who waits ... for something that this thread holds. Every thread that takes part in
 * the cycle sleeps: two that are about to close it see each other, as each publishes before it looks. */
bool life_closes_cycle(struct seat *seat, uint64_t object, uint64_t offset);

#endif
