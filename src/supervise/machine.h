/* What an instance does next: one total table, state x event -> next state and what is to be done. It touches nothing;
 * instance.c carries out what it says. */
#ifndef SUPERVISE_MACHINE_H
#define SUPERVISE_MACHINE_H

#include <kin/supervise.h>
#include <stdbool.h>

#define STATES 10

enum event {
    ASK_START,
    ASK_STOP,
    ASK_RESTART,
    ASK_RELOAD,
    FREED, /* all that it comes after are ready */
    LATE,  /* its deadline has passed: of the pause, of getting ready, of the watchdog, of the grace */
    SAYS_READY,
    SAYS_RELOADING,
    SAYS_LEAVING,
    ENDED_AGAIN, /* its process has ended, or could not be started, and its program wants it tried again */
    ENDED_WELL,  /* ... and that was all */
    ENDED_BADLY, /* ... and it is not tried again */
    EVENTS
};

/* What is to be done, in this order. */
enum deed {
    REFUSE = 1,  /* the question makes no sense now */
    TELL = 2,    /* send its stop signal */
    KILL = 4,    /* kill the whole group */
    ABORT = 8,   /* SIGABRT, for a late watchdog */
    RELOAD = 16, /* send its reload signal */
    LAUNCH = 32, /* start its process */
    COUNT = 64   /* it is an end that nobody asked for, as far as giving up goes */
};

struct reaction {
    uint8_t next; /* enum kin_instance_state */
    uint8_t deeds;
};

struct reaction machine_react(enum kin_instance_state state, enum event event);

/* Whether there is a process in that state. */
bool machine_runs(enum kin_instance_state state);

#endif
