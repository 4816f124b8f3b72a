/* What the files of the harness share.
 *
 * A run's results are 0, KIN_CRASH_FAULT, or a negative errno. The sentence goes into the control page, which all its
 * processes share. */
#ifndef HARNESS_INTERNAL_H
#define HARNESS_INTERNAL_H

#pragma GCC visibility push(default)
#include <kin/crash.h>
#pragma GCC visibility pop

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>

#define WORKERS_MAX 256

/* How far a victim is. It writes this itself, so that the tracer can see begin and end without knowing any register. */
enum stage { STAGE_ARRIVING, STAGE_REFUSED, STAGE_OPERATING, STAGE_DONE };
struct mark {
    volatile enum stage stage;
    volatile int result;
};

struct control {
    uint32_t failed; /* claimed by the first who fails */
    char sentence[sizeof((struct kin_crash_result *)0)->sentence];
    struct mark first, second;
    uint64_t rounds[WORKERS_MAX];
};

struct sweep {
    struct kin_crash crash; /* the caller's, in full length, defaults filled in */
    struct kin_crash_result *result;
    struct control *control;
    struct kin_crash_point point; /* the moment that is being looked at */
    uint64_t seed, chance; /* the first number and the last */
    uint64_t first_moment, second_limit; /* kill twice: the first victim's, and how many of the second's */
    cpu_set_t cpus; /* what is the caller's comes back after the run */
    bool pinned;
    struct sigaction alarm_action, child_action;
    struct itimerval timer;
    sigset_t mask;
};

/* crash.c */
int fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
int told(int result, const char *callback); /* a callback's result as the run's */
int mode_snapshot(struct sweep *sweep);
int mode_kill(struct sweep *sweep);
int mode_kill_twice(struct sweep *sweep);
int mode_random(struct sweep *sweep);

/* host.c: the caller's process during a run */
double seconds(void);
void host_take(struct sweep *sweep, bool pin);
void host_give_back(struct sweep *sweep);
void alarm_set(unsigned first_ms, unsigned every_ms);
/* Runs the check in this process; a hang or a crash of it is a fault. */
int check_here(struct sweep *sweep);
uint64_t chance(struct sweep *sweep, uint64_t below);

/* child.c: processes that are not stepped */
enum change { CHANGED, SLEEPS, HANGS };
pid_t child_fork(struct sweep *sweep, bool pinned);
/* Waits for a child to stop or end, at most hang_ms; with `asleep`, no longer than until it sleeps in a system call. */
enum change child_wait(struct sweep *sweep, pid_t child, bool asleep, int *status);
/* Waits for its end: 0, or a fault that calls it `who`. */
int child_end(struct sweep *sweep, pid_t child, const char *who);
/* Runs the check in a process of its own. */
int child_check(struct sweep *sweep);
void child_kill(pid_t child);
/* A fault: `who` hangs. Tells where, and lets the caller dump. */
int child_hangs(struct sweep *sweep, pid_t child, const char *who);

/* victim.c: processes that are stepped */
struct victim {
    pid_t process; /* 0: none */
    const char *name;
    struct mark *mark;
    int signal; /* to be delivered with the next step */
    uint64_t step;
    bool asleep, done;
};
int victim_start(struct sweep *sweep, struct victim *victim, const struct kin_crash_actor *actor);
/* On to the next moment. */
int victim_step(struct sweep *sweep, struct victim *victim);
void victim_kill(struct victim *victim);

/* place.c */
uintptr_t place_of(pid_t stopped); /* the instruction that it stands before, 0 when unknown */
void place_name(uintptr_t instruction, char *text, size_t size);

#endif
