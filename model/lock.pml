/* lock.pml - the lock: stealing from the dead, repairing after them, sleeping, and who hears of a death.
 *
 * The word (src/sync/mutex.h) is {owner, WAITERS}. A transition is one step of src/sync/mutex.c:
 *
 * look         mutex_try, and the loop of mutex_acquire_slowly: a free word is taken by CAS, with WAITERS once one
 *              slept.
 * steal        look_at_owner and steal: the owner's life is dead; adopt copies what he was doing (`op`) into the own
 *              life *before* the CAS, so that at every moment the life that the word names tells what is left to
 *              repair.
 * arm          sleep_for: WAITERS is set by CAS.
 * sleep        wait_sleep: futex_waitv {word, obit, owner's life, word}. Any result but that of the first place may
 *              mean a death: announce. Why the word stands twice: event.pml.
 * change       what a room does under the lock: op, the change (`torn` in the middle), op cleared.
 * release      mutex_release: exchange, then FUTEX_WAKE of one if WAITERS was set.
 *
 * Left out     spinning (more looks); the slow proofs, orphans and doubts about corrupt words; ids of lives that were
 *              freed: they carry a generation, and no CAS on an old one succeeds.
 * Must hold    one owner at a time; nobody but a thief who has what he needs to repair meets a half change; when
 *              nothing moves any more, everybody has had the lock (or died, or gave up at his deadline).
 * Must fail    NO_ANNOUNCE; NO_WAITERS: who slept takes the lock without WAITERS; NO_DEATH_CHECK: a dead owner counts
 *              as living; NO_LIFE_WORD: the owner's death between look and sleep is missed; OBIT_LAST: {word, life,
 *              obit}; NO_REPAIR: nothing is adopted; ADOPT_LATE: it is, after the CAS.
 * Size         LOCKERS, STRANGERS, DEATHS. IMPATIENT=1: the last locker has a deadline. */
#ifndef LOCKERS
#define LOCKERS 3
#endif
#ifndef STRANGERS
#define STRANGERS 1
#endif
#ifndef IMPATIENT
#define IMPATIENT 0
#endif
#define PARTIES (LOCKERS + STRANGERS)
#include "kernel.pml"

/* The places of the words in futex_waitv. */
#define AT_LOCK 0
#ifdef OBIT_LAST
#define AT_LIFE 1
#define AT_OBIT 2
#else
#define AT_OBIT 1
#define AT_LIFE 2
#endif
#define AT_LOCK_AGAIN 3

bit waiters; /* of the word; its owner is `owner` in kernel.pml */
byte on_lock;
byte on_lock_again;

byte op;     /* in whose life it says that a change is under way */
bit torn;    /* what the lock guards is half changed */
byte inside = NOBODY;
byte settled; /* had the lock, gave up, or died */

#ifdef NO_DEATH_CHECK
#define NO_LIFE_WORD
#define SEEN_DEAD(party) false
#else
#define SEEN_DEAD(party) HAS(dead, party)
#endif
#ifdef NO_WAITERS
#define TAKEN_WITH 0
#else
#define TAKEN_WITH slept
#endif

#define COMPARE_LOCK if :: owner == seen && waiters :: else -> goto awake fi
#define COMPARE_LIFE if :: !HAS(dead, seen) :: else -> goto awake fi
#define WOKEN_AT(place, queue) (queued > place && !HAS(queue, me))
#ifdef NO_LIFE_WORD
#define WOKEN_BY_LIFE false
#else
#define WOKEN_BY_LIFE (seen != NOBODY && WOKEN_AT(AT_LIFE, on_life[seen]))
#endif
#define BY_DEATH (WOKEN_AT(AT_OBIT, on_obit) || WOKEN_BY_LIFE || WOKEN_AT(AT_LOCK_AGAIN, on_lock_again))
#define WOKEN (WOKEN_AT(AT_LOCK, on_lock) || BY_DEATH)

/* What the dead one was doing becomes mine to finish. */
inline copy_op()
{
    if
    :: HAS(op, seen) -> ADD(op, ME)
    :: else
    fi
}
#if defined NO_REPAIR || defined ADOPT_LATE
#define adopt() skip
#else
#define adopt() copy_op()
#endif

