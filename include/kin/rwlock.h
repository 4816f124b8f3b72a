/* kin/rwlock.h - a lock that many may hold for reading, or one for writing.
 *
 * A kin_rwlock lives in shared memory: inside your own struct in a kin_segment, or by itself under a name. Readers
 * stand in slots, each with its own life, on different cache lines: they do not disturb each other, and a dead reader
 * is struck off by whoever waits for him. Who asks for writing keeps new readers out from then on, and waits for those
 * who are in: writers go first.
 *
 * When a writer dies inside, at any instruction, the data may be half changed. Everybody who acquires after him gets
 * KIN_RECOVERED, readers too, until a writer has released or downgraded: that says that the data is whole. A reader so
 * told holds the lock like any other; it releases it, and acquires for writing to repair. The death of a reader, or of
 * a writer who was not in yet, changed nothing and is no news.
 *
 *     struct table { kin_rwlock lock; int entries[100]; } *table = kin_segment_data(segment);
 *     int result = kin_rwlock_acquire_read(segment, &table->lock, KIN_FOREVER);
 *     if (result == KIN_RECOVERED)
 *         ... do not trust the entries: release, acquire for writing, repair ...
 *     else if (result == 0)
 *         look_at(table->entries);
 *     kin_rwlock_release(segment, &table->lock);
 *
 * The owner is a thread; it holds a lock once, for reading or writing: -EDEADLK. An acquire that would wait for its own
 * thread, over other locks, is refused so too if kin_lock_check_cycles() (kin/lock.h) asks for it. 16 locks of all
 * kinds at once. There are slots for 128 readers at least; the next one waits, as for a writer, until one of them
 * leaves. Reads cost no fence where the kernel has membarrier(2); writes do not get slower by that unless many reads
 * lie between two. */
#ifndef KIN_RWLOCK_H
#define KIN_RWLOCK_H

#include <kin/segment.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define KIN_RWLOCK_LINES 16
#define KIN_RWLOCK_SLOTS 16 /* in a line */

/* 1088 bytes, the same in every process. Best aligned to 64. The members are kin's own. */
typedef struct kin_rwlock {
    uint32_t word;
    uint32_t magic;
    uint32_t state;
    uint32_t event;
    uint32_t spare[12];
    struct kin_rwlock_line {
        uint32_t slots[KIN_RWLOCK_SLOTS];
    } lines[KIN_RWLOCK_LINES];
} kin_rwlock;

/* Prepares one in the segment's memory, free. For a segment's `setup`, or before any other process may see it.
 * -EINVAL: not inside the segment, or not aligned to 8. */
int kin_rwlock_init(kin_segment *segment, kin_rwlock *rwlock);

/* Acquires it for reading. KIN_RECOVERED: held, and a writer died inside: the data may be half changed. -EDEADLK: this
 * thread holds it already; -ETIMEDOUT; -EIDRM: the segment was removed; -ENOLCK: this thread holds 16 locks already;
 * -EBADMSG: there is no rwlock in that memory.
 * Death: the slot is struck off by the next writer, or by the sweep. */
int kin_rwlock_acquire_read(kin_segment *segment, kin_rwlock *rwlock, kin_time until);

/* Acquires it for writing: repair when it is KIN_RECOVERED. The errors are those of reading.
 * Death: before it has returned nothing has happened; after, everybody gets KIN_RECOVERED until a writer releases. */
int kin_rwlock_acquire_write(kin_segment *segment, kin_rwlock *rwlock, kin_time until);

/* Releases it, held either way. -EPERM: this thread does not hold it. */
int kin_rwlock_release(kin_segment *segment, kin_rwlock *rwlock);

/* A reader becomes the writer, and nobody writes in between. -EDEADLK: another thread is on its way in and waits for
 * the readers, so that each would wait for the other: release, and acquire for writing. After any error the lock is
 * still held for reading. -EPERM: this thread does not hold it for reading.
 * Death: as a reader's before, as a writer's after. */
int kin_rwlock_upgrade(kin_segment *segment, kin_rwlock *rwlock, kin_time until);

/* The writer becomes a reader, and nobody writes in between. -EPERM: this thread does not hold it for writing.
 * Death: as a writer's before, as a reader's after. */
int kin_rwlock_downgrade(kin_segment *segment, kin_rwlock *rwlock);

/* A descriptor for poll, epoll or an event loop, readable when it is worth while to try to acquire it that way
 * (KIN_NOW); after a try that failed, when those in the way have released it, or died. One a way and handle of the
 * segment; do not close it. kin_rwlock_clear() empties it before each try. -EBUSY: 64 others poll things of this
 * segment. Fork: the child asks for one of its own. */
enum kin_rwlock_ready { KIN_CAN_READ = 1, KIN_CAN_WRITE = 2 };
int kin_rwlock_fd(kin_segment *segment, kin_rwlock *rwlock, enum kin_rwlock_ready what);
int kin_rwlock_clear(kin_segment *segment, kin_rwlock *rwlock, enum kin_rwlock_ready what);

struct kin_rwlock_options {
    size_t size;
    unsigned flags; /* of enum kin_open */
    unsigned mode;  /* default 0600 */
};
#define KIN_RWLOCK(...) (&(struct kin_rwlock_options){.size = sizeof(struct kin_rwlock_options), __VA_ARGS__})

/* One by name: a segment that holds nothing else. Close with kin_segment_close(home). */
int kin_rwlock_open(kin_domain *domain, const char *name, const struct kin_rwlock_options *options, kin_segment **home,
                    kin_rwlock **out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
