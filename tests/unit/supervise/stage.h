/* A supervisor whose events are noted down, and loops that run it until something is so. */
#ifndef STAGE_H
#define STAGE_H

#include "support.h"
#include <kin/supervise.h>

#define MS INT64_C(1000000)

/* Notes down what it is told: one line an event ("web ready", "web ended exited with 1"), and all output. */
extern char stage_events[65536], stage_output[65536];
kin_supervisor *stage_open(const char *name, const struct kin_supervisor_options *options);
/* The same with the defaults and those flags. */
kin_supervisor *stage_plain(const char *name, unsigned flags);

/* The options of a program: `sh -c script`. */
#define SHELL(...) ((char *const[]){"sh", "-c", __VA_ARGS__, NULL})

/* Lets it work once. Ends the test when it hangs; returns what the wait returned. */
int stage_step(kin_supervisor *supervisor);
#define stage_until(supervisor, condition)                                                                             \
    while (!(condition))                                                                                               \
    check(stage_step(supervisor) != -ETIMEDOUT)
bool stage_is(kin_supervisor *supervisor, const char *instance, enum kin_instance_state state);
struct kin_instance stage_look(kin_supervisor *supervisor, const char *instance);
/* Until it has nothing to do any more: the result of the last wait. */
int stage_end(kin_supervisor *supervisor);
/* How often the text occurs. */
unsigned stage_count(const char *in, const char *text);
/* Whether the process is there, and no zombie. */
bool stage_lives(pid_t pid);

#endif
