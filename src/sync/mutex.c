/* The slow ways of the lock. The six headings are in sync/mutex.h. */
#include "sync/mutex.h"
#include "life/graph.h"
#include "sync/wait.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/plant.h"
#include <errno.h>
#include <sched.h>
#include <string.h>

/* Spinning: pauses double up to this many, then the processor is offered to others, then sleep. */
#define PAUSES_MAX 32u
#define SPINS 40u
#define YIELDS 4u
/* A deadline does not mean to fail because somebody is in the middle of an operation: who is late waits this long for
 * an object's lock, so that he can look. Somebody stopped in there makes it -ETIMEDOUT. */
#define PATIENCE (100 * MILLISECOND)
/* A living owner who does not name the object, so many backstops on end, does not hold it: the word is corrupt. */
#define DOUBTS 2u
/* So often a waiter asks whether the command of a dead owner has ended. */
#define WITNESS_NAP (50 * MILLISECOND)

struct attempt {
    struct mutex_ask *ask;
    kin_time until;
    uint32_t mine; /* what to store: my id, with WAITERS once I slept */
    bool outlived; /* the owner is dead, and his command holds the lock */
    uint32_t doubted;
    unsigned doubts;
};

static bool names_object(const struct attempt *attempt, const struct life *life)
{
    const struct mutex_ask *ask = attempt->ask;
    if (ask->adopt || ask->brief)
        return LOAD(life->op.object) == ask->object->id; /* what it holds in there is something else, or kept longer */
    for (unsigned i = 0; i < HOLDS_MAX; i++)
        if (LOAD(life->holds[i].object) == ask->object->id && LOAD(life->holds[i].offset) == ask->offset)
            return true;
    return false;
}

/* Copied before the CAS: from then on the word names me, and a thief of mine must find what was left to repair. */
static void adopt(struct op *mine, const struct op *dead)
{
    STORE(mine->kind, 0);
    KEEP_ORDER();
    STORE(mine->slot, LOAD(dead->slot));
    STORE(mine->after, LOAD(dead->after));
    for (unsigned i = 0; i < sizeof mine->words / sizeof *mine->words; i++)
        STORE(mine->words[i], LOAD(dead->words[i]));
    KEEP_ORDER();
    STORE(mine->kind, LOAD(dead->kind));
    KEEP_ORDER();
}

/* 1: the lock is mine. 0: somebody was faster. */
static int steal(struct attempt *attempt, uint32_t seen, bool known)
{
    struct mutex_ask *ask = attempt->ask;
    uint32_t owner = seen & ID_MASK;
    struct life *dead = known ? life_at(ask->seat->domain, owner) : NULL;
    struct op *mine = &ask->seat->life->op;
    if (ask->adopt) {
        if (dead && LOAD(dead->op.object) == ask->object->id) {
            adopt(mine, &dead->op);
        } else {
            STORE(mine->kind, OP_UNKNOWN);
            KEEP_ORDER();
        }
    }
    if (CAS(*ask->word, &seen, attempt->mine | (seen & MUTEX_WAITERS))) {
        ask->dead = known ? owner : 0;
        return 1;
    }
    if (ask->adopt)
        STORE(mine->kind, 0);
    KEEP_ORDER();
    return 0;
}

/* Whether nobody marks that life when it dies, so that only a proof can tell. */
static bool is_unmarked(const struct mutex_ask *ask, uint32_t owner)
{
    struct life *life = ID_INDEX(owner) ? life_at(ask->seat->domain, owner) : NULL;
    return life && LOAD(life->witness) == WITNESS_TASK;
}

/* Who cannot ask believes that it lives. */
bool mutex_has_witness(struct object *object, uint64_t place)
{
    int fd = segment_fd(&object->segment);
    return fd < 0 || file_byte_locked(fd, place) == 1;
}

/* Looks at the owner. 1: stolen; 0: look at the word again; -EAGAIN: he lives, wait for him. */
static int look_at_owner(struct attempt *attempt, uint32_t seen, bool slow)
{
    struct mutex_ask *ask = attempt->ask;
    kin_domain *domain = ask->seat->domain;
    uint32_t owner = seen & ID_MASK;
    enum verdict verdict = slow ? life_prove(domain, owner) : life_verdict(domain, owner);
    attempt->outlived = verdict == VERDICT_DEAD && ask->place && seen & MUTEX_WITNESSED && !PLANTED(NO_WITNESS) &&
                        mutex_has_witness(ask->object, ask->place);
    if (attempt->outlived)
        return -EAGAIN;
    if (verdict == VERDICT_DEAD && !PLANTED(NO_DEATH_CHECK))
        return steal(attempt, seen, true);
    if (verdict == VERDICT_ALIVE) {
        struct life *life = life_at(domain, owner);
        if (!slow || !life || names_object(attempt, life))
            return -EAGAIN;
    }
    /* No such life, or one that knows nothing of this lock. It may be on its way to name it, or the word to change. */
    if (attempt->doubted != seen) {
        attempt->doubted = seen;
        attempt->doubts = 0;
    }
    if (!slow || ++attempt->doubts < DOUBTS)
        return -EAGAIN;
    return steal(attempt, seen, false);
}

