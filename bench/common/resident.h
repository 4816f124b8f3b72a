/* Starting a command from a process of a certain size. */
#ifndef RESIDENT_H
#define RESIDENT_H

#include "common/placement.h"
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RESIDENT_COMMAND "/bin/true"

/* Says whether the machine has so much memory to spare now. */
bool resident_possible(uint64_t bytes);

/* ns to start the command and see its end, by `once`, from a process with so many bytes resident. */
double resident_spawn(void (*once)(void), uint64_t bytes, enum placement placement, double nanoseconds);

#ifdef __cplusplus
}
#endif
#endif
