/* rwlock.pml - the rwlock: readers in slots, one writer, and who may be told what when they die.
 *
 * A transition is one step of src/sync/rwlock.c:
 *
 * slot, look   read_named: the slot, then (full fence) the word: in, or out again. The model's stores are seen at once,
 *              so NO_FENCE lets the look come before the slot.
 * taken        take_word: lock.pml shows that nobody waits for a word in vain, so it is one step here, from the living
 *              when it is free or from the dead.
 * drain        await_readers: arm the event, look at the slots, strike off the dead, sleep on {event, obit, the
 *              readers' lives}.
 * in, out      dirty around the writer's change; the reader's slot, then the event.
 *
 * Left out     slots that run out, upgrade and downgrade (the same steps with a slot kept), the slow proofs.
 * Must hold    no reader and no other writer beside a writer; who sees a half change is told; when nothing moves any
 *              more, everybody was in or died.
 * Must fail    NO_FENCE; NO_STRIKE: a dead reader's slot counts; DIRTY_LATE: dirty is set after the change has begun;
 *              NO_RAISE: a reader who leaves does not wake; ARM_LATE: the slots are looked at before the event is
 *              armed.
 * Size         READERS, WRITERS, STRANGERS, DEATHS. */
#ifndef READERS
#define READERS 2
#endif
#ifndef WRITERS
#define WRITERS 1
#endif
#ifndef STRANGERS
#define STRANGERS 0
#endif
#define PARTIES (READERS + WRITERS + STRANGERS)
#include "kernel.pml"

byte slots;      /* whose slot is set */
bit dirty;
bit torn;        /* the data is half changed */
byte inside;     /* readers who think that they are in */
bit writing;     /* a living writer is in */
byte event;      /* a count; odd: armed */
byte on_event;
byte settled;

#define WORD_FREE (owner == NOBODY)
#define ARMED (event & 1)

#ifdef NO_RAISE
#define raise_event() skip
#else
inline raise_event()
{
    if
    :: ARMED -> event = event + 1; on_event = 0
    :: else
    fi
}
#endif

proctype reader(byte me)
{
    byte fresh;
    bit told, saw_free;

#ifdef NO_FENCE
    atomic { MAY_DIE; saw_free = WORD_FREE };
    atomic { MAY_DIE; ADD(slots, ME) };
#else
    atomic { MAY_DIE; ADD(slots, ME) };
    atomic { MAY_DIE; saw_free = WORD_FREE };
#endif
    if
    :: saw_free -> atomic { MAY_DIE; told = dirty; ADD(inside, ME) }
    :: else ->
        atomic { MAY_DIE; DROP(slots, ME) };
        atomic { MAY_DIE; raise_event() };
        atomic { LOCK };
        atomic { MAY_DIE; ADD(slots, ME); told = dirty; ADD(inside, ME); UNLOCK }
    fi;
    atomic {
        MAY_DIE;
        assert(!writing);
        assert(!torn || told)
    };
    atomic { MAY_DIE; DROP(inside, ME); DROP(slots, ME) };
    atomic { MAY_DIE; raise_event() };
    goto done;
dying:
    atomic { DROP(inside, ME); fresh = 0 };
    exit_robust_list();
done:
    settled++
}

/* Slots of the living that stand in the way; the dead are struck off. */
#ifdef NO_STRIKE
#define IN_THE_WAY slots
#else
#define IN_THE_WAY (slots & ~dead)
#endif

proctype writer(byte me)
{
    byte fresh, seen, queued;
    bit told, woken_by_death;

    atomic { LOCK };
look:
#ifdef ARM_LATE
    atomic { MAY_DIE; seen = IN_THE_WAY };
    atomic { MAY_DIE; event = event | 1; queued = event };
#else
    atomic { MAY_DIE; event = event | 1; queued = event };
    atomic { MAY_DIE; seen = IN_THE_WAY };
#endif
#ifndef NO_STRIKE
    slots = slots & ~dead;
#endif
    if
    :: seen == 0 -> goto enter
    :: else
    fi;
    /* futex_waitv {event, obit, lives}: each is compared when it is queued */
    atomic {
        MAY_DIE;
        if
        :: event == queued -> ADD(on_event, ME)
        :: else -> goto look
        fi
    };
    atomic { MAY_DIE; ADD(on_obit, ME) };
    atomic {
        MAY_DIE;
        if
        :: (seen & dead) -> DROP(on_event, ME); DROP(on_obit, ME); goto look
        :: else
        fi
    };
    atomic {
        if
        :: event != queued -> DROP(on_event, ME); DROP(on_obit, ME); goto look
        :: else
        fi
    };
    if
    :: atomic { !HAS(on_event, me) || !HAS(on_obit, me) -> DROP(on_event, ME); DROP(on_obit, ME) }
    :: KILLED
    fi;
    announce();
    goto look;
enter:
    atomic { MAY_DIE; told = dirty; writing = 1; assert(inside == 0 && (!torn || told)) };
#ifdef DIRTY_LATE
    atomic { MAY_DIE; torn = 1 };
    atomic { MAY_DIE; dirty = 1 };
#else
    atomic { MAY_DIE; dirty = 1 };
    atomic { MAY_DIE; torn = 1 };
#endif
    atomic { MAY_DIE; assert(inside == 0); torn = 0 };
    atomic { MAY_DIE; dirty = 0; writing = 0 };
    atomic { MAY_DIE; UNLOCK };
    goto done;
dying:
    atomic {
        DROP(on_event, ME);
        DROP(on_obit, ME);
        if
        :: owner == me -> writing = 0
        :: else
        fi;
        fresh = 0
    };
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
        :: party < READERS -> run reader(party); party++
        :: party >= READERS && party < READERS + WRITERS -> run writer(party); party++
        :: party >= READERS + WRITERS && party < PARTIES -> run stranger(party); party++
        :: party == PARTIES -> break
        od
    };
    timeout;
    assert(settled == READERS + WRITERS)
}
