/* Standard input as messages: of kin send, kin pub and kin call. */
#pragma once
#include "command.h"

struct input {
    const struct call *call;
    uint64_t message_max; /* of what is read whole, one byte more is the most that is given on */
    /* Returns an exit code; other than 0 ends it. */
    int (*take)(void *context, const char *data, uint64_t length);
    void *context;
};

/* All of it is one message by --whole; else each line, or by --null what ends with a NUL byte. An exit code. */
int read_input(const struct input *input);
/* All of it is one message. */
int read_whole(const struct input *input);
