/* event.pml - sleeping until a queue has a message: the event count, the baton, and who hears of a death.
 *
 * The word (src/sync/event.h) is {count, PICKY, SLEEPERS}. It changes under the queue's lock only; futex_waitv looks
 * at it without.
 *
 * A sender     (send.c: send_locked) takes the lock; event_fire: if SLEEPERS is set, count + 1 and both bits clear,
 *              in one store, *before* the commit; commits; unlocks; event_wake: one, or all if PICKY was set.
 * A receiver   (receive.c, access.c) takes the lock. If there is a message for him, and he slept, he arms the event
 *              again, as others may still sleep, and if more is left he fires it at once: the baton (queue_pass_on).
 *              Then he commits, unlocks, wakes. If there is none he arms, remembers the word, unlocks (sleep_once)
 *              and sleeps in futex_waitv {word, obit, word} (wait.c). Whatever wakes him, he looks again; by a death,
 *              he announces first. Who is late looks once more before he goes.
 *
 * Why the word stands twice. Who has compared the word but does not yet stand on obit would miss a sender who fires,
 * commits, unlocks and is killed before he wakes anybody: the word was still old, and the death rings before he can
 * hear it. The second look comes when he can. The word must also come first, for futex_waitv tells the highest place
 * that was woken, and a death must not be taken for an event. (OBIT_LAST leaves out the second look.)
 *
 * Why a count. It never returns: a word that was fired stays different for all who saw it before, whatever bits are
 * set again. So arming early, before the commit, may wake somebody in vain, but lets nobody sleep in vain. With a
 * constant that says "somebody sleeps" (CONSTANT), arming early brings the old value back under one who is about to
 * sleep.
 *
 * Picky and plain ones on one word. A sender who saw no PICKY wakes one. If a picky one comes and sleeps before that
 * wake, it must not be he who gets it. The kernel wakes the older one first (BY_AGE), so he does not, unless he has
 * real-time priority and the plain one has not; then the backstop must help.
 *
 * Left out     what a message holds; repair (the commit is one store, so a message is there or not); that a thief
 *              fires and wakes all: it is not needed here; the lock's own waiting (lock.pml); waiting for room, which
 *              is the same with the parts exchanged; the wrap of the count, after 2^30 events during one call of
 *              futex_waitv.
 * Must hold    when nothing moves any more, nobody who lives sleeps while there is a message that he wants.
 * Must fail    NO_FIRE, FIRE_AFTER (the commit), NO_BATON, NO_ARM (after sleeping), CONSTANT, OBIT_LAST, NO_ANNOUNCE;
 *              INDEX_ONLY: who was woken by obit and by the word is told of obit alone, and he must pass the baton
 *              too; UNPAID (with IMPATIENT): who was woken leaves, on an error, without a look;
 *              WAKE_ONE (with PICKY_ONES): one is woken, and finds nothing for himself; PICKY_ONES with a third
 *              receiver and without BY_AGE.
 * Size         RECEIVERS who take one message each, SENDERS who send one each, STRANGERS, DEATHS. IMPATIENT=1: the
 *              last receiver has a deadline. PICKY_ONES=1: there are two kinds of messages, receiver 0 wants the
 *              first, receiver 1 the second, the others take any. */
#ifndef RECEIVERS
#define RECEIVERS 2
#endif
#ifndef SENDERS
#define SENDERS 2
#endif
#ifndef STRANGERS
#define STRANGERS 1
#endif
#ifndef IMPATIENT
#define IMPATIENT 0
#endif
#ifndef PICKY_ONES
#define PICKY_ONES 0
#endif
#ifndef BY_AGE
#define BY_AGE 0
#endif
#define PARTIES (RECEIVERS + SENDERS + STRANGERS)
#include "kernel.pml"

#define SLEEPERS 1
#define PICKY 2
#define BITS (SLEEPERS | PICKY)
#ifdef CONSTANT
#define ONE_EVENT 0
#else
#define ONE_EVENT 4
#endif

/* The places of the words in futex_waitv. */
#define AT_WORD 0
#define AT_OBIT 1
#define AT_WORD_AGAIN 2

#define ANY 2
#define WANTS(message) (kind == message || kind == ANY)
#define FOUND (WANTS(0) && messages[0] > 0 || WANTS(1) && messages[1] > 0)
#define MORE (messages[0] + messages[1] > 1)

byte word;
byte on_word;
byte on_word_again;
byte older;     /* who stood on the word when the last event was fired */
byte messages[2];
byte wanted[2]; /* by whom: those who live and wait for their message */

#define WANT_NO_MORE DROP(wanted[0], ME); DROP(wanted[1], ME)
#define ARM(bits) word = word | (bits)

#if BY_AGE
#define NOTE_AGE older = on_word
#else
#define NOTE_AGE skip
#endif

/* `wake` is a local of the caller: what event_wake must be told. */
inline fire()
{
    if
    :: word & SLEEPERS -> wake = word & BITS; word = (word & ~BITS) + ONE_EVENT; NOTE_AGE
    :: else
    fi
}

/* FUTEX_WAKE of one, by age: of those who stood there before the event, if any still do. */
inline wake_oldest()
{
    older = on_word & older;
    if
    :: older != 0 -> DROP(on_word, older); wake_one(older); ADD(on_word, older); older = 0
    :: older == 0 -> wake_one_of(on_word, on_word_again)
    fi
}

