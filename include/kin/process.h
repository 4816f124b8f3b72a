/* kin/process.h - start processes, look after them, learn how they ended.
 *
 * No SIGCHLD handler, nobody else's children reaped, never a signal to a reused number: a child is known by its pidfd.
 * A start that fails is an error of the call, not an exit status of 127. Nothing here uses shared memory or a domain.
 *
 *     kin_process *child;
 *     struct kin_exit how;
 *     char *const argv[] = {"sort", "-u", NULL};
 *     if (kin_process_spawn(argv, KIN_SPAWN(.directory = "/tmp"), &child) < 0)
 *         errx(1, "%s", kin_reason());
 *     kin_process_wait(child, 0, KIN_FOREVER, &how);
 *     kin_process_close(child);
 *
 * A child begins clean: descriptors 0, 1, 2 and those of a list, no signal blocked, every signal's action the default
 * one. Flags and options change that.
 *
 * Other processes than own children can be had too, by number and start time (kin_process_open): signalled without the
 * danger that the number was given on, and waited for.
 *
 * Fork: a handle belongs to the process that started the child. A fork of it may signal, poll and close, but not wait:
 * -ECHILD. Linux 5.4 or later. */
#ifndef KIN_PROCESS_H
#define KIN_PROCESS_H

#include <kin/base.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_process kin_process;

/* In the child, descriptor `to` is the caller's `from`; with KIN_FD_CLOSED nothing is open there. The entries are taken
 * all at once, so {{0, 1}, {1, 0}} exchanges two. What no entry names is closed, but 0, 1, 2. */
struct kin_fd_map { int to, from; };
#define KIN_FD_CLOSED (-1)

/* RLIMIT_... of setrlimit(), and its values, with 64 bits on every machine. */
struct kin_limit {
    int resource;
    struct { uint64_t rlim_cur, rlim_max; } limit;
};
#define KIN_UNLIMITED UINT64_MAX

enum kin_spawn_flag {
    KIN_SPAWN_GROUP = 1,        /* a process group of its own */
    KIN_SPAWN_SESSION = 2,      /* a session of its own, and so a group too */
    KIN_SPAWN_KEEP_MASK = 4,    /* keep the signal mask; default: nothing blocked */
    KIN_SPAWN_KEEP_IGNORED = 8, /* keep ignored signals; default: every action is the default one */
    KIN_SPAWN_LIFELINE = 16,    /* the child is killed when the thread that started it ends: PR_SET_PDEATHSIG. It is cut
                                 * when the child executes a set-user-ID program or changes its user */
    KIN_SPAWN_NO_PATH = 32,     /* the file is a path: no search, and a script needs its #! */
    KIN_SPAWN_KEEP_FDS = 64,    /* close nothing but what is close-on-exec; a forked child keeps that too */
    KIN_SPAWN_DESPITE_THREADS = 128 /* kin_process_fork in a process that has other threads */
};

struct kin_spawn_options {
    size_t size;
    unsigned flags;                /* of enum kin_spawn_flag */
    const char *file;              /* what to execute; default argv[0] */
    char *const *environment;      /* NULL: the caller's */
    const char *directory;         /* NULL: the caller's */
    const struct kin_fd_map *fds;
    size_t fd_count;
    const struct kin_limit *limits;
    size_t limit_count;
    const uid_t *uid;              /* real, effective and saved user; NULL: the caller's */
    const gid_t *gid;              /* the same for the group. Supplementary groups are left when either is set */
    int lifeline_signal;           /* with KIN_SPAWN_LIFELINE; 0: SIGKILL */
};
#define KIN_SPAWN(...) (&(struct kin_spawn_options){.size = sizeof(struct kin_spawn_options), __VA_ARGS__})

/* What an ended child has used, its own waited-for children included. */
struct kin_usage {
    int64_t user_time, system_time; /* nanoseconds */
    uint64_t resident_max;          /* bytes */
    uint64_t minor_faults, major_faults;
    uint64_t yields, preemptions;   /* context switches: to wait, and against its will */
};

/* How a process changed. */
enum kin_exit_kind {
    KIN_EXITED = 1,
    KIN_KILLED,
    KIN_DUMPED,
    KIN_STOPPED,
    KIN_CONTINUED,
    KIN_ENDED /* how is not known: it is no child of ours, and the kernel does not tell */
};
struct kin_exit {
    enum kin_exit_kind kind;
    int status;             /* exit status, or signal number */
    struct kin_usage usage; /* of an ended child; zero when somebody else has reaped it */
};

enum kin_wait_flag { KIN_WAIT_STOPPED = 1, KIN_WAIT_CONTINUED = 2 };

