/* spsc.pml - the channel: two sides without a lock, a fence that only the sleeper pays for, and who hears of a death.
 *
 * Each side counts what it did: the producer's messages, the consumer's receives (`head`). A count is `made` when its
 * store was executed, and `visible` to the other processor when it left the store buffer, at any time later: at a
 * system
 * call of its maker, at his death, or when somebody's membarrier fences all (src/channel/spsc.h). The word of an end is
 * {owner, AWAITED}; who waits for the owner sleeps on it.
 *
 * Either side  (spsc.c) takes its end by CAS, which keeps AWAITED. He commits: made + 1; channel_wake: if AWAITED is
 *                set
 *              in his own word, clears it and wakes the other. At last he gives the end back, and keeps AWAITED.
 * Who waits    (spsc_wait.c) looks at the other end's word, whether its owner died, and *then* whether there is
 *              something for himself; if there is not and the other died, he ends (-EPIPE). Else he arms: AWAITED is
 *              set by CAS in the word as he saw it, membarrier; looks once more; sleeps on that word in futex_waitv
 *              {word, obit, the other's life, word} (wait.c). Whatever wakes him, he begins anew; by a death, he
 *              announces first.
 * A successor  takes the place of a dead producer by CAS (spsc_end.c), and goes on where he stopped.
 *
 * Why the fence. Without one the sender's look at AWAITED may come before his commit is visible, and the sleeper's look
 * at the commit before his AWAITED is: both see nothing. Where the membarrier is not to be had, both sides make full
 * fences, which is the same for this model.
 *
 * Why the owner's word. With a word of its own for the sleep (APART), somebody may take the other end and die after we
 * looked who has it and before we stand on obit: nobody tells us.
 *
 * Left out     what a message holds (a slot is full or not by one store); how a successor finds his position; spinning.
 * Must hold    when nothing moves any more, nobody who lives sleeps while there is something for him, or while the
 *                other
 *              side's owner is dead; nobody ends by -EPIPE while there is something for him.
 * Must fail    NO_FENCE; NO_LOOK (after arming); NO_FIRE (AWAITED is not cleared before the wake); LOOK_FIRST (at the
 *              ring, then at the other's life); NO_LIFE_WORD; NO_ANNOUNCE; APART.
 * Size         MESSAGES, CAPACITY, SUCCESSORS (0 or 1), STRANGERS, DEATHS. */
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef CAPACITY
#define CAPACITY 1
#endif
#ifndef SUCCESSORS
#define SUCCESSORS 0
#endif
#ifndef STRANGERS
#define STRANGERS 0
#endif
#define PARTIES (2 + SUCCESSORS + STRANGERS)
#include "kernel.pml"

#define PRODUCER 0
#define CONSUMER 1

/* The places of the words in futex_waitv. */
#define AT_WORD 0
#define AT_OBIT 1
#define AT_LIFE 2
#define AT_WORD_AGAIN 3

byte made[2], visible[2];
bit awaited[2];       /* by the other side */
byte on_word[2], on_word_again[2];
byte has[2] = NOBODY; /* who has each end */

#define OTHER (1 - side)
#define DRAIN(whose) visible[whose] = made[whose]
#define FOUND(whose) \
    (whose == PRODUCER -> made[PRODUCER] - visible[CONSUMER] < CAPACITY : visible[PRODUCER] > made[CONSUMER])
#define IS_DEAD(party) (party != NOBODY && HAS(dead, party))

#ifdef NO_LIFE_WORD
#define WATCHED false
#else
#define WATCHED (seen != NOBODY)
#endif
#ifdef APART
#define SAME_OWNER true
#else
#define SAME_OWNER (has[OTHER] == seen)
#endif
#define COMPARE if :: SAME_OWNER && awaited[OTHER] :: else -> goto awake fi
#define WOKEN_AT(place, queue) (queued > place && !HAS(queue, me))
#define BY_DEATH \
    (WOKEN_AT(AT_OBIT, on_obit) || WATCHED && WOKEN_AT(AT_LIFE, on_life[seen]) || \
     WOKEN_AT(AT_WORD_AGAIN, on_word_again[side]))
#define WOKEN (WOKEN_AT(AT_WORD, on_word[side]) || BY_DEATH)

inline leave()
{
    DROP(on_word[side], ME);
    DROP(on_word_again[side], ME);
    DROP(on_obit, ME);
    if
    :: WATCHED -> DROP(on_life[seen], ME)
    :: else
    fi;
    queued = 0
}

