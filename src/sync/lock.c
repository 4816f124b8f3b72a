/* kin_lock: the lock in the user's own structures.
 *
 * Layout   kin_lock in kin/lock.h: a mutex word (sync/mutex.h), a magic number, and who died holding it last.
 * States   those of the mutex, handed on among them, and ORPHAN: free, but its dead owner's record was swept, and the
 *          next one must be told.
 * Always   the thread has a hold {segment, offset} in its life from before it asks until after it released.
 *          dead_* are written by who holds the lock only.
 * Order    hold, CAS; dead_* before the release; release, then the hold is forgotten.
 * Death    holding it: the next one steals and gets KIN_RECOVERED; a sweep makes it ORPHAN by taking it first. While
 *          asking: the hold names a lock that somebody else has; the sweep compares the word and leaves it. Having
 *          handed it on: the sweep leaves it, and the life, until the command has ended. While handing it on: without
 *          WITNESSED there is no command yet; with it the kernel lets go of the file lock as we die.
 * Tests    tests/unit/sync, tests/crash/sweep_life, tests/crash/bites, tests/cli/lock.bats, model/lock.pml. */
#include "sync/mutex.h"
#include "sync/place.h"
#include "sync/poll.h"
#include "sys/advisory.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(kin_lock) == 64, "one layout for 32 and 64 bits");
static poll_ready is_ready;
static const struct make make = {"lock", MAGIC_LOCK, sizeof(kin_lock), offsetof(kin_lock, magic), is_ready};

int kin_lock_init(kin_segment *segment, kin_lock *lock)
{
    int result = place_clear(segment, lock, &make);
    if (result == 0)
        place_ready(lock, &make);
    return result;
}

/* Under the lock: who died. */
static void note_owner(kin_domain *domain, kin_lock *lock, uint32_t dead)
{
    struct life *life = ID_INDEX(dead) ? life_at(domain, dead) : NULL;
    uint32_t process_id = life ? LOAD(life->process) : 0;
    struct process *process = ID_INDEX(process_id) ? process_at(domain, process_id) : NULL;
    if (process && (LOAD(process->stamp) & GENERATION_MASK) != ID_GENERATION(process_id))
        process = NULL; /* it is another's by now */
    STORE(lock->dead_pid, process ? LOAD(process->pid) : 0);
    STORE(lock->dead_tid, life ? LOAD(life->tid) : 0);
    STORE(lock->dead_when, clock_realtime());
    memset(lock->dead_command, 0, sizeof lock->dead_command);
    if (process)
        memcpy(lock->dead_command, process->command, sizeof lock->dead_command - 1);
}

static int recovered(kin_segment *segment, kin_lock *lock, uint32_t dead)
{
    struct kin_owner owner;
    if (dead)
        note_owner(segment->object.domain, lock, dead);
    if (dead || !LOAD(lock->orphaned))
        life_log(segment->object.domain, &segment->object.segment, dead, 0, "lock");
    STORE(lock->orphaned, 0);
    if (!segment->repair)
        return KIN_RECOVERED;
    kin_lock_dead_owner(segment, lock, &owner);
    int result = segment->repair(segment->repair_context, lock, &owner);
    return result < 0 ? result : KIN_RECOVERED;
}

/* Lets go of a lock that is not repaired: the next one is told. */
static void give_on(kin_segment *segment, kin_lock *lock)
{
    STORE(lock->orphaned, 1);
    KEEP_ORDER();
    if (EXCHANGE(lock->word, MUTEX_ORPHAN | MUTEX_WAITERS) & MUTEX_WAITERS)
        poll_wake_mutex(segment, &lock->word);
}

static uint64_t place_in_file(const kin_segment *segment, const void *lock)
{
    return SEGMENT_DATA_AT + (uint64_t)((uintptr_t)lock - (uintptr_t)segment->data);
}

