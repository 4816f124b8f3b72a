/* kin/poll.h - waiting for any of many things at once.
 *
 * A set of things is made once; each wait tells one of them that is worth a try. The set has one bell, not one a thing,
 * so waiting for any of 64 costs about what waiting for one does.
 *
 *     kin_poll *poll;
 *     int which;
 *     kin_poll_create(&poll);
 *     int orders = kin_poll_add_queue(poll, queue, KIN_CAN_RECEIVE);
 *     int door = kin_poll_add_lock(poll, segment, &account->lock);
 *     while (kin_poll_wait(poll, KIN_FOREVER, &which) == 0)
 *         if (which == orders && kin_queue_receive(queue, buffer, sizeof buffer, NULL, KIN_NOW, &message) == 0)
 *             ...
 *
 * Worth a try means: somebody else may be faster, so try with KIN_NOW, and expect -ETIMEDOUT. What is told and not
 * taken is told again; those that are ready are told in turn. A removal is told too (the try says -EIDRM), and so is
 * the death of whoever holds the thing.
 *
 * One thread at a time uses a set; make one for each thread. Remove a thing before closing it.
 * Fork: the child may use the set; its descriptor, if it was asked for, is another there. */
#ifndef KIN_POLL_H
#define KIN_POLL_H

#include <kin/barrier.h>
#include <kin/channel.h>
#include <kin/condition.h>
#include <kin/latch.h>
#include <kin/lock.h>
#include <kin/queue.h>
#include <kin/rwlock.h>
#include <kin/semaphore.h>
#include <kin/topic.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_poll kin_poll;

int kin_poll_create(kin_poll **out);
void kin_poll_destroy(kin_poll *poll);

/* Each adds a thing; the result is its number in the set: 0, 1, 2 ..., those of removed things are used again.
 * -EBUSY: 64 others poll that object already (all that lies in a segment counts together); -EXDEV: things of more
 * than 8 domains. */
int kin_poll_add_queue(kin_poll *poll, kin_queue *queue, enum kin_ready what);
/* The calling thread takes that end of the channel, and is the one to wait. */
int kin_poll_add_channel(kin_poll *poll, kin_channel *channel, enum kin_ready what);
/* The subscriber can read on. */
int kin_poll_add_subscriber(kin_poll *poll, kin_subscriber *subscriber);
int kin_poll_add_lock(kin_poll *poll, kin_segment *segment, kin_lock *lock);
int kin_poll_add_rwlock(kin_poll *poll, kin_segment *segment, kin_rwlock *rwlock, enum kin_rwlock_ready what);
/* A unit of semaphore 0 can be acquired. */
int kin_poll_add_semaphore(kin_poll *poll, kin_segment *segment, kin_semaphore *semaphore);
/* Signalled, or somebody died, since it was added or last told: told once, look under the lock then. Like every wait
 * for a condition it may be told without a reason. */
int kin_poll_add_condition(kin_poll *poll, kin_segment *segment, kin_condition *condition);
/* All others have arrived. */
int kin_poll_add_barrier(kin_poll *poll, kin_segment *segment, kin_barrier *barrier);
/* Zero. */
int kin_poll_add_latch(kin_poll *poll, kin_segment *segment, kin_latch *latch);
/* Any descriptor: `events` as of poll(2), POLLIN or POLLOUT. A set with descriptors, or of several domains, hears of a
 * death by those who sleep in the domain; where nobody does, within 250 ms. -EBADF: it is not open. */
int kin_poll_add_fd(kin_poll *poll, int fd, short events);
/* -ENOENT: there is no such number. */
int kin_poll_remove(kin_poll *poll, int which);

/* Waits until something is worth a try, and tells its number. -ETIMEDOUT; -EINVAL: the set is empty.
 * Death: of a waiter, nothing is lost: what was told to him is as ready as before. */
int kin_poll_wait(kin_poll *poll, kin_time until, int *which);

/* A descriptor for another loop, readable when kin_poll_wait(KIN_NOW) should be called, again and again until it says
 * -ETIMEDOUT. It stays the set's: do not close it. */
int kin_poll_fd(kin_poll *poll);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