inline wake_sleepers()
{
    if
    :: wake & PICKY -> atomic { MAY_DIE; wake = 0; on_word = 0; on_word_again = 0 }
    :: wake == SLEEPERS && !BY_AGE -> atomic { MAY_DIE; wake = 0; wake_one_of(on_word, on_word_again) }
    :: wake == SLEEPERS && BY_AGE -> atomic { MAY_DIE; wake = 0; wake_oldest() }
    :: else
    fi
}

inline commit_send()
{
    if
    :: messages[0]++
    :: PICKY_ONES -> messages[1]++
    fi
}

proctype sender(byte me)
{
    byte wake;

#if defined FIRE_AFTER
    atomic { LOCK; commit_send() };
    atomic { MAY_DIE; fire(); UNLOCK };
#elif defined NO_FIRE
    atomic { LOCK; commit_send(); wake = word & BITS; UNLOCK };
#else
    atomic { LOCK; fire() };
    atomic { MAY_DIE; commit_send(); UNLOCK };
#endif
    wake_sleepers();
    goto gone;

dying:
    wake = 0;
    exit_robust_list();
gone:
    skip
}

inline commit_receive()
{
    if
    :: WANTS(0) && messages[0] > 0 -> messages[0]--
    :: WANTS(1) && messages[1] > 0 -> messages[1]--
    fi;
    WANT_NO_MORE
}

#define COMPARE if :: word == seen :: else -> goto awake fi
#define WOKEN_AT(place, queue) (queued > place && !HAS(queue, me))
#define WOKEN (WOKEN_AT(AT_WORD, on_word) || BY_DEATH)
#define BY_DEATH (WOKEN_AT(AT_OBIT, on_obit) || WOKEN_AT(AT_WORD_AGAIN, on_word_again))
#define LEAVE DROP(on_word, ME); DROP(on_obit, ME); DROP(on_word_again, ME); queued = 0; seen = 0

proctype receiver(byte me; byte kind; bit impatient)
{
    byte seen, queued, wake, fresh;
    bit slept, late, by_death;

look:
    atomic { LOCK };
    if
    :: FOUND ->
#ifndef NO_ARM
        if
        :: slept -> atomic { MAY_DIE; ARM(SLEEPERS) }
        :: else
        fi;
#endif
#ifndef NO_BATON
        if
        :: slept && MORE -> atomic { MAY_DIE; fire() }
        :: else
        fi;
#endif
        atomic { MAY_DIE; commit_receive(); UNLOCK };
        wake_sleepers();
        goto done
    :: !FOUND && late -> atomic { MAY_DIE; UNLOCK; WANT_NO_MORE; goto done }
    :: !FOUND && !late ->
#ifdef WAKE_ONE
        atomic { MAY_DIE; ARM(SLEEPERS); seen = word; UNLOCK };
#else
        atomic { MAY_DIE; ARM(kind == ANY -> SLEEPERS : SLEEPERS | PICKY); seen = word; UNLOCK };
#endif
    fi;
    if
    :: impatient -> late = 1; goto awake
    :: true
    fi;

    atomic { MAY_DIE; COMPARE; ADD(on_word, ME); queued = AT_WORD + 1 };
    atomic { ADD(on_obit, ME); queued = AT_OBIT + 1 };
#ifndef OBIT_LAST
    atomic { COMPARE; ADD(on_word_again, ME); queued = AT_WORD_AGAIN + 1 };
#endif
end_asleep:
    if
    :: WOKEN
    :: atomic { impatient && !WOKEN -> late = 1; LEAVE }
    :: KILLED
    fi;
awake:
    atomic {
        by_death = BY_DEATH;
#ifdef INDEX_ONLY
        slept = WOKEN && !by_death;
#else
        slept = 1;
#endif
        LEAVE
    };
    if
    :: by_death -> by_death = 0; announce()
    :: else
    fi;
#ifdef UNPAID
    if
    :: impatient -> atomic { WANT_NO_MORE; goto done }
    :: true
    fi;
#endif
    goto look;

dying:
    atomic { WANT_NO_MORE; LEAVE; wake = 0; fresh = 0; slept = 0; late = 0; by_death = 0 };
    exit_robust_list();
    goto gone;
done:
    atomic { slept = 0; late = 0 };
gone:
    skip
}

init
{
    byte party, kind;

    atomic {
        choose_deaths();
        do
        :: party < RECEIVERS ->
            kind = (PICKY_ONES && party < 2 -> party : ANY);
            if
            :: kind != 1 -> ADD(wanted[0], ONLY(party))
            :: else
            fi;
            if
            :: kind != 0 -> ADD(wanted[1], ONLY(party))
            :: else
            fi;
            run receiver(party, kind, IMPATIENT && party == RECEIVERS - 1);
            party++
        :: party >= RECEIVERS && party < RECEIVERS + SENDERS -> run sender(party); party++
        :: party >= RECEIVERS + SENDERS && party < PARTIES -> run stranger(party); party++
        :: party == PARTIES -> break
        od
    };
    timeout;
    assert(messages[0] == 0 || wanted[0] == 0);
    assert(messages[1] == 0 || wanted[1] == 0)
}
