#include "sys/bare.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
/* The plain names stand for 16-bit numbers on old 32-bit machines. */
#ifdef SYS_setresuid32
#define SETGROUPS SYS_setgroups32
#define SETRESGID SYS_setresgid32
#define SETRESUID SYS_setresuid32
#else
#define SETGROUPS SYS_setgroups
#define SETRESGID SYS_setresgid
#define SETRESUID SYS_setresuid
#endif

static inline IN_CHILD int result_of(long value)
{
    return value < 0 ? -errno : (int)value;
}

/* A piece of the caller's stack serves the child: to map one and unmap it would cost 3 % of a spawn. The child needs
 * less than 7 KiB, whatever it is given: its largest thing is a path of the search. */
int bare_clone(int (*run)(void *context), void *context, bool share, int *pidfd)
{
    char stack[16 * 1024] __attribute__((aligned(16)));
    int flags = CLONE_VFORK | SIGCHLD | (share ? CLONE_VM : 0) | (pidfd ? CLONE_PIDFD : 0);
    return result_of(clone(run, stack + sizeof stack, flags, context, pidfd));
}

uint64_t bare_block_signals(void)
{
    uint64_t all = UINT64_MAX, before = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    return before;
}

IN_CHILD void bare_set_mask(uint64_t mask)
{
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

/* The kernel's struct sigaction: the handler comes first on every machine that kin runs on, and zeros are the default
 * action. The signals between 31 and SIGRTMIN are libc's, and a forked child goes on using libc: its handlers stay.
 * Ignored they are by nobody's wish: glibc's posix_spawn leaves them so, in make's children for one. */
IN_CHILD void bare_default_signals(bool keep_ignored)
{
    unsigned long usual[8] = {(unsigned long)SIG_DFL}, ignore[8] = {(unsigned long)SIG_IGN}, now[8];
    for (int signal = 1; signal <= 64; signal++) {
        bool of_libc = signal > 31 && signal < SIGRTMIN;
        bool ignored = syscall(SYS_rt_sigaction, signal, of_libc ? NULL : usual, now, sizeof(uint64_t)) == 0 &&
                       now[0] == (unsigned long)SIG_IGN;
        if (ignored && (of_libc || keep_ignored))
            syscall(SYS_rt_sigaction, signal, of_libc ? usual : ignore, NULL, sizeof(uint64_t));
    }
}

IN_CHILD int bare_session(void)
{
    return result_of(syscall(SYS_setsid));
}

IN_CHILD int bare_group(void)
{
    return result_of(syscall(SYS_setpgid, 0, 0));
}

IN_CHILD int bare_limit(int resource, uint64_t soft, uint64_t hard)
{
    uint64_t limit[2] = {soft, hard};
    return result_of(syscall(SYS_prlimit64, 0, resource, limit, NULL));
}

IN_CHILD int bare_clear_groups(void)
{
    return result_of(syscall(SETGROUPS, 0, NULL));
}

IN_CHILD int bare_gid(gid_t gid)
{
    return result_of(syscall(SETRESGID, gid, gid, gid));
}

IN_CHILD int bare_uid(uid_t uid)
{
    return result_of(syscall(SETRESUID, uid, uid, uid));
}

IN_CHILD int bare_directory(const char *path)
{
    return result_of(syscall(SYS_chdir, path));
}

IN_CHILD int bare_death_signal(int signal)
{
    return result_of(syscall(SYS_prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0));
}

IN_CHILD pid_t bare_parent(void)
{
    return (pid_t)syscall(SYS_getppid);
}

IN_CHILD pid_t bare_pid(void)
{
    return (pid_t)syscall(SYS_getpid);
}

/* The kernel gives 20 less the niceness, so that it is never below 1. */
IN_CHILD int bare_nice(int increment)
{
    long now = 20 - syscall(SYS_getpriority, PRIO_PROCESS, 0);
    return result_of(syscall(SYS_setpriority, PRIO_PROCESS, 0, now + increment));
}

/* Words of the kernel are longs: the same bits in the same bytes where the low byte comes first. */
IN_CHILD int bare_cpus(const uint64_t *cpus, size_t words)
{
    return result_of(syscall(SYS_sched_setaffinity, 0, words * sizeof *cpus, cpus));
}

IN_CHILD int bare_write(int fd, const char *text, size_t length)
{
    return result_of(syscall(SYS_write, fd, text, length));
}

IN_CHILD int bare_is_open(int fd)
{
    int flags = result_of(syscall(SYS_fcntl, fd, F_GETFD, 0));
    return flags < 0 ? flags : 0;
}

IN_CHILD int bare_copy(int fd)
{
    return result_of(syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0));
}

IN_CHILD int bare_move(int from, int to)
{
    long result = from == to ? syscall(SYS_fcntl, to, F_SETFD, 0) : syscall(SYS_dup3, from, to, 0);
    return result < 0 ? -errno : 0;
}

IN_CHILD void bare_close(int fd)
{
    syscall(SYS_close, fd);
}

/* An entry of the kernel's getdents64. */
struct entry {
    uint64_t inode, offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

static IN_CHILD unsigned number_of(const char *digits)
{
    unsigned number = 0;
    for (; *digits >= '0' && *digits <= '9'; digits++)
        number = number * 10 + (unsigned)(*digits - '0');
    return number;
}

/* Closing one while the list is read skips no other: the list goes by number. "." and ".." count as 0, whose closing
 * nobody asks for here. */
static IN_CHILD int close_listed(unsigned low, unsigned high)
{
    char buffer[1024] __attribute__((aligned(8)));
    int list = result_of(syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    if (list < 0)
        return list;
    long length;
    while ((length = syscall(SYS_getdents64, list, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < length;) {
            const struct entry *entry = (const void *)(buffer + at);
            unsigned fd = number_of(entry->name);
            if (fd >= low && fd <= high && fd != (unsigned)list)
                bare_close((int)fd);
            at += entry->length;
        }
    int result = length < 0 ? -errno : 0;
    bare_close(list);
    return result;
}

IN_CHILD int bare_close_range(unsigned low, unsigned high)
{
    return syscall(SYS_close_range, low, high, 0) == 0 ? 0 : close_listed(low, high);
}

IN_CHILD int bare_execute(const char *path, char *const argv[], char *const environment[])
{
    syscall(SYS_execve, path, argv, environment);
    return -errno;
}
