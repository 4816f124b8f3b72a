/* kin/condition.h - waiting for what a lock guards to change.
 *
 * A kin_condition stands beside a kin_lock in the same segment. Who waits gives the lock back and sleeps in one step:
 * no signal that comes after he gave it back is missed. Change the data under the lock, then signal, before or after
 * releasing it. With nobody waiting a signal costs one load.
 *
 *     kin_lock_acquire(segment, &buffer->lock, KIN_FOREVER);
 *     while (result >= 0 && buffer->count == 0)
 *         result = kin_condition_wait(segment, &buffer->filled, &buffer->lock, KIN_FOREVER);
 *
 * A wait may end without a signal: always look again, in a loop. That is also how no death does harm: when any thread
 * of the domain dies, all who wait look again, so a waiter who was killed with a signal in his hands has not eaten it,
 * and a signaller killed halfway has not swallowed it. When the lock's owner dies, one of those who wait gets the lock
 * with KIN_RECOVERED. Every wait ends after a quarter of a second at the latest, to look for deaths that left no
 * mark. */
#ifndef KIN_CONDITION_H
#define KIN_CONDITION_H

#include <kin/lock.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* 64 bytes, the same in every process. The members are kin's own. */
typedef struct kin_condition {
    uint32_t event;
    uint32_t magic;
    uint32_t spare[14];
} kin_condition;

/* Prepares one in the segment's memory. For a segment's `setup`, or before any other process may see it.
 * -EINVAL: not inside the segment, or not aligned to 8. */
int kin_condition_init(kin_segment *segment, kin_condition *condition);

/* Releases the lock, sleeps, acquires it again. 0: look whether what you wait for is there. KIN_RECOVERED: held again,
 * and its last owner died: what it guards may be half changed. -ETIMEDOUT: held again, too late. -EPERM: this thread
 * does not hold the lock. After any other error the lock is not held: -EIDRM: the segment was removed; -EBADMSG: there
 * is no condition in that memory.
 * Death: asleep, nothing is left; a signal that he had got goes on to all the others. */
int kin_condition_wait(kin_segment *segment, kin_condition *condition, kin_lock *lock, kin_time until);

/* Wakes one of those who wait, at least; broadcast wakes all. The lock need not be held.
 * Death: before it has returned, all look again. */
int kin_condition_signal(kin_segment *segment, kin_condition *condition);
int kin_condition_broadcast(kin_segment *segment, kin_condition *condition);

/* A descriptor for poll, epoll or an event loop, readable when the condition was signalled, or somebody in the
 * domain died, since it was asked for or last cleared: clear it, then look under the lock. It wakes the loop every
 * quarter of a second as well. One a condition and handle of the segment; do not close it. -EBUSY: 64 others poll
 * things of this segment. Fork: the child asks for one of its own. */
int kin_condition_fd(kin_segment *segment, kin_condition *condition);
int kin_condition_clear(kin_segment *segment, kin_condition *condition);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
