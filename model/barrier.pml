/* barrier.pml - the barrier: seats, rounds, and what the others learn of a death.
 *
 * A transition is one step of src/sync/barrier.c. The guard is LOCK and UNLOCK (lock.pml shows that nobody waits for it
 * in vain); what is done under it between two stores that others may find is one step.
 *
 * settle       every dead one's seat: NEWS, then EMPTY, with the event fired before.
 * arrive       the seat's round; then is_over: end_round, or sleep on {event, obit, the lives of who is missing,
 *              event}.
 * end          fire, one store of state, release, wake.
 *
 * Left out     deadlines, leaving, more seats than parties; the sleep on lives of more than 24.
 * Must hold    each round ends once; nobody passes one in which a living party has not arrived; a round in which a seat
 *              was emptied tells so; nobody sleeps for ever.
 * Must fail    NO_SETTLE: the dead keep their seats; NO_FIRE: who stands between his release and his sleep is only
 *              woken; NO_LIFE_WORD: a death between look and sleep is missed; NO_ANNOUNCE.
 * Size         MEMBERS, ROUNDS, STRANGERS, DEATHS. */
#ifndef MEMBERS
#define MEMBERS 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef STRANGERS
#define STRANGERS 0
#endif
#define PARTIES (MEMBERS + STRANGERS)
#include "kernel.pml"

byte seats = (1 << MEMBERS) - 1; /* whose seat is taken: all have joined */
byte arrived;                    /* in this round */
byte round;
bit news;                        /* of this round */
byte emptied;                    /* whose seat was, in this round */
byte event;
bit armed;
byte on_event, on_event_again;
byte settled;

#ifdef NO_FIRE
#define fire() skip
#else
inline fire()
{
    if
    :: armed -> event++; armed = 0
    :: else
    fi
}
#endif

inline wake_all()
{
    on_event = 0;
    on_event_again = 0
}

#ifdef NO_SETTLE
#define settle_dead() skip
#else
inline settle_dead()
{
    if
    :: seats & dead ->
        atomic { MAY_DIE; fire() };
        atomic { MAY_DIE; news = 1 };
        atomic { MAY_DIE; emptied = seats & dead; seats = seats & ~dead; arrived = arrived & ~dead }
    :: else
    fi
}
#endif

inline leave_queues()
{
    DROP(on_event, ME);
    DROP(on_event_again, ME);
    DROP(on_obit, ME);
    stood = 0
}

proctype member(byte me)
{
    byte fresh, mine, value, missing, stood;

next:
    atomic { LOCK };
    mine = round;
    settle_dead();
    atomic { MAY_DIE; ADD(arrived, ME) };
look:
    settle_dead();
    if
    :: (seats & ~arrived) == 0 ->
        atomic { MAY_DIE; assert(round == mine); };
        atomic { MAY_DIE; fire() };
        atomic { MAY_DIE; assert(!emptied || news); emptied = 0; news = 0; arrived = 0; round++ };
        atomic { MAY_DIE; UNLOCK };
        atomic { MAY_DIE; wake_all() };
        goto passed
    :: else
    fi;
    atomic { MAY_DIE; armed = 1; value = event; missing = seats & ~arrived };
    atomic { MAY_DIE; UNLOCK };
    atomic {
        MAY_DIE;
        if
        :: event == value -> ADD(on_event, ME); stood = 1
        :: else -> goto awake
        fi
    };
    atomic { MAY_DIE; ADD(on_obit, ME); stood = 2 };
#ifndef NO_LIFE_WORD
    atomic {
        MAY_DIE;
        if
        :: missing & dead -> goto awake
        :: else
        fi
    };
#endif
    atomic {
        MAY_DIE;
        if
        :: event == value -> ADD(on_event_again, ME); stood = 3
        :: else -> goto awake
        fi
    };
    if
    :: (!HAS(on_event, me) || !HAS(on_obit, me) || !HAS(on_event_again, me))
    :: KILLED
    fi;
awake:
    atomic { leave_queues() };
    announce();
    if
    :: round != mine -> goto passed
    :: else
    fi;
    atomic { LOCK };
    if
    :: round != mine -> atomic { MAY_DIE; UNLOCK }; goto passed
    :: else -> goto look
    fi;
passed:
    if
    :: mine + 1 < ROUNDS -> goto next
    :: else
    fi;
    goto done;
dying:
    atomic { leave_queues(); fresh = 0 };
    exit_robust_list();
done:
    settled++
}

init
{
    byte party;

    atomic {
        choose_deaths();
        do
        :: party < MEMBERS -> run member(party); party++
        :: party >= MEMBERS && party < PARTIES -> run stranger(party); party++
        :: party == PARTIES -> break
        od
    };
    timeout;
    assert(settled == MEMBERS)
}
