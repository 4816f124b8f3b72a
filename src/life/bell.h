/* Doorbells: how somebody who waits for many things at once, or in an event loop, is told.
 *
 * There are two kinds, with one name for both, a bell_id. A *life's bell* is a word in its record, on which its thread
 * sleeps: to ring is to count it up and to wake it; it also tells for what it rang last, and from which processor. A
 * *pollable bell* is a FIFO in the domain's directory, `bell.PROCESS.NUMBER`, that its owner polls and reads and
 * anybody may ring. It belongs to a handle of a process; the name carries the process record's id, so that the bells of
 * the dead are known and swept.
 *
 * The announcer of a death wakes all lives on obit, and rings all FIFOs: each owner then looks after his own objects,
 * as the sleepers do.
 *
 * Layout   life.rung; a file a pollable bell; in the domain's header one word, `bells`: 1 once there was any such. In
 *          objects, struct poller, as sync/poll.h says.
 * States   made, removed.
 * Always   `bells` unset while there is a FIFO is slow: its owner learns of a death by his timer. It is never unset
 *          again. `rung` counted up without need, or with another sort, is slow: the backstop looks at all.
 * Order    the FIFO is opened before `bells` is stored and before an object names the bell.
 * Death    of the owner: writing fails with ENXIO, the object's room strikes the entry, a sweep of his process removes
 *          the file. Of the ringer: the death is announced by the next.
 * Tests    tests/unit/sync, tests/unit/channel, tests/unit/life, tests/crash/sweep_poll. */
#ifndef LIFE_BELL_H
#define LIFE_BELL_H

#include "life/life.h"
#include <pthread.h>

/* Names a bell in shared memory; 0: none. */
typedef uint64_t bell_id;
#define BELL_OF_LIFE UINT64_C(0x80000000) /* beside the life's id; above it the sort, which is its owner's affair */

/* In life.rung: the processor on which the last ringer ran, what sort of entry he rang for (its owner sorts them by the
 * upper half of the bell_id), and the count. */
#define RUNG_FROM 0xfffu
#define RUNG_SORT_AT 12
#define RUNG_COUNT_AT 18
#define RUNG_COUNT(rung) ((rung) >> RUNG_COUNT_AT)
#define BELL_SORTS (1u << (RUNG_COUNT_AT - RUNG_SORT_AT))
#define RUNG_SORT(rung) ((rung) >> RUNG_SORT_AT & (BELL_SORTS - 1))

/* An object's entry for somebody who polls it (sync/poll.h). */
struct poller {
    bell_id bell;  /* 0: a free entry */
    uint64_t arms; /* bits: what he is to be rung for */
};
_Static_assert(sizeof(struct poller) == 16, "one layout for 32 and 64 bits");
#define POLLERS_MAX 64u

/* The descriptors that a handle gave out, and how the room of waiting takes them back when it closes. */
struct poll_fds {
    pthread_mutex_t lock;
    struct kin_poll *first;
    void (*close)(struct poll_fds *fds); /* NULL: none was given out */
};
#define POLL_FDS_INIT {PTHREAD_MUTEX_INITIALIZER, NULL, NULL}

/* Makes a pollable bell for the caller's process; the result is the descriptor to poll and read. */
int bell_make(struct seat *seat, bell_id *id);
void bell_remove(kin_domain *domain, bell_id id);

/* Rings. False: the bell is gone, or its owner is dead. Never blocks, never raises SIGPIPE. */
bool bell_ring(kin_domain *domain, bell_id id);
/* All pollable ones. */
void bell_ring_everywhere(kin_domain *domain);

/* Whether its owner is not known to live. */
bool bell_is_stale(kin_domain *domain, bell_id id);

/* Removes the bells of a process that is dead. */
void bell_sweep(kin_domain *domain, uint32_t process);

/* Calls tell with the file name of each bell whose process is proved dead, or is none at all. */
typedef void (*bell_visit)(void *context, const char *name);
void bell_each_stale(kin_domain *domain, bell_visit tell, void *context);
void bell_remove_file(kin_domain *domain, const char *name);

#endif
