/* Doorbells: what makes waiting pollable. A bell is a FIFO in the domain's directory, `bell.PROCESS.NUMBER`, that its
 * owner reads and anybody may ring. It belongs to a handle of a process; the name carries the process record's id, so
 * that the bells of the dead are known and swept.
 *
 * The announcer of a death rings all of them: each owner then looks after his own object, as the sleepers do.
 *
 * Layout   a file a bell; in the domain's header one word, `bells`: 1 once there was any.
 * States   made, removed.
 * Always   `bells` unset while there is a bell is slow: its owner learns of a death by his timer. It is never unset
 *          again.
 * Order    the FIFO is opened before `bells` is stored and before an object names the bell.
 * Death    of the owner: writing fails with ENXIO, the object's room strikes the entry, a sweep of his process removes
 *          the file. Of the ringer: the death is announced by the next.
 * Tests    tests/unit/channel, tests/unit/life. */
#ifndef LIFE_BELL_H
#define LIFE_BELL_H

#include "life/life.h"

/* Names a bell in shared memory; 0: none. */
typedef uint64_t bell_id;

/* Makes a bell for the caller's process; the result is the descriptor to poll and read. */
int bell_make(struct seat *seat, bell_id *id);
void bell_remove(kin_domain *domain, bell_id id);

/* Rings. False: the bell is gone, or its owner is dead. Never blocks, never raises SIGPIPE. */
bool bell_ring(kin_domain *domain, bell_id id);
void bell_ring_everywhere(kin_domain *domain);

/* Removes the bells of a process that is dead. */
void bell_sweep(kin_domain *domain, uint32_t process);

/* Calls tell with the file name of each bell whose process is proved dead, or is none at all. */
typedef void (*bell_visit)(void *context, const char *name);
void bell_each_stale(kin_domain *domain, bell_visit tell, void *context);
void bell_remove_file(kin_domain *domain, const char *name);

#endif
