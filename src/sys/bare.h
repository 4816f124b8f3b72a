/* What a child does before it executes, while it may still share its parent's memory.
 *
 * Nothing here takes a lock, allocates, keeps books in libc or is a cancellation point: each function is one system
 * call or a short row of them. The results are 0 (or what the call gives) or a negative errno. The thread's errno is
 * changed; who calls clone keeps it. */
#ifndef SYS_BARE_H
#define SYS_BARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Marks a function that runs there. A sanitizer's books are the parent's, and a frame that execve leaves behind would
 * stay in them for good. */
#define IN_CHILD __attribute__((no_sanitize_address, no_sanitize_thread))

/* Runs `run(context)` in a child on a stack of its own, in this memory or in a copy of it; returns when it has executed
 * or ended, with its number. Its pidfd, close-on-exec, goes to *pidfd; a NULL pidfd asks for none. */
int bare_clone(int (*run)(void *context), void *context, bool share, int *pidfd);

/* Signal masks are the kernel's: they cover the signals that libc keeps for itself too. */
uint64_t bare_block_signals(void);
void bare_set_mask(uint64_t mask);
/* Every action becomes the default one; with keep_ignored, what is ignored stays so. */
void bare_default_signals(bool keep_ignored);

int bare_session(void);
int bare_group(void);
int bare_limit(int resource, uint64_t soft, uint64_t hard);
int bare_clear_groups(void);
int bare_gid(gid_t gid);
int bare_uid(uid_t uid);
int bare_directory(const char *path);
int bare_death_signal(int signal);
pid_t bare_parent(void);
pid_t bare_pid(void);
/* Adds to the niceness. */
int bare_nice(int increment);
/* The cpus that it may run on: one bit each. */
int bare_cpus(const uint64_t *cpus, size_t words);
int bare_write(int fd, const char *text, size_t length);

/* 0 when the descriptor is open. */
int bare_is_open(int fd);
/* A close-on-exec copy under a free number. */
int bare_copy(int fd);
/* `to` becomes what `from` is, and is inherited by exec; both may be the same. */
int bare_move(int from, int to);
void bare_close(int fd);
/* Closes all descriptors from low to high, both included. */
int bare_close_range(unsigned low, unsigned high);

/* Returns only when it failed. */
int bare_execute(const char *path, char *const argv[], char *const environment[]);

#endif
