/* kin/crash.h - kill your own shared structures at every instruction (libkin-crash).
 *
 * A structure in shared memory is crash-safe when the others can go on, whatever instruction its user was killed at.
 * This harness tries each of them. It runs your operation in a forked child, the *victim*, one machine instruction at a
 * time; at each it asks your `check` whether a survivor finds everything as if the operation had either not begun or
 * been done. The number of instructions is measured, not given, so that none can be forgotten. The library needs libc
 * and nothing else; it does not know kin.
 *
 * Four modes:
 *   snapshot     one pass, nobody is killed. After each instruction that changed something your regions are copied,
 *                your `mark_dead` writes into the copy what the victim's death would leave, and `check` works on the
 *                copy. Tens of thousands of moments a second: the mode for every test run
 *   kill         for each moment: a fresh state, a fresh victim, SIGKILL, and `check` in a process of its own
 *   kill twice   the first victim is killed at one moment, a second one, that settles what he left, at each of its own;
 *                then `check`. With `limit`, a sample
 *   random       workers run your `work` in a loop, random ones are killed. Every other one must finish a round before
 *                the dead one is replaced, since a newcomer could hide a lost wake
 * With a `peer`, kill and kill twice have somebody asleep, waiting for what the victim does; after the death he must
 * end by himself before anything else is started. This finds the wake that nobody sent.
 *
 * A *moment* is the victim standing before an instruction: moment 0 before the first of `operate`, the last one after
 * it. A system call is one instruction. With `wake`, a system call that sleeps makes two moments, asleep in it and
 * after it, and `wake` has somebody end the sleep. An operation may also end the process: exit can be swept too.
 *
 *     static int deposit(void *context) { ... account->balance++ ... return 0; }
 *     static int sound(void *context, const struct kin_crash_point *point)
 *     {
 *         return account->balance == 1 || !point->finished ? 0 : kin_crash_fail("balance %ld", account->balance);
 *     }
 *     ...
 *     struct kin_crash_result result;
 *     int found = kin_crash_run(KIN_CRASH(.prepare = reset, .victim = {.operate = deposit}, .check = sound),
 *                               KIN_CRASH_KILL, &result);
 *     kin_crash_print(stdout, "deposit", &result);
 *
 * Rules. The memory is MAP_SHARED and mapped before the run, at the same address for all. Call from a process with one
 * thread, one run at a time: SIGALRM, SIGCHLD and the interval timer are the harness's during it. In the snapshot, a
 * check that hangs or crashes is left by siglongjmp: report and end. Warm up in `arrive` what is slow the first time,
 * link with -z now, keep payloads short: a rep movs is a moment each turn. All children die with the caller. */
#ifndef KIN_CRASH_H
#define KIN_CRASH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum kin_crash_mode { KIN_CRASH_SNAPSHOT, KIN_CRASH_KILL, KIN_CRASH_KILL_TWICE, KIN_CRASH_RANDOM };

/* The moment that is looked at. */
struct kin_crash_point {
    uint64_t step;         /* moments the victim had passed; random: kills so far */
    uint64_t second_step;  /* kill twice: those of the second victim */
    int finished;          /* the operation had returned: its effect must be there */
    int second_finished;
    int asleep;            /* the victim slept in a system call */
    int copied;            /* snapshot: look at the copies, not at the live memory */
    pid_t victim;          /* its process */
    uintptr_t instruction; /* the one that it stood before, 0 when unknown */
};

/* Who is stepped. Both are called in the new process and return 0, or the run ends with a fault. */
struct kin_crash_actor {
    int (*arrive)(void *context);  /* optional, not swept: opens and warms up what `operate` needs */
    int (*operate)(void *context); /* the operation that is swept */
};

/* Snapshot: memory that the victim may change, and where its copy goes. */
struct kin_crash_region {
    const void *live;
    void *copy;
    size_t bytes;
};

/* Callbacks get `context`. Those that return int return 0, or best kin_crash_fail("why"). */
struct kin_crash {
    size_t size;
    void *context;

    /* Always (random: the last two). In the caller's process, but check of the killing modes: in one of its own. */
    struct kin_crash_actor victim;
    int (*prepare)(void *context); /* a fresh state; once a run in snapshot and random, else before each moment */
    int (*check)(void *context, const struct kin_crash_point *point); /* a survivor's look, and work */

    /* Snapshot. The list is asked for at each moment, so that it may grow. */
    size_t (*regions)(void *context, const struct kin_crash_region **list);
    int (*mark_dead)(void *context, const struct kin_crash_point *point); /* optional: the death, in the copy */

    /* Kill twice. Arrives before the first victim operates. */
    struct kin_crash_actor second;

    /* A peer that waits; optional. It must fall asleep before the victim operates, and end after its death. */
    struct kin_crash_actor peer;
    /* Whether the peer must end by itself; without it, always. Only look: whoever settles here rescues the peer. */
    int (*due)(void *context, const struct kin_crash_point *point);
    int (*feed)(void *context); /* goes with due: does what the peer waits for when nothing was due. Own process */

    /* When the victim sleeps in `operate`: let it go on. In the caller's process. */
    int (*wake)(void *context);

    /* Random: one round of a worker's loop; 4 workers; pauses between kills are 2000 us on average. */
    int (*work)(void *context, unsigned worker);
    unsigned workers, pause_us;

    void (*dump)(void *context); /* on a hang, before anybody is killed: show what you know */
    unsigned hang_ms;            /* what takes longer hangs; default 10,000 */
    uint64_t first;              /* the first moment, to look at one again */
    uint64_t limit;              /* moments at most: in snapshot the first, in the killing modes spread by chance over
                                    all; random: kills, default 100 */
    uint64_t seed;               /* of chance; 0 makes one */
};
#define KIN_CRASH(...) (&(struct kin_crash){.size = sizeof(struct kin_crash), __VA_ARGS__})

struct kin_crash_result {
    uint64_t points;  /* moments that were swept; random: kills */
    uint64_t checked; /* of these, how many check saw; the others were, byte for byte, as the one before */
    double seconds;
    uint64_t seed;    /* 0: nothing was left to chance */
    struct kin_crash_point failed; /* the moment of the fault */
    char where[192];               /* its instruction: function+offset (file), or file+offset */
    char sentence[256];            /* the fault; empty: every moment held */
};

/* The run found a fault. */
#define KIN_CRASH_FAULT 1

/* 1 when processes can be stepped on this machine, else 0 and the reason, a sentence. Random works without. */
int kin_crash_available(const char **reason);

/* Runs one mode. 0: every moment held. KIN_CRASH_FAULT: the first fault is in *result. Else a negative errno, with its
 * sentence in *result: -EINVAL: a callback that the mode needs is missing; -EPERM: no stepping here. */
int kin_crash_run(const struct kin_crash *crash, enum kin_crash_mode mode, struct kin_crash_result *result);

/* For any callback, in any process of the run: says what is wrong. The first sentence is kept. Returns -1. */
int kin_crash_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line: "deposit: 41 moments, 9 looked at, in 0.002 s: all held", or the fault, its moment, place and seed. */
void kin_crash_print(FILE *file, const char *name, const struct kin_crash_result *result);

#ifdef __cplusplus
}
#endif
#endif
