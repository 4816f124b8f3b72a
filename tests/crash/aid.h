/* What several of the crash tests need beside the harness. */
#ifndef AID_H
#define AID_H

#include <kin/crash.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How the child ended, as waitpid() has it; -1: not within that time, and it was killed. */
int end_of(pid_t child, int milliseconds);
/* 0 when the child ended well within that time; it is killed else. */
int ends(pid_t child, int milliseconds);

/* Returns when it is in that state of /proc/PID/stat: 'S' asleep, 'T' stopped; or is gone. */
void until_state(pid_t child, char wanted);

/* Removes a test's directory and what is in it. A shell pattern may be given. */
int remove_directory(const char *path);

/* What every sweep is told by its environment. */
uint64_t sweep_seed(void);              /* $KIN_SEED; 0: another one each time */
uint64_t sweep_limit(uint64_t moments); /* so many of them; with $KIN_LONG 0, which is all */

/* The cases of a program, told as TAP:
 *
 *     if (!tap_begin())
 *         return TAP_SKIP;
 *     for (...)
 *         if (tap_wants(argv[1], name))
 *             tap_sweep(sweep(&result) == 0, name, &result, "%s, killed", name);
 *     return tap_end(); */
#define TAP_SKIP 77
/* What tap_end() returns when cases have failed; else it is 0, or another number when there was none. */
#define TAP_FAILED 1

/* False: this machine has no ptrace, which it has said. */
bool tap_begin(void);
/* Whether the name contains the user's word; NULL: there is none, and all are wanted. */
bool tap_wants(const char *word, const char *name);
void tap_case(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, with a line of what the sweep called `name` has found. */
void tap_sweep(bool good, const char *name, const struct kin_crash_result *result, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void tap_skip(const char *name, const char *reason);
int tap_end(void);

#endif
