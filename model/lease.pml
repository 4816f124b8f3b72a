/* lease.pml - waiting for a queue whose messages are all in hand: who hears that the one who held them is dead.
 *
 * A job is FULL, or leased by a worker, or done (FREE). Nobody sends: what a worker waits for is that another puts
 * his job back, or dies.
 *
 * look     (receive.c: hold, access.c: queue_wait) under the lock: a FULL job is taken; who slept arms the event
 *          again and, if more are left, fires it. If there is none, jobs of the dead are settled (settle.c: fire,
 *          FULL in one store, wake), and he looks again; queue_heed_deaths may have done that before. If there is
 *          none of these either he arms, remembers who holds jobs, unlocks and sleeps.
 * sleep    (wait.c) futex_waitv {event, obit, the life of each holder, event}. Any result but that of the first place
 *          may mean a death: announce. A holder's death between the look and the sleep rings when the sleeper cannot
 *          hear it; only the holder's life word tells. The death of one who took his job later is heard by obit.
 * work     the worker is done, or puts the job back (lease.c): fire, FULL in one store, unlock, wake.
 *
 * Left out the proof that all of a process has ended: a process here is one life. The rest as in event.pml.
 * Must hold when nothing moves any more, nobody who lives sleeps while a job is FULL or leased by the dead; no job is
 *          done twice.
 * Must fail NO_LIFE_WORD: the holders' lives are not among the words; OBIT_LAST: {event, lives, obit}; NO_ANNOUNCE;
 *          NO_SETTLING: nobody looks after the jobs of the dead.
 * Size     WORKERS, JOBS, STRANGERS, DEATHS. */
#ifndef WORKERS
#define WORKERS 3
#endif
#ifndef JOBS
#define JOBS 1
#endif
#ifndef STRANGERS
#define STRANGERS 1
#endif
#define PARTIES (WORKERS + STRANGERS)
#include "kernel.pml"

/* A job is leased by a party, or it is ... */
#define FULL 100
#define FREE 101
#define LEASED(number) (job[number] < FULL)
#define LEFT_BY_DEAD(number) (LEASED(number) && HAS(dead, job[number]))

#define SLEEPERS 1
#define ONE_EVENT 2

/* The places of the words in futex_waitv. */
#define AT_EVENT 0
#ifdef OBIT_LAST
#define AT_LIVES 1
#define AT_OBIT 2
#else
#define AT_OBIT 1
#define AT_LIVES 2
#endif
#define AT_EVENT_AGAIN 3

byte job[2];
byte done[2]; /* how often */
byte event;
byte on_event;
byte on_event_again;
byte waiting; /* who lives and had no job yet */

inline fire()
{
    if
    :: event & SLEEPERS -> wake = 1; event = (event & ~SLEEPERS) + ONE_EVENT
    :: else
    fi
}

inline wake_sleepers()
{
    if
    :: wake -> atomic { MAY_DIE; wake = 0; wake_one_of(on_event, on_event_again) }
    :: else
    fi
}

#define COMPARE if :: event == seen :: else -> goto awake fi
#define WOKEN_AT(place, queue) (queued > place && !HAS(queue, me))
#define WOKEN_BY(party) (HAS(heard, party) && !HAS(on_life[party], me))
#define WOKEN_BY_LIFE (WOKEN_BY(0) || WOKEN_BY(1) || WOKEN_BY(2))
#define BY_DEATH (WOKEN_AT(AT_OBIT, on_obit) || WOKEN_BY_LIFE || WOKEN_AT(AT_EVENT_AGAIN, on_event_again))
#define WOKEN (WOKEN_AT(AT_EVENT, on_event) || BY_DEATH)

inline leave()
{
    DROP(on_event, ME);
    DROP(on_event_again, ME);
    DROP(on_obit, ME);
    DROP(on_life[0], ME);
    DROP(on_life[1], ME);
    DROP(on_life[2], ME);
    queued = 0;
    seen = 0;
    heard = 0
}