/* Starts a command. The caller's memory size does not matter (CLONE_VM | CLONE_VFORK), but with uid or gid: another
 * user's child does not share the caller's memory, and costs a fork(). Without '/' in its name the
 * program is looked for as execvp() does: in the caller's PATH, and what has no format the kernel knows is given to
 * /bin/sh. Any step that fails in the child is the error of this call: -ENOENT, -EACCES, -ENOEXEC, -ENOTDIR, -EPERM,
 * -E2BIG ...; kin_reason() names the step. -EINVAL: options that cannot be meant; -EBADF: the map names a descriptor
 * that is not open; -EAGAIN, -ENOMEM, -EMFILE: the machine has no room for it.
 * The steps, in order: signal actions, descriptors, session or group, limits, groups and user, directory (as that
 * user), lifeline, signal mask, execution.
 * Signals: all are blocked meanwhile, and the thread cannot be cancelled. */
int kin_process_spawn(char *const argv[], const struct kin_spawn_options *options, kin_process **out);

/* A child that runs `run(context)` and ends with its result as exit status. It has a copy of the caller's memory as
 * after fork() (the handlers of pthread_atfork() run), no life in any domain, and of the descriptors only 0, 1, 2 and
 * those in options->fds; the other options hold too, but for `file`. Steps that fail are errors of this call.
 * What stdout and stderr had buffered stays the caller's: the child begins with empty buffers, and flushes these two
 * when `run` returns. Then it calls _exit(): no atexit() handlers, no other stream flushed.
 * -EDEADLK: this process has other threads (locks that they hold would stay held in the child), unless
 * KIN_SPAWN_DESPITE_THREADS. */
int kin_process_fork(int (*run)(void *context), void *context, const struct kin_spawn_options *options,
                     kin_process **out);

enum kin_process_flag { KIN_PROCESS_REAP = 1 };

/* The process that has number `pid` now, if it started at `start`: clock ticks since boot, field 22 of /proc/PID/stat,
 * what kin_process_start() gives; two that got the number within one tick are alike. 0: whoever has the number.
 * It need not be a child. Its end is waited for without being reaped, even if it is one, so that its parent's own wait
 * finds what it looks for; with KIN_PROCESS_REAP this handle reaps it, as one that kin started: for a child from a
 * fork() of the host's, or an adopted orphan.
 * -ESRCH: there is none, or the number was given to another process since; -EINVAL: no number of a process, unknown
 * flags; -ECHILD: KIN_PROCESS_REAP, and it is no child; -EACCES: /proc does not show when it started; -EMFILE,
 * -ENOMEM. */
int kin_process_open(pid_t pid, uint64_t start, unsigned flags, kin_process **out);

/* When it started, as kin_process_open() takes it. 0: it was reaped before anybody asked, or /proc does not show it. */
uint64_t kin_process_start(const kin_process *process);

/* Waits for the end or, by flags of enum kin_wait_flag, for a stop or a continuation too. `out` may be NULL. The end is
 * told to every caller, now and on every later call; a stop or continuation once, as waitpid() does. The end wakes at
 * once; a stop or continuation is looked for at least every 32 ms, as no descriptor shows it.
 * Of an opened process only the end is told, in any process that has the handle. How it ended is asked of the zombie,
 * if we may look at it (the same user, or CAP_SYS_PTRACE), or of the kernel when its parent has reaped it (Linux 6.15);
 * else it is KIN_ENDED.
 * -ETIMEDOUT; -ECHILD: the host program ignores SIGCHLD or has reaped the child itself, and this kernel (before Linux
 * 6.15) has no PIDFD_GET_INFO to learn the status afterwards; or a flag, for a process that is only watched. */
int kin_process_wait(kin_process *process, unsigned flags, kin_time until, struct kin_exit *out);

/* Sends a signal, by pidfd: never to another process that got the number; 0 only asks. -ESRCH: it has ended; -EPERM;
 * -EINVAL: no such signal. */
int kin_process_signal(kin_process *process, int signal);

/* Sends it with a value, as sigqueue() does; by pidfd too. Real-time signals are queued, each with its value. A
 * standard signal that is pending already takes no second value, and the call is 0 all the same.
 * As kin_process_signal; and -EAGAIN: the receiver's queue is full, the signal was not sent. The limit,
 * RLIMIT_SIGPENDING of the receiver, counts what is queued for all processes of its user. */
int kin_process_queue(kin_process *process, int signal, int value);

pid_t kin_process_pid(const kin_process *process);

/* The pidfd: readable when the process has ended. Stays the handle's. */
int kin_process_fd(const kin_process *process);

/* Forgets the process; it runs on. An ended child that nobody waited for is reaped here. One that ends later stays a
 * zombie for as long as this process lives and does not reap it: who does not care for its end sets SIGCHLD to SIG_IGN,
 * or keeps the handle until then. */
void kin_process_close(kin_process *process);

/* Makes this process the one that orphans below it go to, in place of init (PR_SET_CHILD_SUBREAPER), or no longer, by
 * 0. An adopted orphan is a child: SIGCHLD tells its end, and it stays a zombie until it is reaped, by
 * kin_process_open() with KIN_PROCESS_REAP and a wait. It is not inherited by children. */
int kin_process_subreaper(int on);

/* "exited with 1", "killed by SIGSEGV (core dumped)" into text of `size` bytes; returns text. */
char *kin_exit_text(const struct kin_exit *how, char *text, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