inline leave()
{
    DROP(on_lock, ME);
    DROP(on_lock_again, ME);
    DROP(on_obit, ME);
    if
    :: seen != NOBODY -> DROP(on_life[seen], ME)
    :: else
    fi;
    queued = 0;
    seen = NOBODY
}

proctype locker(byte me; bit impatient)
{
    byte seen = NOBODY, queued, fresh;
    bit seen_waiters, slept, by_death;

look:
    atomic {
        MAY_DIE;
        if
        :: owner == NOBODY ->
            owner = me;
            waiters = TAKEN_WITH;
            assert(inside == NOBODY && !torn);
            inside = me;
            goto change
        :: owner != NOBODY && !SEEN_DEAD(owner) -> seen = owner; seen_waiters = waiters; goto arm
        :: owner != NOBODY && SEEN_DEAD(owner) -> seen = owner; seen_waiters = waiters; adopt()
        fi
    };
    atomic {
        MAY_DIE;
        if
        :: owner == seen && waiters == seen_waiters ->
            assert(inside == NOBODY || HAS(dead, inside));
            owner = me;
            waiters = seen_waiters | slept;
            inside = me;
            goto repair
        :: else -> DROP(op, ME); seen = NOBODY; goto look
        fi
    };

arm:
    if
    :: seen_waiters
    :: !seen_waiters ->
        atomic {
            MAY_DIE;
            if
            :: owner == seen && !waiters -> waiters = 1
            :: else -> seen = NOBODY; goto look
            fi
        }
    fi;
    if
    :: impatient -> goto late
    :: true
    fi;

    atomic { MAY_DIE; COMPARE_LOCK; ADD(on_lock, ME); queued = AT_LOCK + 1 };
#ifdef OBIT_LAST
    atomic { COMPARE_LIFE; ADD(on_life[seen], ME); queued = AT_LIFE + 1 };
    atomic { ADD(on_obit, ME); queued = AT_OBIT + 1 };
#else
    atomic { ADD(on_obit, ME); queued = AT_OBIT + 1 };
#ifndef NO_LIFE_WORD
    atomic { COMPARE_LIFE; ADD(on_life[seen], ME); queued = AT_LIFE + 1 };
#endif
    atomic { COMPARE_LOCK; ADD(on_lock_again, ME); queued = AT_LOCK_AGAIN + 1 };
#endif
    if
    :: WOKEN
    :: atomic { impatient && !WOKEN -> leave() }; goto late
    :: KILLED
    fi;
awake:
    atomic { by_death = BY_DEATH; leave(); slept = 1 };
    if
    :: by_death -> by_death = 0; announce()
    :: else
    fi;
    goto look;

repair:
#ifdef ADOPT_LATE
    atomic { MAY_DIE; copy_op() };
#endif
    atomic {
        MAY_DIE;
        seen = NOBODY;
        if
        :: HAS(op, me) -> torn = 0; DROP(op, ME)
        :: else
        fi;
        assert(!torn)
    };
    goto release;
change:
    atomic { MAY_DIE; ADD(op, ME); torn = 1 };
    atomic { MAY_DIE; torn = 0; DROP(op, ME) };
release:
    atomic {
        MAY_DIE;
        assert(owner == me && inside == me);
        seen_waiters = waiters;
        owner = NOBODY;
        waiters = 0;
        inside = NOBODY
    };
    if
    :: seen_waiters -> atomic { MAY_DIE; wake_one_of(on_lock, on_lock_again) }
    :: else
    fi;
    goto done;

dying:
    atomic { leave(); fresh = 0; by_death = 0 };
    exit_robust_list();
    goto done;
late:
    atomic { leave() };
done:
    atomic { seen_waiters = 0; slept = 0; settled++ }
}

init
{
    byte party;

    atomic {
        choose_deaths();
        do
        :: party < LOCKERS -> run locker(party, IMPATIENT && party == LOCKERS - 1); party++
        :: party >= LOCKERS && party < PARTIES -> run stranger(party); party++
        :: party == PARTIES -> break
        od
    };
    timeout;
    assert(settled == LOCKERS)
}