/* The hold is recorded, and the lock was not free. */
static __attribute__((noinline)) int acquire_held(struct seat *seat, kin_segment *segment, kin_lock *lock, int number,
                                                  kin_time until)
{
    struct mutex_ask ask = {.seat = seat, .word = &lock->word, .object = &segment->object, .until = until};
    ask.offset = (uint64_t)((uintptr_t)lock - (uintptr_t)segment->data);
    ask.place = place_in_file(segment, lock);
    ask.check_cycles = LOAD(segment->check_cycles);
    int result = mutex_acquire_slowly(&ask);
    if (result == KIN_RECOVERED) {
        result = recovered(segment, lock, ask.dead);
        if (result < 0)
            give_on(segment, lock);
    }
    if (result < 0)
        life_forget(seat, number);
    if (result == -EDEADLK)
        return reason(result, "the lock in %s is held by a thread that would wait for this one: release what it waits "
                              "for first (`kin graph` shows who waits for whom)", segment->object.segment.path);
    if (result == -ETIMEDOUT)
        return reason(result, "the lock in %s is held by another thread, or by a command",
                      segment->object.segment.path);
    return result;
}

/* A thread's first use, or one that holds other locks. */
static __attribute__((noinline)) int acquire_any(kin_segment *segment, kin_lock *lock, uint64_t offset, kin_time until)
{
    int result = 0;
    struct seat *seat = life_enter(segment->object.domain, &result);
    if (!seat)
        return result;
    if (life_holds(seat, segment->object.id, offset) >= 0)
        return reason(-EDEADLK, "this thread holds the lock in %s already", segment->object.segment.path);
    int number = life_hold(seat, segment->object.id, offset);
    if (number < 0)
        return reason(number, "this thread holds %u locks already: release one first", HOLDS_MAX);
    return mutex_try(seat, &lock->word) ? 0 : acquire_held(seat, segment, lock, number, until);
}

int kin_lock_acquire(kin_segment *segment, kin_lock *lock, kin_time until)
{
    uint64_t offset;
    if (unlikely(!place_is(segment, lock, &make, &offset)))
        return place_refuse(segment, lock, &make);
    struct seat *seat = life_current(segment->object.domain);
    if (unlikely(!seat || seat->holds))
        return acquire_any(segment, lock, offset, until);
    life_hold_at(seat, 0, segment->object.id, offset);
    return mutex_try(seat, &lock->word) ? 0 : acquire_held(seat, segment, lock, 0, until);
}

/* The number of the entry by which this thread holds it, or why it does not. */
static int held(kin_segment *segment, const kin_lock *lock, struct seat **seat)
{
    uint64_t offset;
    int number = place_held(segment, lock, &make, &offset, seat);
    if (number >= 0 && (LOAD(lock->word) & ID_MASK) != (*seat)->id)
        return place_not_held(segment, &make); /* it asks for it */
    return number;
}

static __attribute__((noinline)) int release_any(kin_segment *segment, kin_lock *lock)
{
    struct seat *seat;
    int number = held(segment, lock, &seat);
    if (number < 0)
        return number;
    if (unlikely(mutex_let_go(&lock->word)))
        poll_wake_mutex(segment, &lock->word);
    life_forget(seat, number);
    return 0;
}

int kin_lock_release(kin_segment *segment, kin_lock *lock)
{
    /* What is held was checked when it was acquired. */
    uint64_t offset = (uint64_t)((uintptr_t)lock - (uintptr_t)segment->data);
    struct seat *seat = life_current(segment->object.domain);
    if (unlikely(!seat || seat->holds != 1 || LOAD(seat->life->holds[0].offset) != offset ||
                 LOAD(seat->life->holds[0].object) != segment->object.id || (LOAD(lock->word) & ID_MASK) != seat->id))
        return release_any(segment, lock);
    if (unlikely(mutex_let_go(&lock->word)))
        poll_wake_mutex(segment, &lock->word);
    life_forget(seat, 0);
    return 0;
}

void kin_lock_check_cycles(kin_segment *segment, int on)
{
    STORE(segment->check_cycles, on);
}

/* A description of its own, as the lock goes with the last copy of that. A shared one: what an earlier holder's command
 * has left behind is not in the way. */
