/* GNU make's jobserver protocol, served around a CMD. */
#pragma once
#include "command.h"

/* Runs CMD with `jobs` slots in all, the one that CMD itself is included; 0: one a processor. */
int run_jobserver(const struct call *call, int64_t jobs);
