/* finish.pml - done-and-send: a job leaves one queue and its result enters another as one step, whoever dies when.
 *
 * A process of two threads, two lives: the first finishes a job, the second is only there, and may take what comes
 * free. What is held is held by the process, and settled when the process is dead: when both lives are. Each queue
 * has its own lock, and nobody ever holds both.
 *
 * finisher      (lease.c: kin_queue_done_and_send) names itself in both records, commits by one store in its life,
 *               then sends the result under the results' lock, frees the job under the jobs' lock, and takes the
 *               commit back.
 * other thread  once the job's record is free, takes another job in it; once the result is received, a loan in it.
 *               They have the same process and slot as what the commit speaks of; only the record's own word, the
 *               finisher's name (and the job's sequence), tells that they are not meant.
 * receivers     one at each queue: take its lock, from the dead if need be, and settle (settle.c: queue_settle).
 * sweeper       (sweep.c: free_life) settles both queues, one after the other, then frees the finisher's life; who
 *               takes that life next wipes the commit.
 * settle        decides by state_after_death, a pure function of the record and the commit: a leased job is gone if
 *               the commit names it, else back; a loaned result is sent if the commit names it, else gone. Then one
 *               store.
 *
 * A commit that stands in a dead life is frozen until its process is dead and both queues are settled: only then may
 * the life be freed.
 *
 * Left out      waiting; moves inside a queue (their op is replayed by the thief); the receivers' own lives' ends.
 * Must hold     when nothing moves any more and the last one has settled what is left: the job is gone if and only if
 *               its result was sent, neither happened twice, and what the other thread took is back where it was.
 * Must fail     IGNORE_COMMIT: who meets a dead one's job puts it back without a look at the commit;
 *               FREE_AT_ONCE: the life is freed when its thread is dead, though its process may not be;
 *               FREE_BETWEEN: it is freed when the first queue is settled; NO_NAMES: the commit is applied to
 *               whatever the slot holds; BOTH_LOCKS: a receiver settles the other queue too while he holds his own
 *               (deadlock). */
#define PARTIES 5
#include "kernel.pml"

/* The lives. */
#define FINISHER 0
#define OTHER 1
#define AT_JOBS 2
#define AT_RESULTS 3
#define SWEEPER 4

/* The queues, and the states of the one record in each. */
#define JOBS 0
#define RESULTS 1
#define HELD 0 /* by the process: leased, or loaned */
#define FULL 1
#define FREE 2

byte holder[2] = NOBODY; /* of the queues' locks */
byte state[2];
bit named[2];   /* in the record: FINISHER finishes it */
bit again[2];   /* the record was taken a second time, by OTHER */
bit committed;  /* in FINISHER's life */
bit doomed;     /* the process was killed; its threads end one by one */
byte locking;   /* who holds a queue's lock, or waits for one */
byte done[2];   /* how often the job went, the result came */
byte undone[2]; /* how often the job came back, the loan was dropped */

#define PROCESS_DEAD (HAS(dead, FINISHER) && HAS(dead, OTHER))
#ifdef NO_NAMES
#define FINISHED(queue) committed
#else
#define FINISHED(queue) (committed && named[queue])
#endif
#ifdef IGNORE_COMMIT
#define IGNORANT(queue) (queue == JOBS && me == AT_JOBS)
#else
#define IGNORANT(queue) false
#endif

#define CAN_LOCK(queue) (holder[queue] == NOBODY || HAS(dead, holder[queue]))
#define LOCK_QUEUE(queue) ADD(locking, ME); if :: CAN_LOCK(queue) -> holder[queue] = me :: KILLED fi
#define UNLOCK_QUEUE(queue) holder[queue] = NOBODY; DROP(locking, ME)

/* The store that settles a record. */
inline settled(queue, finished)
{
    if
    :: again[queue] -> assert(!finished)
    :: !again[queue] && finished -> done[queue]++
    :: !again[queue] && !finished -> undone[queue]++
    fi;
    state[queue] = ((queue == JOBS) == finished -> FREE : FULL)
}

