/* What several of the crash tests need beside the harness. */
#ifndef AID_H
#define AID_H

#include "sys/plant.h"
#include <kin/crash.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How the child ended, as waitpid() has it; -1: not within that time, and it was killed. */
int end_of(pid_t child, int milliseconds);
/* 0 when the child ended well within that time; it is killed else. */
int ends(pid_t child, int milliseconds);

/* A process of its own, with those planted bugs besides (a bit each). It ends with run()'s result, in an orderly way: a
 * death would wake whom a bug forgot. */
pid_t start_process(uint64_t planted, int (*run)(void));
/* Until the child sleeps ('S'), or has stopped ('T'). */
void until_state(pid_t child, char wanted);

#define HANG 20000  /* ms: what takes longer in a sound library hangs */
#define SILENT 1500 /* ms: a planted bug that is still silent after this long counts as a hang */
/* Two cases: a scenario that the sound library passes, and that with the bug fails or takes longer than its patience.
 * It runs in a domain of its own. */
void tap_bite(enum plant plant, const char *name, int (*scenario)(int patience));
/* Scenarios of whatever can be slept for. Two sleep; the first is woken by one gift, and before he goes on another
 * comes: he owes the second his wake. */
int pass_baton(int (*sleep)(void), int (*give)(void), int patience);
/* The sleeper stands between his last look and his sleep when the gift comes. */
int give_before_sleep(int (*sleep)(void), int (*give)(void), int patience);

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
