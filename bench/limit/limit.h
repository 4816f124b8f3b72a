/* The limits of the machine: what the same thing costs when nothing is checked, recorded or protected from death. */
#ifndef LIMIT_H
#define LIMIT_H

#include "common/locker.h"
#include "common/transport.h"

extern const struct transport line_transport, ring_transport, mpmc_transport, futex_transport, touch_transport;
extern const struct locker classes_locker;
extern const struct locker cas_locker;
void vfork_spawn(void);

#endif
