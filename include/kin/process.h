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
 */
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

/* In the child, descriptor `to` is the caller's `from`. All descriptors that no entry names are closed, but 0, 1, 2. */
struct kin_fd_map { int to, from; };
struct kin_limit { int resource; struct rlimit limit; }; /* RLIMIT_... of setrlimit */

enum kin_spawn_flag {
    KIN_SPAWN_GROUP = 1,        /* a process group of its own */
    KIN_SPAWN_SESSION = 2,      /* a session of its own */
    KIN_SPAWN_KEEP_MASK = 4,    /* keep the signal mask; default: nothing blocked */
    KIN_SPAWN_KEEP_IGNORED = 8, /* keep ignored signals; default: every action is the default one */
    KIN_SPAWN_LIFELINE = 16,    /* the child is killed when the thread that started it ends: PR_SET_PDEATHSIG */
    KIN_SPAWN_NO_PATH = 32,     /* argv[0] is a path, no search */
    KIN_SPAWN_KEEP_FDS = 64,    /* close nothing but what is close-on-exec */
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
    const uid_t *uid;              /* NULL: the caller's. Supplementary groups are cleared when set */
    const gid_t *gid;
    int lifeline_signal;           /* with KIN_SPAWN_LIFELINE; 0: SIGKILL */
};
#define KIN_SPAWN(...) (&(struct kin_spawn_options){.size = sizeof(struct kin_spawn_options), __VA_ARGS__})

/* How a process changed. */
enum kin_exit_kind { KIN_EXITED = 1, KIN_KILLED, KIN_DUMPED, KIN_STOPPED, KIN_CONTINUED };
struct kin_exit {
    enum kin_exit_kind kind;
    int status;          /* exit status, or signal number */
    struct rusage usage; /* of an ended child */
};

enum kin_wait_flag { KIN_WAIT_STOPPED = 1, KIN_WAIT_CONTINUED = 2 };

/* Starts a command. The caller's memory size does not matter (CLONE_VM | CLONE_VFORK). Any step that fails in the child
 * is the error of this call: -ENOENT, -EACCES, -ENOEXEC, -ENOTDIR, -EPERM ...; kin_reason() names the step.
 * Signals: all are blocked meanwhile. */
int kin_process_spawn(char *const argv[], const struct kin_spawn_options *options, kin_process **out);

/* A child that runs `run(context)` and exits with its result. It has a copy of the caller's memory as after fork(), no
 * life in any domain, and of the descriptors only 0, 1, 2 and those in options->fds. -EDEADLK: this process has other
 * threads (locks that they hold would stay held in the child), unless KIN_SPAWN_DESPITE_THREADS. */
int kin_process_fork(int (*run)(void *context), void *context, const struct kin_spawn_options *options,
                     kin_process **out);

/* Waits for the end (or, by flags, for a stop or a continuation). The end is told again on every later call.
 * -ETIMEDOUT; -ECHILD: the host program ignores SIGCHLD or reaped the child itself, and this kernel has no
 * PIDFD_GET_INFO to learn the status afterwards. */
int kin_process_wait(kin_process *process, unsigned flags, kin_time until, struct kin_exit *out);

/* Sends a signal, by pidfd: never to another process that got the number. -ESRCH: it has ended. */
int kin_process_signal(kin_process *process, int signal);

pid_t kin_process_pid(const kin_process *process);
/* Readable when the process has ended. Stays the handle's. */
int kin_process_fd(const kin_process *process);

/* Forgets the process; it runs on. An ended child that nobody waited for is reaped here. */
void kin_process_close(kin_process *process);

/* "exited with 1", "killed by SIGSEGV (core dumped)" into text of `size` bytes; returns text. */
char *kin_exit_text(const struct kin_exit *how, char *text, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
