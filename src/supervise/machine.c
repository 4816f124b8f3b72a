#include "supervise/machine.h"

#define OFF KIN_INSTANCE_OFF
#define HELD KIN_INSTANCE_HELD
#define PAUSE KIN_INSTANCE_PAUSE
#define STARTING KIN_INSTANCE_STARTING
#define READY KIN_INSTANCE_READY
#define RELOADING KIN_INSTANCE_RELOADING
#define LEAVING KIN_INSTANCE_LEAVING
#define STOPPING KIN_INSTANCE_STOPPING
#define RESTARTING KIN_INSTANCE_RESTARTING
#define FAILED KIN_INSTANCE_FAILED

/* An end cannot happen where there is no process, nor can a process say anything there: such cells stay where they
 * are, as a note may still come out of a socket when its sender has gone.
 *
 * A late start is an end that nobody asked for, though it takes a signal to bring it about: so it counts. One that was
 * asked to stop, and is asked to start before it has ended, is started again; and the other way round. */
static const struct reaction table[STATES][EVENTS] = {
    [OFF] =
        {
            [ASK_START] = {HELD, 0},
            [ASK_STOP] = {OFF, 0},
            [ASK_RESTART] = {HELD, 0},
            [ASK_RELOAD] = {OFF, REFUSE},
            [FREED] = {OFF, 0},
            [LATE] = {OFF, 0},
            [SAYS_READY] = {OFF, 0},
            [SAYS_RELOADING] = {OFF, 0},
            [SAYS_LEAVING] = {OFF, 0},
            [ENDED_AGAIN] = {OFF, 0},
            [ENDED_WELL] = {OFF, 0},
            [ENDED_BADLY] = {OFF, 0},
        },
    [HELD] =
        {
            [ASK_START] = {HELD, 0},
            [ASK_STOP] = {OFF, 0},
            [ASK_RESTART] = {HELD, 0},
            [ASK_RELOAD] = {HELD, REFUSE},
            [FREED] = {STARTING, LAUNCH},
            [LATE] = {HELD, 0},
            [SAYS_READY] = {HELD, 0},
            [SAYS_RELOADING] = {HELD, 0},
            [SAYS_LEAVING] = {HELD, 0},
            [ENDED_AGAIN] = {HELD, 0},
            [ENDED_WELL] = {HELD, 0},
            [ENDED_BADLY] = {HELD, 0},
        },
    [PAUSE] =
        {
            [ASK_START] = {HELD, 0},
            [ASK_STOP] = {OFF, 0},
            [ASK_RESTART] = {HELD, 0},
            [ASK_RELOAD] = {PAUSE, REFUSE},
            [FREED] = {PAUSE, 0},
            [LATE] = {HELD, 0},
            [SAYS_READY] = {PAUSE, 0},
            [SAYS_RELOADING] = {PAUSE, 0},
            [SAYS_LEAVING] = {PAUSE, 0},
            [ENDED_AGAIN] = {PAUSE, 0},
            [ENDED_WELL] = {PAUSE, 0},
            [ENDED_BADLY] = {PAUSE, 0},
        },
    [STARTING] =
        {
            [ASK_START] = {STARTING, 0},
            [ASK_STOP] = {STOPPING, TELL},
            [ASK_RESTART] = {RESTARTING, TELL},
            [ASK_RELOAD] = {STARTING, REFUSE},
            [FREED] = {STARTING, 0},
            [LATE] = {RESTARTING, TELL | COUNT},
            [SAYS_READY] = {READY, 0},
            [SAYS_RELOADING] = {STARTING, 0},
            [SAYS_LEAVING] = {LEAVING, 0},
            [ENDED_AGAIN] = {PAUSE, COUNT},
            [ENDED_WELL] = {OFF, 0},
            [ENDED_BADLY] = {FAILED, 0},
        },
    [READY] =
        {
            [ASK_START] = {READY, 0},
            [ASK_STOP] = {STOPPING, TELL},
            [ASK_RESTART] = {RESTARTING, TELL},
            [ASK_RELOAD] = {READY, RELOAD},
            [FREED] = {READY, 0},
            [LATE] = {RESTARTING, ABORT | COUNT},
            [SAYS_READY] = {READY, 0},
            [SAYS_RELOADING] = {RELOADING, 0},
            [SAYS_LEAVING] = {LEAVING, 0},
            [ENDED_AGAIN] = {PAUSE, COUNT},
            [ENDED_WELL] = {OFF, 0},
            [ENDED_BADLY] = {FAILED, 0},
        },
    [RELOADING] =
        {
            [ASK_START] = {RELOADING, 0},
            [ASK_STOP] = {STOPPING, TELL},
            [ASK_RESTART] = {RESTARTING, TELL},
            [ASK_RELOAD] = {RELOADING, RELOAD},
            [FREED] = {RELOADING, 0},
            [LATE] = {RESTARTING, ABORT | COUNT},
            [SAYS_READY] = {READY, 0},
            [SAYS_RELOADING] = {RELOADING, 0},
            [SAYS_LEAVING] = {LEAVING, 0},
            [ENDED_AGAIN] = {PAUSE, COUNT},
            [ENDED_WELL] = {OFF, 0},
            [ENDED_BADLY] = {FAILED, 0},
        },
    [LEAVING] =
        {
            [ASK_START] = {RESTARTING, 0},
            [ASK_STOP] = {STOPPING, TELL},
            [ASK_RESTART] = {RESTARTING, TELL},
            [ASK_RELOAD] = {LEAVING, REFUSE},
            [FREED] = {LEAVING, 0},
            [LATE] = {LEAVING, KILL},
            [SAYS_READY] = {LEAVING, 0},
            [SAYS_RELOADING] = {LEAVING, 0},
            [SAYS_LEAVING] = {LEAVING, 0},
            [ENDED_AGAIN] = {PAUSE, COUNT},
            [ENDED_WELL] = {OFF, 0},
            [ENDED_BADLY] = {FAILED, 0},
        },
    [STOPPING] =
        {
            [ASK_START] = {RESTARTING, 0},
            [ASK_STOP] = {STOPPING, 0},
            [ASK_RESTART] = {RESTARTING, 0},
            [ASK_RELOAD] = {STOPPING, REFUSE},
            [FREED] = {STOPPING, 0},
            [LATE] = {STOPPING, KILL},
            [SAYS_READY] = {STOPPING, 0},
            [SAYS_RELOADING] = {STOPPING, 0},
            [SAYS_LEAVING] = {STOPPING, 0},
            [ENDED_AGAIN] = {OFF, 0},
            [ENDED_WELL] = {OFF, 0},
            [ENDED_BADLY] = {OFF, 0},
        },
    [RESTARTING] =
        {
            [ASK_START] = {RESTARTING, 0},
            [ASK_STOP] = {STOPPING, 0},
            [ASK_RESTART] = {RESTARTING, 0},
            [ASK_RELOAD] = {RESTARTING, REFUSE},
            [FREED] = {RESTARTING, 0},
            [LATE] = {RESTARTING, KILL},
            [SAYS_READY] = {RESTARTING, 0},
            [SAYS_RELOADING] = {RESTARTING, 0},
            [SAYS_LEAVING] = {RESTARTING, 0},
            [ENDED_AGAIN] = {HELD, 0},
            [ENDED_WELL] = {HELD, 0},
            [ENDED_BADLY] = {HELD, 0},
        },
    [FAILED] =
        {
            [ASK_START] = {HELD, 0},
            [ASK_STOP] = {OFF, 0},
            [ASK_RESTART] = {HELD, 0},
            [ASK_RELOAD] = {FAILED, REFUSE},
            [FREED] = {FAILED, 0},
            [LATE] = {FAILED, 0},
            [SAYS_READY] = {FAILED, 0},
            [SAYS_RELOADING] = {FAILED, 0},
            [SAYS_LEAVING] = {FAILED, 0},
            [ENDED_AGAIN] = {FAILED, 0},
            [ENDED_WELL] = {FAILED, 0},
            [ENDED_BADLY] = {FAILED, 0},
        },
};

struct reaction machine_react(enum kin_instance_state state, enum event event)
{
    return table[state][event];
}

bool machine_runs(enum kin_instance_state state)
{
    return state >= STARTING && state <= RESTARTING;
}

const char *kin_instance_state_name(enum kin_instance_state state)
{
    static const char *const names[STATES] = {"off",     "held",     "pause",      "starting", "ready", "reloading",
                                              "leaving", "stopping", "restarting", "failed"};
    return (unsigned)state < STATES ? names[state] : "unknown";
}
