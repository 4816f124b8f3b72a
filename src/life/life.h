/* A thread's life in a domain. The six headings are in life/domain.h. */
#ifndef LIFE_LIFE_H
#define LIFE_LIFE_H

#include "life/domain.h"
#include "sys/plant.h"
#include "sys/robust.h"
#include <errno.h>

/* What a thread knows of its own life in one domain. */
struct seat {
    kin_domain *domain;
    uint32_t *own; /* domain->own: it names the process record, or nobody after a fork */
    struct life *life;
    struct robust_head *head; /* where pending is set; no_head in a thread without a robust list */
    void *pending;            /* what pending must be: the obituary word */
    uint32_t id;              /* of the life */
    uint32_t process;         /* id of the process record */
    uint32_t pid;             /* as it stands there */
    uint32_t holds;           /* which of life->holds are in use */
    uint32_t read_slot;       /* where its slot in a rwlock is (sync/rwlock.c); 0: not asked yet */
    uint32_t fenced_reads;    /* of rwlocks */
    struct robust_head no_head;
    struct seat *kept; /* where this seat is kept while another is current */
    struct seat *next; /* this thread's lives in other domains */
};

/* The seat in the domain that the thread entered last, by value: on every path its members are one load away. Without
 * one its domain is NULL. */
extern _Thread_local struct seat life_now __attribute__((tls_model("initial-exec")));

/* Attaches: the slow half of life_enter. NULL: kin_reason() says why, *result gets the error. */
struct seat *life_attach(kin_domain *domain, int *result);

/* The calling thread's life in the domain if it is the current one, else NULL. Arms the obituary word again, as the
 * application's own robust mutexes disarm it. */
static inline struct seat *life_current(kin_domain *domain)
{
    struct seat *seat = &life_now;
    if (unlikely(seat->domain != domain || LOAD(*seat->own) != seat->process))
        return NULL;
    STORE(seat->head->pending, seat->pending);
    KEEP_ORDER();
    return seat;
}

/* The same, taken now if need be. NULL: *result says why. */
static inline struct seat *life_enter(kin_domain *domain, int *result)
{
    struct seat *seat = life_current(domain);
    return likely(seat) ? seat : life_attach(domain, result);
}

/* Names the object whose lock is about to be taken, and forgets it after the release. */
static inline void life_work_on(struct seat *seat, uint64_t object)
{
    STORE(seat->life->op.object, object);
    KEEP_ORDER();
}

static inline void life_work_done(struct seat *seat)
{
    KEEP_ORDER();
    STORE(seat->life->op.object, 0);
}

/* Names a lock of the user's, before it is taken, in an entry that is free. */
static inline void life_hold_at(struct seat *seat, int number, uint64_t object, uint64_t offset)
{
    struct hold *hold = &seat->life->holds[number];
    STORE(hold->offset, offset);
    KEEP_ORDER();
    STORE(hold->object, PLANTED(NO_HOLD) ? 0 : object);
    KEEP_ORDER();
    seat->holds |= 1u << number;
}

/* The same; the number of the entry to forget it by, or -ENOLCK: HOLDS_MAX are held. */
static inline int life_hold(struct seat *seat, uint64_t object, uint64_t offset)
{
    int number = __builtin_ctz(~seat->holds);
    if (number >= (int)HOLDS_MAX)
        return -ENOLCK;
    life_hold_at(seat, number, object, offset);
    return number;
}

static inline void life_forget(struct seat *seat, int number)
{
    KEEP_ORDER();
    STORE(seat->life->holds[number].object, 0);
    seat->holds &= ~(1u << number);
}

/* The number under which this life holds that lock, or -1. */
static inline int life_holds(const struct seat *seat, uint64_t object, uint64_t offset)
{
    for (unsigned rest = seat->holds; rest; rest &= rest - 1) {
        int number = __builtin_ctz(rest);
        const struct hold *hold = &seat->life->holds[number];
        if (LOAD(hold->object) == object && LOAD(hold->offset) == offset)
            return number;
    }
    return -1;
}

/* A party of a listing: that process, and thread unless 0. */
struct kin_party life_party(kin_domain *domain, uint32_t process_id, uint32_t tid, unsigned part);

/* The id of the record of the process that has that number in our PID namespace and started then (0: whenever).
 * 0: it has none. */
uint32_t process_find(kin_domain *domain, uint32_t pid, uint64_t start);

/* Names an object in this process's record before the process takes something of it. */
int process_hold(struct seat *seat, uint64_t object);
/* Nothing of the object is left with this process. */
void process_forget(kin_domain *domain, uint64_t object);

enum verdict {
    VERDICT_ALIVE,
    VERDICT_ENDING, /* of a process: no life of it lives, but the kernel does not yet say so. Look again soon */
    VERDICT_DEAD,
    VERDICT_CORRUPT /* no such life can be: the id was not written by kin, or its record is freed */
};

/* Whether what stands in that name is nobody's: he is dead, or there never was such a one. */
static inline bool verdict_is_gone(enum verdict verdict)
{
    return verdict == VERDICT_DEAD || verdict == VERDICT_CORRUPT;
}

/* A plain look, without asking the kernel. */
enum verdict life_verdict(kin_domain *domain, uint32_t id);

/* The slow proof: asks the kernel, and marks the life's word when it is dead. */
enum verdict life_prove(kin_domain *domain, uint32_t id);

/* Whether a process record's process is dead: all its lives, and it itself by the kernel's evidence. `slow` asks even
 * if a life of it seems to live. A dead one is marked. */
enum verdict process_verdict(kin_domain *domain, uint32_t id, bool slow);

/* The same for a process that no life's record names. */
enum verdict process_verdict_lifeless(kin_domain *domain, uint32_t id);

/* Whether some life's record, living or dead, names that process record. */
bool process_is_named(kin_domain *domain, uint32_t process);

/* Marks deaths that nobody announced and wakes everybody if there were any. */
void life_announce(kin_domain *domain);

/* The life's finish record, if it is committed and the process it belongs to is `process`. Copies it. */
bool life_finish_of(kin_domain *domain, uint32_t life_id, uint32_t process, struct finish *out);

/* Settles what the dead of this domain hold in objects that can be opened, and frees their records. */
struct sweep {
    unsigned lives, processes; /* freed */
    unsigned left;             /* dead, but something of theirs cannot be settled from here */
};
void life_sweep(kin_domain *domain, struct sweep *out);

/* Frees the records of the dead that name nothing: needs no life of one's own. Under the file lock. */
void life_reclaim(kin_domain *domain);

/* One line of the recovery log. `life` may be 0 when only the process is known. */
void life_log(kin_domain *domain, const struct segment *object, uint32_t life, uint32_t process, const char *format,
              ...) __attribute__((format(printf, 5, 6)));

#endif
