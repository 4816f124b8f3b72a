/* kin/lock.h - a lock that its owner's death gives on.
 *
 * A kin_lock lives in shared memory: inside your own struct in a kin_segment, or by itself under a name. When a thread
 * dies holding it, at any instruction, the next one to ask gets it at once, with KIN_RECOVERED: you hold it, and what
 * it guards may be half changed. Repair that, or register a repair function which runs before anybody else sees the
 * data. Who dies while repairing leaves it to the next, again with KIN_RECOVERED.
 *
 *     struct account { kin_lock lock; long balance; } *account = kin_segment_data(segment);
 *     int result = kin_lock_acquire(segment, &account->lock, KIN_FOREVER);
 *     if (result == KIN_RECOVERED)
 *         repair(account);
 *     if (result >= 0) {
 *         account->balance++;
 *         kin_lock_release(segment, &account->lock);
 *     }
 *
 * The owner is a thread. A lock is not recursive: -EDEADLK. A thread holds up to 16 at once. */
#ifndef KIN_LOCK_H
#define KIN_LOCK_H

#include <kin/segment.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* 64 bytes, the same in every process. The members are kin's own. */
typedef struct kin_lock {
    uint32_t word;
    uint32_t magic;
    uint32_t dead_pid;
    uint32_t dead_tid;
    int64_t dead_when;
    char dead_command[16];
    uint32_t orphaned;
    uint32_t spare[5];
} kin_lock;

/* The dead owner that a KIN_RECOVERED is about. */
struct kin_owner {
    pid_t pid, tid;
    int64_t when; /* CLOCK_REALTIME, ns: when the death was noticed */
    char command[16];
};

/* Prepares a lock in the segment's memory, free. For a segment's `setup`, or before any other process may see it.
 * -EINVAL: not inside the segment, or not aligned to 8. */
int kin_lock_init(kin_segment *segment, kin_lock *lock);

/* Acquires it. KIN_RECOVERED: held, and the last owner died. -EDEADLK: this thread holds it already; -ETIMEDOUT;
 * -EIDRM: the segment was removed; -ENOLCK: this thread holds 16 already; -EBADMSG: there is no lock in that memory.
 * Death: the next one to acquire gets KIN_RECOVERED, waiters wake. */
int kin_lock_acquire(kin_segment *segment, kin_lock *lock, kin_time until);

/* Releases it. -EPERM: this thread does not hold it. */
int kin_lock_release(kin_segment *segment, kin_lock *lock);

/* A descriptor for poll, epoll or an event loop, readable when it is worth while to try to acquire it (KIN_NOW); after
 * one try that failed it becomes readable again when the lock may be had, or its owner died. One a lock and handle of
 * the segment; do not close it. kin_lock_clear() empties it before each try. -EBUSY: 64 others poll things of this
 * segment. Fork: the child asks for one of its own. */
int kin_lock_fd(kin_segment *segment, kin_lock *lock);
int kin_lock_clear(kin_segment *segment, kin_lock *lock);

/* With `on`, an acquire of a lock or rwlock (kin/rwlock.h) through this handle that would wait for its own thread, as
 * the owner waits for another who waits ... for what this thread holds, is refused with -EDEADLK instead of sleeping.
 * The others in such a cycle need not have asked for the check. When two close a cycle at the same moment, both may be
 * refused. It costs a look at the lives of the domain each time an acquire is about to sleep, and nothing else; off is
 * the default. */
void kin_lock_check_cycles(kin_segment *segment, int on);

/* Makes a command hold it too, that knows nothing of kin: whoever inherits the descriptor *out or a copy of it, with
 * nothing in it to read or write. It is close-on-exec: give it to the child by KIN_SPAWN's fds, or clear that flag. The
 * thread still holds the lock, and releases it when the command has ended; but if the thread dies first, the lock stays
 * held until the last copy is closed. Then the next one gets KIN_RECOVERED, up to 50 ms later.
 *
 *     kin_lock_acquire(home, lock, KIN_FOREVER);
 *     kin_lock_hand_on(home, lock, &witness);
 *     run_and_wait(command, witness);
 *     kin_filelock_release(witness, NULL);
 *     kin_lock_release(home, lock);
 *     close(witness);
 *
 * kin_filelock_release takes it back from whatever the command has left running: without that those hold up the
 * next one's recovery, if he hands the lock on and dies. kin_filelock_each_holder tells who has copies.
 * -EPERM: this thread does not hold it; -EOPNOTSUPP or -EINVAL: this kernel has no file locks of that sort; errors of
 * open().
 * Death: until the command is started, as a death while holding it; then the command holds it. */
int kin_lock_hand_on(kin_segment *segment, kin_lock *lock, int *out);

/* The dead owner, for who holds the lock with KIN_RECOVERED. */
int kin_lock_dead_owner(kin_segment *segment, const kin_lock *lock, struct kin_owner *out);

/* A function of this process that repairs what locks of this segment guard. It runs with the lock held, inside the
 * acquire that took it from the dead, which then returns KIN_RECOVERED all the same. A negative result gives the lock
 * on as it is and fails the acquire with that. */
typedef int (*kin_repair)(void *context, kin_lock *lock, const struct kin_owner *dead);
void kin_lock_on_recovery(kin_segment *segment, kin_repair repair, void *context);

struct kin_lock_options {
    size_t size;
    unsigned flags; /* of enum kin_open */
    unsigned mode;  /* default 0600 */
};
#define KIN_LOCK(...) (&(struct kin_lock_options){.size = sizeof(struct kin_lock_options), __VA_ARGS__})

/* A lock by name: a segment that holds nothing else. Close with kin_segment_close(home). */
int kin_lock_open(kin_domain *domain, const char *name, const struct kin_lock_options *options, kin_segment **home,
                  kin_lock **out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
