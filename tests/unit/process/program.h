/* For the tests of processes: runs a program, collects what it prints. The test program itself is one that can look at
 * the state it was started in. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "support.h"
#include <kin/process.h>

/* argv of the test program as a probe: PROBE("descriptors"). */
#define SELF "/proc/self/exe"
#define PROBE(...) ((char *[]){(char *)SELF, (char *)"--probe", __VA_ARGS__, NULL})
#define SLEEP ((char *[]){(char *)"sleep", (char *)"1000000000", NULL})
#define SHELL(script) ((char *[]){(char *)"/bin/sh", (char *)"-c", (char *)(script), NULL})

/* What a probe prints:
 *   descriptors         the numbers of all that is open: "0 1 2 7"
 *   blocked, ignored    signal numbers
 *   arguments …         its arguments, divided by '|'
 *   environment         its variables, one a line
 *   lifeline            its signal, or 0 */
int probe_or_test(int argc, char **argv, int (*tests)(void));

/* Starts it with descriptor 1 as a pipe, reads that to its end, waits; checks that it exited with `status`. What it
 * printed, without a final newline; valid until the next call. A probe that cannot run ends the test as skipped. */
const char *output_and(int status, char *const argv[], const struct kin_spawn_options *options);
#define output_of(argv, options) output_and(0, argv, options)
#define check_text(found, wanted)                                                                                      \
    do {                                                                                                               \
        const char *found_ = (found), *wanted_ = (wanted);                                                             \
        if (strcmp(found_, wanted_) != 0)                                                                              \
            test_failed(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #found, found_, wanted_);                      \
    } while (0)

/* A child that exits with `status`, or sleeps until a signal. */
kin_process *child_that_exits(int status);
kin_process *child_that_hangs(void);
/* Ends it by SIGKILL, waits, closes. */
void end_child(kin_process *process);

/* A file with this content. */
void make_file(const char *directory, const char *name, const char *text, unsigned mode);

/* From now on, in this process: system call `number` fails with `error`, if its argument of that index has one of these
 * bits, or always when bits is 0. False: this machine has no seccomp. */
bool refuse_call(long number, unsigned argument, uint32_t bits, int error);

#endif
