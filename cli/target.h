/* Processes as the user names them: PID, or PID:START when it must not be another one that got the number. */
#pragma once
#include "command.h"

struct target {
    const char *word; /* as it was given */
    pid_t pid;
    uint64_t start; /* 0: not given */
    kin_process *process;
};

/* The call's operands, read and not opened; NULL, with the exit code in *code. Free them by targets_free. */
struct target *targets_of(const struct call *call, int *code);
void targets_free(const struct call *call, struct target *targets);
