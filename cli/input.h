/* Standard input as messages: of kin send, kin pub and kin call. */
#pragma once
#include "command.h"

struct input {
    const struct call *call;
    uint64_t message_max; /* of what is read whole, one byte more is the most that is given on */
    int (*take)(void *context, const char *data, uint64_t length); /* returns an exit code; other than 0 ends it */
    void *context;
};

/* All of it is one message. */
int read_whole(const struct input *input);
/* By --whole, --null, or each line. Returns the exit code. */
int read_input(const struct input *input);
