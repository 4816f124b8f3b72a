/* kin recv --lease: CMD works on a message that stays in the queue until the work is done. */
#pragma once
#include "command.h"
#include "guard.h"

struct lease {
    const struct call *call;
    kin_queue *jobs;
    kin_queue *results; /* or NULL */
    const char *results_name;
    uint64_t result_max;
    struct guard guard;
};

/* Runs CMD on the message and settles it: done, or put back. Returns the exit code; *ended when no further message may
 * be taken: something else than CMD failed, or a signal came. */
int work_on(struct lease *lease, struct kin_message *message, bool *ended);
