/* kin/signal.h - signals without handlers: a source that an event loop reads.
 *
 * A handler interrupts a program anywhere, and may then call next to nothing. A source blocks its signals instead, and
 * gives them one by one to whoever asks, with all that the kernel knows of each: who sent it, with what value, which
 * child has changed. Its descriptor is readable while one is pending.
 *
 *     kin_signals *signals;
 *     struct kin_signal event;
 *     if (kin_signals_open(KIN_SIGNALS(SIGINT, SIGTERM, SIGCHLD), &signals) < 0)
 *         errx(1, "%s", kin_reason());
 *     while (kin_signals_next(signals, KIN_FOREVER, &event) == 0 && event.signal == SIGCHLD)
 *         look_at_my_children();
 *     kin_signals_close(signals);
 *
 * Lists of signals end with 0; KIN_SIGNALS makes one. SIGKILL and SIGSTOP cannot be blocked, and the two or three below
 * SIGRTMIN are libc's: a list with one of them is -EINVAL, and so is a number that is no signal.
 *
 * What a standard signal (below SIGRTMIN) tells is that it happened, not how often: while it is pending, another one of
 * its kind is dropped, with its value. So SIGCHLD stands for one child or for many: ask all of yours, by
 * kin_process_wait(child, 0, KIN_NOW, …). Real-time signals are queued, each with its value: the lowest number first,
 * and in order within a number. A full queue refuses the next one, see kin_process_queue(). SIGCHLD is only read here,
 * nobody's child is reaped.
 *
 * Threads. Masks are a thread's; new threads inherit them. A signal to the process goes to any thread that does not
 * block it, and there does what it would do without a source: it ends the program. So open the source before the first
 * thread is started, or kin_mask_block() the same list in each. Any thread may then ask; each event is told once. What
 * was sent to one thread (pthread_kill) only that thread can read.
 *
 * A fault of this program itself (SIGSEGV, SIGBUS, SIGFPE, SIGILL) ends it even when the signal is blocked. An exec of
 * this program would inherit the mask: close first. kin_process_spawn() and kin_process_fork() start with nothing
 * blocked.
 *
 * Fork: the source stays its process's. A child of fork() reads none of its parent's signals: kin_signals_next is
 * -ECHILD there, a source that it opens has what is sent to the child. It closes the old one to get back the mask. */
#ifndef KIN_SIGNAL_H
#define KIN_SIGNAL_H

#include <kin/base.h>
#include <signal.h>
#include <sys/select.h> /* sigset_t, in strict C too */
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define KIN_SIGNALS(...) ((const int[]){__VA_ARGS__, 0})

typedef struct kin_signals kin_signals;

/* One event. What does not belong to its kind is 0. */
struct kin_signal {
    int signal;
    int code;         /* what it came from, as in siginfo_t: SI_USER, SI_QUEUE, SI_KERNEL …; CLD_EXITED … for SIGCHLD */
    pid_t pid;        /* the sender, or the child; 0: in a PID namespace that ours cannot see, or the kernel */
    uid_t uid;        /* real user of the same */
    int value;        /* as sent by kin_process_queue() or sigqueue() */
    uint64_t pointer; /* the same, from who sent a pointer */
    int status;       /* SIGCHLD: exit status; by code CLD_KILLED, CLD_DUMPED or CLD_STOPPED the signal */
};

/* A source of these signals, which this thread blocks from now on. -EINVAL: the list is empty or holds what cannot be
 * read, or SIGCHLD, which this program ignores: then the kernel sends none. -EMFILE, -ENFILE, -ENOMEM. */
int kin_signals_open(const int *signals, kin_signals **out);

/* Takes the next event: what sigwaitinfo() and sigtimedwait() do. -ETIMEDOUT: none in time; -ECHILD: this is a fork of
 * the process that opened it. */
int kin_signals_next(kin_signals *signals, kin_time until, struct kin_signal *out);

/* Readable when the calling thread would get an event, for poll() and epoll. Stays the handle's. An epoll descriptor
 * that a fork() has inherited goes on watching the parent's signals: the child makes its own. */
int kin_signals_fd(const kin_signals *signals);

/* Closes it. The thread that opened it gets back its mask: what no other source of this thread uses, and what was not
 * blocked before, is unblocked; what is pending then does what it does without a source. Closed by another thread:
 * no mask is changed, and the thread that opened it blocks them for good. */
void kin_signals_close(kin_signals *signals);

/* Masks of the calling thread. `before`, if not NULL, gets the mask that was in force; kin_mask_restore() brings it
 * back. `before` is untouched on failure. */
int kin_mask_block(const int *signals, sigset_t *before);
int kin_mask_unblock(const int *signals, sigset_t *before);
/* Blocks these and no others. */
int kin_mask_set(const int *signals, sigset_t *before);
void kin_mask_save(sigset_t *out);
/* -EINVAL: the set holds SIGKILL or SIGSTOP, which no saved mask does. */
int kin_mask_restore(const sigset_t *mask);

/* What is blocked and has come: to this thread or to the process. Read it with sigismember(). */
void kin_mask_pending(sigset_t *out);

/* The number of "TERM", "SIGTERM", "term", "15", "RTMIN+3", "SIGRTMAX-1"; 0 of "0", which only asks when it is sent.
 * -EINVAL: there is no such signal. */
int kin_signal_number(const char *name);

/* "SIGTERM", "SIGRTMIN+3"; "signal 99" for what has no name. Into text of `size` bytes; returns text. */
char *kin_signal_name(int signal, char *text, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