/* Under the queue's lock. `finished` is a local of the caller. */
inline settle(queue)
{
    if
    :: PROCESS_DEAD && state[queue] == HELD ->
        atomic { MAY_DIE; finished = FINISHED(queue) && !IGNORANT(queue) };
        atomic { MAY_DIE; settled(queue, finished) }
    :: else
    fi
}

/* For the threads of the process. */
#define MAY_END if :: deaths > 0 -> deaths--; goto dying :: doomed -> goto dying :: true fi

proctype finisher(byte me)
{
    atomic { MAY_END; named[JOBS] = 1; named[RESULTS] = 1 };
    atomic { MAY_END; committed = 1 };
    atomic { LOCK_QUEUE(RESULTS) };
    atomic { MAY_END; assert(state[RESULTS] == HELD); settled(RESULTS, true); UNLOCK_QUEUE(RESULTS) };
    atomic { LOCK_QUEUE(JOBS) };
    atomic { MAY_END; assert(state[JOBS] == HELD); settled(JOBS, true); UNLOCK_QUEUE(JOBS) };
    atomic { MAY_END; committed = 0 };
end:
    doomed;

dying: /* with the whole process, or this thread alone, as when another one calls exec */
    if
    :: doomed = 1
    :: true
    fi;
    ADD(dead, ME)
}

/* That others sent a job, or received the result, in between is left out. */
#define CAN_TAKE(queue) (!again[queue] && holder[queue] == NOBODY)
inline take(queue)
{
    state[queue] = HELD;
    named[queue] = 0;
    again[queue] = 1
}

proctype other(byte me)
{
end:
    do
    :: atomic { state[JOBS] == FREE && CAN_TAKE(JOBS) -> take(JOBS) }
    :: atomic { state[RESULTS] == FULL && CAN_TAKE(RESULTS) -> take(RESULTS) }
    :: atomic { deaths > 0 -> deaths--; doomed = 1 }; break
    :: doomed -> break
    od;
    ADD(dead, ME)
}

proctype receiver(byte me; byte queue)
{
    bit finished;

end:
    PROCESS_DEAD;
    atomic { LOCK_QUEUE(queue) };
    settle(queue);
#ifdef BOTH_LOCKS
    atomic { LOCK_QUEUE(1 - queue) };
    settle((1 - queue));
    holder[1 - queue] = NOBODY;
#endif
    atomic { MAY_DIE; UNLOCK_QUEUE(queue) };
    goto gone;

dying:
    ADD(dead, ME);
gone:
    skip
}

proctype sweeper(byte me)
{
    bit finished;

end:
#ifdef FREE_AT_ONCE
    HAS(dead, FINISHER);
#else
    HAS(dead, FINISHER) && (!committed || PROCESS_DEAD);
#endif
    atomic { LOCK_QUEUE(JOBS) };
    settle(JOBS);
    atomic { MAY_DIE; UNLOCK_QUEUE(JOBS) };
#ifndef FREE_BETWEEN
    atomic { LOCK_QUEUE(RESULTS) };
    settle(RESULTS);
    atomic { MAY_DIE; UNLOCK_QUEUE(RESULTS) };
#endif
    atomic { MAY_DIE; committed = 0 };
    goto gone;

dying:
    ADD(dead, ME);
gone:
    skip
}

init
{
    atomic {
        choose_deaths();
        run finisher(FINISHER);
        run other(OTHER);
        run receiver(AT_JOBS, JOBS);
        run receiver(AT_RESULTS, RESULTS);
        run sweeper(SWEEPER)
    };
    timeout;
    assert((locking & ~dead) == 0);
    atomic {
        if
        :: state[JOBS] == HELD -> settled(JOBS, FINISHED(JOBS))
        :: else
        fi;
        if
        :: state[RESULTS] == HELD -> settled(RESULTS, FINISHED(RESULTS))
        :: else
        fi
    };
    assert(done[JOBS] == done[RESULTS] && undone[JOBS] == undone[RESULTS] && done[JOBS] + undone[JOBS] == 1)
}
