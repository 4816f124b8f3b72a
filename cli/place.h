/* A directory below /dev/shm that belongs to one run, and goes with it. */
#pragma once
#include "command.h"

struct place {
    char path[64];
    int fd; /* locked as long as we live */
};

/* Also removes those of runs that were killed. Returns the exit code. */
int place_make(const struct call *call, struct place *out);
void place_remove(struct place *place);