static bool spin(struct attempt *attempt)
{
    uint32_t *word = attempt->ask->word;
    unsigned pauses = 1;
    for (unsigned i = 0; i < SPINS + YIELDS; i++) {
        uint32_t seen = LOAD(*word);
        if (seen == 0 && CAS(*word, &seen, attempt->mine))
            return true;
        if (seen != 0 && life_verdict(attempt->ask->seat->domain, seen & ID_MASK) == VERDICT_DEAD)
            return false;
        if (i >= SPINS) {
            sched_yield();
            continue;
        }
        for (unsigned k = 0; k < pauses; k++)
            relax();
        if (pauses < PAUSES_MAX)
            pauses *= 2;
    }
    return false;
}

static enum woken sleep_for(struct attempt *attempt, uint32_t seen)
{
    struct mutex_ask *ask = attempt->ask;
    if (!(seen & MUTEX_WAITERS)) {
        if (!CAS(*ask->word, &seen, seen | MUTEX_WAITERS))
            return wait_not(ask->seat);
        seen |= MUTEX_WAITERS;
    }
    struct wait wait = {
        .seat = ask->seat,
        .object = ask->object->id,
        .offset = ask->offset,
        .word = ask->word,
        .value = seen,
        .until = attempt->until,
        .longest = attempt->outlived ? WITNESS_NAP : 0,
    };
    enum verdict verdict = life_verdict(ask->seat->domain, seen & ID_MASK);
    if (verdict == VERDICT_DEAD && !attempt->outlived && !PLANTED(NO_DEATH_CHECK) && !PLANTED(DEAD_SINCE))
        return wait_not(ask->seat); /* he died since the look: nobody rings for that again */
    if (verdict == VERDICT_ALIVE)
        wait.life[wait.lives++] = seen & ID_MASK;
    enum woken woken = wait_sleep(&wait);
    attempt->mine |= MUTEX_WAITERS;
    return woken;
}

static bool is_mine(const struct mutex_ask *ask, uint32_t seen)
{
    return (seen & ID_MASK) == (ask->seat->id & ID_MASK);
}

int mutex_acquire_slowly(struct mutex_ask *ask)
{
    struct attempt attempt = {.ask = ask, .until = ask->until, .mine = ask->seat->id};
    if ((ask->adopt || ask->brief) && clock_left(ask->until) < PATIENCE)
        attempt.until = kin_after(PATIENCE);
    bool slow = false;
    ask->dead = 0;
    if (attempt.until != KIN_NOW && spin(&attempt))
        return 0;
    for (;;) {
        uint32_t seen = LOAD_ACQUIRE(*ask->word);
        if (seen == 0) {
            if (CAS(*ask->word, &seen, attempt.mine))
                return 0;
            continue;
        }
        if ((seen & ID_MASK) == MUTEX_ORPHAN) {
            if (CAS(*ask->word, &seen, attempt.mine | (seen & MUTEX_WAITERS)))
                return KIN_RECOVERED;
            continue;
        }
        int result = is_mine(ask, seen) ? steal(&attempt, seen, false)
                                        : look_at_owner(&attempt, seen, slow || is_unmarked(ask, seen & ID_MASK));
        if (result == 1)
            return KIN_RECOVERED;
        if (result == 0)
            continue;
        if (attempt.until == KIN_NOW)
            return -ETIMEDOUT;
        struct intent intent = {ask->object->id, ask->offset, seen & ID_MASK, false};
        if (ask->check_cycles && life_closes_cycle(ask->seat, &intent))
            return -EDEADLK;
        enum woken woken = sleep_for(&attempt, seen);
        if (woken == WOKEN_LATE)
            return -ETIMEDOUT;
        slow = woken == WOKEN_BACKSTOP || !futex_has_waitv();
        result = ask->adopt ? 0 : object_removed(ask->object, slow);
        if (result < 0)
            return result;
        if (woken == WOKEN_LOOK && spin(&attempt))
            return 0;
    }
}

void mutex_wake(uint32_t *word)
{
    futex_wake(word, 1);
}

bool mutex_arm(struct object *object, uint32_t *word, uint64_t place, bool slow)
{
    for (;;) {
        uint32_t seen = LOAD_ACQUIRE(*word), owner = seen & ID_MASK;
        if (owner == 0 || owner == MUTEX_ORPHAN)
            return true;
        bool dead = (slow ? life_prove(object->domain, owner) : life_verdict(object->domain, owner)) != VERDICT_ALIVE;
        if (dead && !(seen & MUTEX_WITNESSED && mutex_has_witness(object, place)))
            return true;
        if (seen & MUTEX_WAITERS || CAS(*word, &seen, seen | MUTEX_WAITERS))
            return false;
    }
}
