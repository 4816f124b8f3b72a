/* rwlock.pml - the rwlock: readers in slots, one writer, and who may be told what when they die.
 *
 * A transition is one step of src/sync/rwlock.c:
 *
 * slot, look   read_named: the slot, then (full fence) the word: in, or out again. The model's stores are seen at once,
 *              but for those below, so NO_FENCE lets the look come before the slot. Who is in may make the lock quick
 *              (count_fence).
 * quick        kin_rwlock_acquire_read without a fence: the slot, the word, the state; and kin_rwlock_release: the
 *              slot, the state and the event. The stores of his slot wait in his processor's buffer, in order, until
 *              they are written: of themselves, for a fence, for a membarrier, or as he dies.
 * fence        fence_readers: the membarrier, or where it is refused (REFUSED=1) NEVER and the wait until all is
 *              written; then no longer quick.
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
 *              armed; NO_MEMBARRIER: a writer does not fence quick readers when he comes; NO_SECOND: nor before he
 *              sleeps; UNQUICK_FIRST: the lock is no longer quick before he has; STATE_FIRST: a quick reader looks at
 *              the state before the word; NO_DRAIN: a refused writer does not wait; NEVER_LATE: he says NEVER only
 *              when he has waited.
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
byte setting;    /* by whom it is, and his processor has not written that yet */
byte clearing;   /* likewise no longer is, behind that */
bit quick, refused; /* QUICK, NEVER */
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

/* The stores of those parties reach memory. */
inline write_back(parties)
{
    slots = (slots | (setting & (parties))) & ~(clearing & (parties));
    DROP(setting, parties);
    DROP(clearing, parties)
}

#define ALL ((1 << PARTIES) - 1)
#define IS_QUICK (quick && !refused && !dirty)

/* They do so of themselves, one after the other, some time. */
#define STORES_OF(party)                                                                                               \
    :: atomic { HAS(setting, party) -> ADD(slots, ONLY(party)); DROP(setting, ONLY(party)) }                           \
    :: atomic { HAS(clearing & ~setting, party) -> DROP(slots, ONLY(party)); DROP(clearing, ONLY(party)) }

active proctype processors()
{
end_idle:
    do
    STORES_OF(0)
    STORES_OF(1)
    STORES_OF(2)
    od
}

#ifdef REFUSED
#define membarrier(done) done = 0
#else
#define membarrier(done) write_back(ALL); done = 1
#endif

proctype reader(byte me)
{
    byte fresh;
    bit told, saw_free, saw_quick;

    atomic { MAY_DIE; saw_quick = IS_QUICK };
    if
    :: !saw_quick -> goto fenced
    :: else
    fi;
    atomic { MAY_DIE; ADD(setting, ME) };
#ifdef STATE_FIRST
    atomic { MAY_DIE; saw_quick = IS_QUICK };
    atomic { MAY_DIE; saw_free = WORD_FREE };
#else
    atomic { MAY_DIE; saw_free = WORD_FREE };
    atomic { MAY_DIE; saw_quick = IS_QUICK };
#endif
    if
    :: !saw_free || !saw_quick ->
        atomic { MAY_DIE; write_back(ME); DROP(slots, ME) };
        atomic { MAY_DIE; raise_event() };
        goto fenced
    :: else
    fi;
    atomic { MAY_DIE; ADD(inside, ME); assert(!writing && !torn) }; /* who sees QUICK sees that it is not DIRTY */
    atomic { MAY_DIE; assert(!writing && !torn) };
    atomic { MAY_DIE; DROP(inside, ME); ADD(clearing, ME) };
    atomic { MAY_DIE; saw_quick = IS_QUICK };
    if
    :: saw_quick ->
        atomic { MAY_DIE; saw_quick = !ARMED }
    :: else
    fi;
    if
    :: saw_quick -> goto done
    :: else
    fi;
    atomic { MAY_DIE; write_back(ME) };
    atomic { MAY_DIE; raise_event() };
    goto done;

fenced:
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
    if
    :: atomic { WORD_FREE -> MAY_DIE; owner = me };
        if
        :: atomic { !refused -> MAY_DIE; quick = 1 }
        :: atomic { refused -> MAY_DIE }
        fi;
        atomic { MAY_DIE; UNLOCK }
    :: true
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
    atomic { write_back(ME); DROP(inside, ME); fresh = 0 };
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
    bit told, made;

    atomic { LOCK };
    /* fence_readers */
    if
    :: atomic { !quick -> MAY_DIE }
    :: atomic { quick -> MAY_DIE };
#ifdef UNQUICK_FIRST
        atomic { MAY_DIE; quick = 0 };
#endif
#ifndef NO_MEMBARRIER
        atomic { MAY_DIE; membarrier(made) };
        if
        :: made
        :: else ->
#ifndef NEVER_LATE
            atomic { MAY_DIE; refused = 1 };
#endif
#ifndef NO_DRAIN
            if
            :: (setting | clearing) == 0
            :: KILLED
            fi;
#endif
            atomic { MAY_DIE; refused = 1 }
        fi;
#endif
        atomic { MAY_DIE; quick = 0 }
    fi;
    atomic { MAY_DIE; seen = IN_THE_WAY };
    if
    :: seen == 0 -> goto enter
    :: else
    fi;
look:
#ifdef ARM_LATE
    atomic { MAY_DIE; seen = IN_THE_WAY };
    atomic { MAY_DIE; event = event | 1; queued = event };
#else
    atomic { MAY_DIE; event = event | 1; queued = event };
#ifndef NO_SECOND
    if
    :: atomic { refused -> MAY_DIE }
    :: atomic { !refused -> MAY_DIE; membarrier(made); refused = !made }
    fi;
#endif
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
        if
        :: quick = 1
        :: true
        fi;
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
