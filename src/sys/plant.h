/* Planted bugs: what the crash sweeps must catch. In the library PLANTED() is the constant 0 and leaves no code; the
 * tests build it once more with KIN_PLANTS, where one of these is chosen when the program runs. */
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
};

#ifdef KIN_PLANTS
extern enum plant kin_planted;
#define PLANTED(bug) (kin_planted == PLANT_##bug)
#else
#define PLANTED(bug) 0
#endif

#endif
