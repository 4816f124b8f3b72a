/* Planted bugs: what the crash sweeps must catch. In the library PLANTED() is the constant 0 and leaves no code; the
 * tests build it once more with KIN_PLANTS, where these are chosen when the program runs. */
#ifndef SYS_PLANT_H
#define SYS_PLANT_H

enum plant {
    PLANT_NONE,
    PLANT_COMMIT_FIRST,   /* the state is stored before the payload */
    PLANT_NO_REPAIR,      /* a lock is stolen, what its owner was doing is not finished */
    PLANT_NO_DEATH_CHECK, /* a lock's dead owner counts as living */
    PLANT_NO_BATON,       /* who was woken and leaves something does not wake the next */
    PLANT_NO_FIRE,        /* the event is not fired before the commit */
    PLANT_NO_ANNOUNCE,    /* a death is not announced to all */
    PLANT_NO_OP,          /* the op is not written before the commit */
    PLANT_IGNORE_FINISH,  /* a thief does not ask the finish record */
    PLANT_NO_HOLD,        /* a user's lock is not named before it is taken */
    PLANT_NO_WITNESS,     /* a thief does not ask whether the dead owner's command holds the lock */
    PLANT_NO_HOLDERS,     /* a receiver does not sleep on the lives of lease holders */
    PLANT_NO_RING,        /* who is armed is not rung */
    PLANT_NO_CALLER,      /* who ends a request does not wake its caller */
    PLANT_NO_SERVER,      /* a caller does not look whether the server of his request lives */
    PLANT_NO_GUARD,       /* what a sleeper looked at is not looked at again when a death can wake him */
    PLANT_NO_RECHECK,     /* a reader without a lock does not look again behind its copy */
    PLANT_MISCOUNT,       /* a gap is told one message too short */
    PLANT_WRONG_SORT,     /* a ring tells of another sort of entry */
    PLANT_ONE_RING,       /* of two rings the first is not told */
    PLANT_ARM_LATE,       /* a sleeper arms the event after he has let go of the lock */
    PLANT_LOOK_ONCE,      /* a way that was there at no single moment counts as a cycle */
    PLANT_DEAD_SINCE,     /* who waits for an owner sleeps, though that one has died since the look at him */
    PLANT_NO_KEEP,        /* a writer who waits for readers has nothing that others wait for */
    PLANT_ANY_OWNER,      /* an owner who is awake counts as waiting, as others who name the lock do wait */
    PLANT_STAY_LISTED,    /* who did not sleep after all is still listed as one who waits */
    PLANT_LOOK_FIRST,     /* who looks for a cycle has not said yet what he will wait for */
    PLANT_NO_FENCE,       /* a writer makes no fence for quick readers */
    PLANT_NO_CLAIM,       /* a child runs though its supervisor's successor has given it up */
    PLANT_STOP_AWAKE,     /* no bug: who is about to sleep on a queue stops (SIGSTOP) between release and sleep */
    PLANT_STOP_ENTERING,  /* no bug: a supervisor's child stops before its claim */
    PLANT_STOP_COPYING,   /* no bug: a reader without a lock stops before its copy */
    PLANT_STOP_WOKEN,     /* no bug: who was woken stops before he takes the lock */
    PLANT_STOP_ASKING,    /* no bug: who looks for a cycle stops before he says what he will wait for */
    PLANT_STOP_LOOKING,   /* no bug: he stops behind the second thread that he follows */
    PLANT_NO_MEMBARRIER,  /* no bug: the kernel makes no fence for others */
    PLANTS
};
_Static_assert(PLANTS <= 64, "a bit each");

#ifdef KIN_PLANTS
#include <stdint.h>
extern uint64_t kin_planted; /* a bit each */
extern int64_t kin_backstop; /* 0: the normal one. So long that no lost wake is mended by it */
#define PLANT_BIT(plant) (UINT64_C(1) << (plant))
#define PLANTED(bug) ((kin_planted & PLANT_BIT(PLANT_##bug)) != 0)
#define BACKSTOP(normal) (kin_backstop ? kin_backstop : (normal))
#else
#define PLANTED(bug) 0
#define BACKSTOP(normal) (normal)
#endif

#endif
