/* A process by descriptor: its number may be given to another one, its descriptor may not. Results are 0 (or what the
 * call gives) or a negative errno. */
#ifndef SYS_PIDFD_H
#define SYS_PIDFD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A close-on-exec descriptor of the process that has this number now. */
int pidfd_of(pid_t pid);

int pidfd_signal(int pidfd, int signal);
/* With a value, as sigqueue() does. -EAGAIN: the queue is full. */
int pidfd_queue(int pidfd, int signal, int value);

/* Whether the process has ended; it may be a zombie, or reaped. */
bool pidfd_ended(int pidfd);
/* Whether its number is free, or another's: a zombie has its own still. */
bool pidfd_reaped(int pidfd);

/* The kernel's struct rusage: longs on every machine, whatever time_t is. */
struct pidfd_usage {
    long user_seconds, user_microseconds, system_seconds, system_microseconds;
    long resident_max, shared, data, stack, minor_faults, major_faults, swaps;
    long blocks_in, blocks_out, messages_sent, messages_received, signals, yields, preemptions;
};

/* waitid(): `options` are its WEXITED, WNOHANG … 1: *info tells a change; 0: nothing yet (WNOHANG); -ECHILD: it is no
 * child of ours, or was reaped. */
int pidfd_wait(int pidfd, int options, siginfo_t *info, struct pidfd_usage *usage);

/* The status, as waitpid() encodes it, of a process that somebody else has reaped. -ENODATA: this kernel (before Linux
 * 6.15) has not kept it. */
int pidfd_kept_status(int pidfd, int *status);

#endif
