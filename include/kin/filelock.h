/* kin/filelock.h - locks on files and on parts of files, and who holds them.
 *
 * Two kinds, both advisory: they keep out those who ask for them, not those who just write.
 *   the usual one    on a range of bytes. An exclusive lock needs a descriptor open for writing, a shared one open for
 *                    reading. It excludes fcntl()'s locks of other processes too
 *   KIN_FILELOCK_FLOCK  on the whole file, with any descriptor: what flock(1) and flock(2) take. The two kinds do not
 *                    see each other
 *
 * A lock belongs to the open file description, the thing that open() makes and that dup(), fork() and descriptor
 * passing share. It ends when its last descriptor is closed, by whom it may be: at the latest with the last process
 * that has one. Closing another descriptor of the same file does not end it, as it ends the locks of F_SETLK. Two
 * threads or two parts of a program exclude each other when each opens the file for itself; through one description
 * they share the lock.
 *
 *     int file;
 *     if (kin_filelock_open("/var/lib/app/db", NULL, &file) < 0 ||
 *         kin_filelock_acquire(file, KIN_FILELOCK(.offset = 512, .length = 512), kin_after(5000000000)) < 0)
 *         errx(1, "%s", kin_reason());
 *     write_record(file, 1);
 *     kin_filelock_release(file, KIN_FILELOCK(.offset = 512, .length = 512));
 *
 * Death: the lock ends when the kernel has closed the dead process's descriptors, and nobody is told: who must know
 * that the data may be half changed uses a kin_lock (kin/lock.h).
 * Fork: the child shares the description, so it holds what its parent holds, and either may release it for both.
 * exec: a descriptor that is not close-on-exec goes on with the new program, and the lock with it. */
#ifndef KIN_FILELOCK_H
#define KIN_FILELOCK_H

#include <kin/base.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum kin_filelock_flag {
    KIN_FILELOCK_SHARED = 1,  /* together with others that share; default: exclusive */
    KIN_FILELOCK_FLOCK = 2,   /* the whole file, as flock() does; offset and length stay 0 */
    KIN_FILELOCK_INHERIT = 4, /* kin_filelock_open only: exec keeps the descriptor, and so the lock */
    KIN_FILELOCK_POSIX = 8    /* kin_filelock_each_holder tells it only: a lock of F_SETLK, a process's own */
};

struct kin_filelock_options {
    size_t size;
    unsigned flags;          /* of enum kin_filelock_flag */
    unsigned mode;           /* kin_filelock_open only: permissions of a new file, less the umask; default 0666 */
    uint64_t offset, length; /* bytes; length 0: to the end, wherever that will be */
};
#define KIN_FILELOCK(...) (&(struct kin_filelock_options){.size = sizeof(struct kin_filelock_options), __VA_ARGS__})

/* Opens a file to be locked as the options say, and makes it when it is missing; a directory can be locked shared or
 * with KIN_FILELOCK_FLOCK. Locks nothing yet. Close-on-exec but for KIN_FILELOCK_INHERIT; end it with close(). Any
 * other descriptor is as good for the functions below. Errors are those of open(). */
int kin_filelock_open(const char *path, const struct kin_filelock_options *options, int *out);

/* Locks the range. What this description has locked there becomes of the kind that is asked for. KIN_NOW and
 * KIN_FOREVER are the kernel's own try and wait. The kernel's wait knows no deadline: with one, this call tries, and
 * again whenever somebody has closed a descriptor of the file (inotify), and after naps of up to 16 ms besides: so
 * late may it notice an unlocking that closes nothing, and meanwhile those who wait for ever may be faster.
 * -ETIMEDOUT: somebody else has a lock in the way; -EBADF: no such descriptor, or not opened as that lock needs it;
 * -EINVAL: a range that ends beyond 2^63 bytes, or a range with KIN_FILELOCK_FLOCK; -ENOLCK, -EOPNOTSUPP: the kernel or
 * the file system has no more locks, or none. Nobody detects a deadlock: use a deadline. */
int kin_filelock_acquire(int fd, const struct kin_filelock_options *options, kin_time until);

/* Makes a shared lock exclusive or an exclusive one shared. 0: in one step, nobody had a lock in between that
 * excludes both. KIN_REGAINED: it was lost and taken anew, what was read under the old lock may have changed; only
 * with KIN_FILELOCK_FLOCK, whose conversion lets go first. Errors are those of kin_filelock_acquire(); after one the
 * old lock stands, but with KIN_FILELOCK_FLOCK it is lost. Two who hold it shared and both want it exclusive
 * wait for each other until a deadline ends it. */
int kin_filelock_convert(int fd, const struct kin_filelock_options *options, kin_time until);

/* Unlocks the range, which may be a part of what was locked, or more. Nothing was locked there: 0. */
int kin_filelock_release(int fd, const struct kin_filelock_options *options);

/* A process that has to do with a lock. */
struct kin_filelock_holder {
    pid_t pid;               /* 0: cannot be known from here */
    int alive;               /* 1 alive. 0: the process that took the lock has ended, and somebody unknown has
                              * inherited it. -1: cannot be known from here */
    unsigned flags;          /* of enum kin_filelock_flag: SHARED, FLOCK, POSIX */
    uint64_t offset, length; /* length 0: to the end */
    char command[16];        /* as ps shows it; empty: unknown */
};

/* Calls visit for every process that holds a lock of the options' kind on a part of the range, shared or exclusive, the
 * calling process too, until it returns something else than 0; returns that. Each process that has the description open
 * counts: the lock ends with the last of them. It is read from /proc, process by process, so it is slow, and may
 * be past already. Other users' processes show only where /proc/locks names them. A descriptor made with
 * O_PATH will do. */
int kin_filelock_each_holder(int fd, const struct kin_filelock_options *options,
                             int (*visit)(void *context, const struct kin_filelock_holder *holder), void *context);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
