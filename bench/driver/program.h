/* The programs of contestants, which stand beside this one. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>

/* Says whether bench-NAME was built. */
bool program_exists(const char *name);
/* The Debian package whose absence is why it was not; NULL: it needs none. */
const char *program_package(const char *name);

/* Runs one contest of a contestant and gives each line that it prints to `visit`. False: it failed. */
bool program_run(const char *name, const char *contestant, const char *contest, unsigned milliseconds,
                 void (*visit)(void *context, const char *line), void *context);

#endif
