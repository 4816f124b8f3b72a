/* Runs a CMD for kin spawn and kin recv --lease: waits, passes signals on, keeps to time limits, collects output. */
#pragma once
#include "command.h"
#include "guard.h"
#include <signal.h>

/* What CMD prints, up to `most` bytes. */
struct capture {
    int ours;   /* end of the pipe, non-blocking; -1 when closed */
    int theirs; /* CMD's end; closed once CMD has it */
    char *data;
    size_t length, room, most;
    bool too_long;
};

struct run {
    const struct call *call;
    struct kin_spawn_options spawn;
    int64_t timeout, kill_after; /* nanoseconds; 0: none */
    struct guard *guard;         /* or NULL. With one, a CMD that failed leaves nobody of its group behind */
    struct capture *capture;     /* or NULL */
    int (*body)(void *context);  /* or NULL: what the process does, instead of executing CMD at once */
    int handed_on;               /* a descriptor that is closed here once the process has it; -1: none */
    int64_t look_every;          /* nanoseconds between calls of look; 0: none */
    void (*look)(void *context, pid_t cmd);
    void *context;
};

struct run_end {
    struct kin_exit how;
    int signal; /* the first that we were sent and passed on; 0: none */
    bool timed_out;
};

/* EXIT_OK when CMD was started and has ended, however it ended; else the exit code, and the user was told. */
int run_cmd(const struct run *run, struct run_end *end);
/* Blocks the signals that would end us, for a signalfd; those that we were started to ignore stay ignored. */
void block_ending_signals(sigset_t *ours, sigset_t *before);
/* Tells the user why CMD could not be started; 126 or 127. */
int not_started(const struct call *call, int result);
