/* kernel.pml - what Linux does for those who sleep and for those who die, and what kin does for those who hear of it.
 * The other models include it. They define PARTIES first.
 *
 * Parties   are lives. A set of parties is a byte; party i is its bit i.
 * Queues    of the sleepers on a futex word are such sets. Which of several sleepers a wake finds is left open: a
 *           wider choice than the kernel's, which goes by priority and age.
 * futex_waitv looks at its words one after the other: compares, queues, goes on to the next. It does not look at all
 *           of them at one moment, and the models do not either; `queued` counts the words on which the caller
 *           stands. Who is woken early, or finds a word changed, leaves all queues; the result tells the highest word
 *           that was woken.
 * Deaths    may come before each step, awake, asleep, or just woken. How many a run has is chosen at its start, from
 *           none to DEATHS: a sleeper who is lost must not be excused by a death that might still rescue him.
 * A death   is what the kernel makes of it: the dead one leaves the queues, and a wake that had found him is eaten;
 *           his life word is marked and one who sleeps on it is woken; then, list_op_pending being set, one who
 *           sleeps on the obituary word (obit) is woken. One, and that may be a stranger, who sleeps on another
 *           object.
 * Announcing (life_announce in src/life/death.c): whoever returns by a life word or by obit marks all dead lives that
 *           are not yet announced and, if there were any, wakes everybody on obit.
 *
 * Left out: the freeing and reuse of lives, who attaches or detaches, deaths that the kernel does not mark, and the
 * backstop of 250 ms, which would hide what the models are there to find. */

#ifndef DEATHS
#define DEATHS 1
#endif

#define NOBODY 255
#define ONLY(party) (1 << (party))
#define ME ONLY(me)
#define HAS(set, party) (((set) >> (party)) & 1)
#define ADD(set, members) set = set | (members)
#define DROP(set, members) set = set & ~(members)

byte deaths;           /* that may still come */
byte dead;             /* whose life word says OWNER_DIED */
byte announced;        /* whose life is marked so */
byte on_obit;          /* who sleeps on obit ... */
byte on_life[6];       /* ... and on each life word */

inline choose_deaths()
{
    do
    :: deaths < DEATHS -> deaths++
    :: break
    od
}

/* Stands before a step: killed here, or not. */
#define MAY_DIE if :: deaths > 0 -> deaths--; goto dying :: true fi
/* The same where a sleeper waits. */
#define KILLED deaths > 0 -> deaths--; goto dying

/* The lock where it is not the subject: free, or its owner dead. lock.pml shows that nobody waits for it in vain.
 * What happens under it is seen by others only as far as they look without it, so acquiring is one step with the
 * first store, and releasing one with the last. */
byte owner = NOBODY;
#define LOCK if :: owner == NOBODY || HAS(dead, owner) -> owner = me :: KILLED fi
#define UNLOCK owner = NOBODY

/* FUTEX_WAKE of one. */
inline wake_one(queue)
{
    if
    :: queue & 1 -> DROP(queue, 1)
    :: queue & 2 -> DROP(queue, 2)
    :: queue & 4 -> DROP(queue, 4)
    :: queue & 8 -> DROP(queue, 8)
    :: queue & 16 -> DROP(queue, 16)
    :: queue & 32 -> DROP(queue, 32)
    :: queue == 0
    fi
}

/* FUTEX_WAKE of one, on a word on which a sleeper may stand twice. */
inline wake_one_of(queue, again)
{
    if
    :: queue != 0 -> wake_one(queue)
    :: again != 0 -> wake_one(again)
    :: queue == 0 && again == 0
    fi
}

/* What the kernel does when a thread that has left all queues is gone. */
inline exit_robust_list()
{
    atomic { ADD(dead, ME); wake_one(on_life[me]) };
    atomic { wake_one(on_obit) }
}

/* For whoever was woken by a death. `fresh` is a local of the caller. */
#ifdef NO_ANNOUNCE
#define announce() skip
#else
inline announce()
{
    atomic { MAY_DIE; fresh = dead & ~announced; ADD(announced, dead) };
    if
    :: fresh -> atomic { MAY_DIE; fresh = 0; on_obit = 0 }
    :: else
    fi
}
#endif

/* Sleeps on another object of the domain, on which nothing happens. */
proctype stranger(byte me)
{
    byte fresh;

sleep:
    atomic { MAY_DIE; ADD(on_obit, ME) };
end_asleep:
    if
    :: !HAS(on_obit, me)
    :: KILLED
    fi;
    announce();
    goto sleep;

dying:
    atomic { DROP(on_obit, ME); fresh = 0 };
    exit_robust_list()
}
