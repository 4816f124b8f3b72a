/* Who is attached to what. Each open handle of a segment has an entry in one table of the domain, in the name of its
 * process; so a count of the attached is a count of entries whose process lives, and nobody killed stays in it.
 *
 * Layout   struct attachment, in a table that grows (segment/table.h).
 * States   of an entry: free {process 0} -> taken {process} -> attached {process, object} -> free.
 * Always   a process with an entry says `attached` in its record; unset would be wrong: its entries stayed for ever. An
 *          entry of the dead is slow (the table is longer than it need be): it counts for nothing. `object` of a free
 *          entry, or of one just taken, means nothing: a count may be one too high for a moment.
 * Order    `attached`, process (a CAS), object; to free: object, process.
 * Death    the entries of a dead process are free for whoever finds no other, and when its record is freed, or is found
 *          again by the same process after an exec, which has unmapped all.
 * Tests    tests/unit/life, tests/crash/sweep_life. */
#ifndef LIFE_ATTACH_H
#define LIFE_ATTACH_H

#include "life/life.h"

/* Makes an entry for the caller's process. */
int attach_note(struct seat *seat, uint64_t object, uint32_t *entry);
/* Frees it, if it still is this process's: a forked child has none of its parent's. */
void attach_forget(kin_domain *domain, uint64_t object, uint32_t entry);

/* Frees all of a process that has nothing mapped any more. */
void attach_sweep(kin_domain *domain, uint32_t process);

/* How many entries of living processes name the object. */
uint32_t attach_count(kin_domain *domain, uint64_t object);

/* Calls visit with the process and the number of its entries, once for each process that has any, living or dead, until
 * it returns other than 0; returns that. */
int attach_each(kin_domain *domain, uint64_t object, int (*visit)(void *context, uint32_t process, uint32_t count),
                void *context);

#endif