/* One who has an end, until all messages passed. A successor begins when his predecessor is dead. */
proctype party(byte me; byte side)
{
    byte seen = NOBODY, queued, fresh;
    bit found, by_death, wake;

end_before:
    if
    :: atomic { has[side] == NOBODY || HAS(dead, has[side]) -> has[side] = me }
    fi;
next:
    if
    :: made[side] == MESSAGES -> goto done
    :: made[side] < MESSAGES && FOUND(side) -> goto commit
    :: made[side] < MESSAGES && !FOUND(side)
    fi;

wait:
#ifdef LOOK_FIRST
    atomic { MAY_DIE; found = FOUND(side) };
    atomic { MAY_DIE; seen = has[OTHER]; by_death = IS_DEAD(seen); assert(!by_death || found || !FOUND(side)) };
#else
    atomic { MAY_DIE; seen = has[OTHER]; by_death = IS_DEAD(seen) };
    atomic { MAY_DIE; found = FOUND(side) };
#endif
    if
    :: found -> atomic { found = 0; by_death = 0; seen = NOBODY; goto commit }
    :: !found && by_death -> atomic { by_death = 0; seen = NOBODY; goto done }
    :: !found && !by_death
    fi;
    atomic {
        MAY_DIE;
        if
        :: SAME_OWNER -> awaited[OTHER] = 1
        :: else -> seen = NOBODY; goto wait
        fi;
        DRAIN(side)
#ifndef NO_FENCE
        ; DRAIN(OTHER)
#endif
    };
#ifndef NO_LOOK
    if
    :: atomic { FOUND(side) -> seen = NOBODY; goto commit }
    :: !FOUND(side)
    fi;
#endif
    atomic { MAY_DIE; COMPARE; ADD(on_word[side], ME); queued = AT_WORD + 1 };
    atomic { ADD(on_obit, ME); queued = AT_OBIT + 1 };
    atomic {
        if
        :: WATCHED && !IS_DEAD(seen) -> ADD(on_life[seen], ME)
        :: WATCHED && IS_DEAD(seen) -> goto awake
        :: !WATCHED
        fi;
        queued = AT_LIFE + 1
    };
    atomic { COMPARE; ADD(on_word_again[side], ME); queued = AT_WORD_AGAIN + 1 };
end_asleep:
    if
    :: WOKEN
    :: KILLED
    fi;
awake:
    atomic { by_death = BY_DEATH; leave(); seen = NOBODY };
    if
    :: by_death -> by_death = 0; announce()
    :: else
    fi;
    goto wait;

commit:
    atomic { MAY_DIE; made[side]++ };
    atomic { MAY_DIE; wake = awaited[side] };
    if
    :: wake ->
#ifndef NO_FIRE
        atomic { MAY_DIE; awaited[side] = 0 };
#endif
        atomic { MAY_DIE; wake = 0; DRAIN(side); wake_one_of(on_word[OTHER], on_word_again[OTHER]) }
    :: else
    fi;
    goto next;

dying:
    atomic { leave(); seen = NOBODY; found = 0; by_death = 0; wake = 0; fresh = 0; DRAIN(side) };
    exit_robust_list();
    goto gone;
done:
    has[side] = NOBODY;
gone:
end_gone:
    skip
}

/* Store buffers empty themselves. */
active proctype memory()
{
end_memory:
    do
    :: visible[PRODUCER] != made[PRODUCER] -> DRAIN(PRODUCER)
    :: visible[CONSUMER] != made[CONSUMER] -> DRAIN(CONSUMER)
    od
}

/* Nobody who lives sleeps in vain. */
#define SLEEPS(side) (on_word[side] != 0 || on_word_again[side] != 0)

init
{
    byte number;

    atomic {
        choose_deaths();
        run party(0, PRODUCER);
        run party(1, CONSUMER);
        number = 2;
        do
        :: number < 2 + SUCCESSORS -> run party(number, PRODUCER); number++
        :: number >= 2 + SUCCESSORS && number < PARTIES -> run stranger(number); number++
        :: number == PARTIES -> break
        od
    };
    timeout;
    assert(!SLEEPS(PRODUCER) || !FOUND(PRODUCER) && !IS_DEAD(has[CONSUMER]));
    assert(!SLEEPS(CONSUMER) || !FOUND(CONSUMER) && !IS_DEAD(has[PRODUCER]))
}