/* One place of futex_waitv: the life of a holder. `heard` are those on whose words the caller stands. */
inline listen_to(party)
{
    if
    :: HAS(holders, party) ->
        atomic {
            if
            :: HAS(dead, party) -> goto awake
            :: else -> ADD(on_life[party], ME); ADD(heard, ONLY(party))
            fi
        }
    :: else
    fi
}

#ifdef NO_LIFE_WORD
#define listen_to_holders() skip
#else
inline listen_to_holders()
{
    listen_to(0);
    listen_to(1);
    listen_to(2)
}
#endif

inline note_holder(number)
{
    if
    :: LEASED(number) -> ADD(holders, ONLY(job[number]))
    :: else
    fi
}

proctype worker(byte me)
{
    byte number, seen, queued, holders, heard, fresh;
    bit slept, wake, by_death;

look:
    atomic { LOCK };
look_again:
    if
    :: job[0] == FULL -> number = 0
    :: job[1] == FULL -> number = 1
#ifndef NO_SETTLING
    :: LEFT_BY_DEAD(0) && job[1] != FULL -> number = 0; goto settle
    :: LEFT_BY_DEAD(1) && job[0] != FULL -> number = 1; goto settle
#endif
    :: else -> goto sleep
    fi;

    if
    :: slept -> atomic { MAY_DIE; event = event | SLEEPERS }
    :: else
    fi;
    if
    :: slept && job[1 - number] == FULL -> atomic { MAY_DIE; fire() }
    :: else
    fi;
    atomic { MAY_DIE; job[number] = me; DROP(waiting, ME); UNLOCK };
    wake_sleepers();

    /* work, then one of the two */
    if
    :: atomic { LOCK; job[number] = FREE; done[number]++; UNLOCK }
    :: atomic { LOCK; fire() }; atomic { MAY_DIE; job[number] = FULL; UNLOCK }; wake_sleepers()
    fi;
    goto gone;

settle:
    atomic { MAY_DIE; fire() };
    atomic { MAY_DIE; job[number] = FULL };
    wake_sleepers();
    goto look_again;

sleep:
    atomic { MAY_DIE; event = event | SLEEPERS; seen = event; note_holder(0); note_holder(1); UNLOCK };
    atomic { MAY_DIE; COMPARE; ADD(on_event, ME); queued = AT_EVENT + 1 };
#ifdef OBIT_LAST
    listen_to_holders();
    atomic { ADD(on_obit, ME); queued = AT_OBIT + 1 };
#else
    atomic { ADD(on_obit, ME); queued = AT_OBIT + 1 };
    listen_to_holders();
    atomic { COMPARE; ADD(on_event_again, ME); queued = AT_EVENT_AGAIN + 1 };
#endif
end_asleep:
    if
    :: WOKEN
    :: KILLED
    fi;
awake:
    atomic { by_death = BY_DEATH; leave(); holders = 0; slept = 1 };
    if
    :: by_death -> by_death = 0; announce()
    :: else
    fi;
    goto look;

dying:
    atomic { DROP(waiting, ME); leave(); holders = 0; wake = 0; fresh = 0; by_death = 0 };
    exit_robust_list();
gone:
    atomic { slept = 0; number = 0 }
}

init
{
    byte party;

    atomic {
        job[0] = FULL;
        job[1] = (JOBS > 1 -> FULL : FREE);
        choose_deaths();
        do
        :: party < WORKERS -> ADD(waiting, ONLY(party)); run worker(party); party++
        :: party >= WORKERS && party < PARTIES -> run stranger(party); party++
        :: party == PARTIES -> break
        od
    };
    timeout;
    assert(waiting == 0 || !(job[0] == FULL || job[1] == FULL || LEFT_BY_DEAD(0) || LEFT_BY_DEAD(1)));
    assert(done[0] <= 1 && done[1] <= 1)
}