static int make_witness(kin_segment *segment, uint64_t place)
{
    const struct advisory_lock witness = {.shared = true, .offset = place, .length = 1};
    char path[32];
    int fd = segment_fd(&segment->object.segment);
    if (fd < 0)
        return fd;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fd = file_open(path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return reason_errno("cannot open %s once more", segment->object.segment.path);
    int result = advisory_set(fd, &witness, false);
    if (result == 0)
        return fd;
    file_close(fd);
    return reason(result, "cannot lock %s for a command: %s", segment->object.segment.path, kin_strerror(result));
}

int kin_lock_hand_on(kin_segment *segment, kin_lock *lock, int *out)
{
    struct seat *seat;
    int number = held(segment, lock, &seat);
    if (number < 0)
        return number;
    int fd = make_witness(segment, place_in_file(segment, lock));
    if (fd < 0)
        return fd;
    FETCH_OR(lock->word, MUTEX_WITNESSED);
    *out = fd;
    return 0;
}

int kin_lock_dead_owner(kin_segment *segment, const kin_lock *lock, struct kin_owner *out)
{
    uint64_t offset;
    if (!place_is(segment, lock, &make, &offset))
        return place_refuse(segment, lock, &make);
    struct kin_owner owner = {
        .pid = (pid_t)LOAD(lock->dead_pid),
        .tid = (pid_t)LOAD(lock->dead_tid),
        .when = LOAD(lock->dead_when),
    };
    memcpy(owner.command, lock->dead_command, sizeof owner.command - 1);
    *out = owner;
    return 0;
}

void kin_lock_on_recovery(kin_segment *segment, kin_repair repair, void *context)
{
    segment->repair = repair;
    segment->repair_context = context;
}

/* Worth a try: free, or its owner died and no command has it from him. */
static bool is_ready(struct pollable *thing, bool slow)
{
    kin_segment *segment = thing->handle;
    kin_lock *lock = (kin_lock *)(void *)(segment->data + thing->offset);
    return object_removed(&segment->object, slow) < 0 ||
           mutex_arm(&segment->object, &lock->word, place_in_file(segment, lock), slow);
}

int kin_lock_fd(kin_segment *segment, kin_lock *lock)
{
    return place_fd(segment, lock, &make, 0);
}

int kin_lock_clear(kin_segment *segment, kin_lock *lock)
{
    return place_clear_fd(segment, lock, &make, 0);
}

int kin_poll_add_lock(kin_poll *poll, kin_segment *segment, kin_lock *lock)
{
    return place_poll(poll, segment, lock, &make, 0);
}

static int set_up(void *context, kin_segment *segment)
{
    (void)context;
    return kin_lock_init(segment, kin_segment_data(segment));
}

int kin_lock_open(kin_domain *domain, const char *name, const struct kin_lock_options *options, kin_segment **home,
                  kin_lock **out)
{
    struct named named = {KIN_KIND_LOCK, options ? options->flags : 0, options ? options->mode : 0, sizeof(kin_lock),
                          set_up, NULL};
    void *lock;
    int result = place_open(domain, name, &named, home, &lock);
    if (result == 0)
        *out = lock;
    return result;
}

int lock_settle(kin_segment *segment, struct seat *seat, void *at, uint32_t dead)
{
    kin_lock *lock = at;
    uint32_t seen = LOAD_ACQUIRE(lock->word);
    if ((seen & ID_MASK) != dead)
        return 0;
    if (seen & MUTEX_WITNESSED && mutex_has_witness(&segment->object, place_in_file(segment, lock)))
        return -EAGAIN;
    int number = life_hold(seat, segment->object.id, (uint64_t)((char *)at - segment->data));
    if (number < 0)
        return number;
    if (CAS(lock->word, &seen, seat->id | (seen & MUTEX_WAITERS))) {
        note_owner(segment->object.domain, lock, dead);
        life_log(segment->object.domain, &segment->object.segment, dead, 0, "lock");
        give_on(segment, lock);
    }
    life_forget(seat, number);
    return 0;
}
