/* A domain with something of every kind and state in it, and a round of every entry of the library over it. */
#ifndef TESTS_ROUND_H
#define TESTS_ROUND_H

#include <stdbool.h>

/* Where in the segment the arena is. */
#define ROUND_ARENA_AT 4096

/* Builds it in KIN_DOMAIN: two processes hold things of it; one of them is dead, and nobody has settled what it held.
 * Returns when all is in place. The living one stays until the test ends. */
void scene_build(void);

/* Every entry; not the listings of the domain, which read /proc much, unless `thorough`. Calls may fail in any way but
 * by a crash or a hang; what they return in success must be usable. The result is an exit status. */
int round_run(bool thorough);

#endif
