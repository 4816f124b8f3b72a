/* A child on its way: what the parent asks for, what the child does about it, how it tells what failed.
 *
 * The parent works everything out and allocates; the child only carries it out, as it may share the parent's memory
 * (spawn), or be the only thread left of many (fork). */
#ifndef PROCESS_CHILD_H
#define PROCESS_CHILD_H

#include <kin/process.h>
#include <stdbool.h>
#include <stdint.h>

/* What a child does, in this order; explain.c has the words. */
enum step {
    STEP_NONE,
    STEP_ENTRY,      /* detail: what the entry makes of it */
    STEP_DESCRIPTOR, /* detail: the entry of the map */
    STEP_CLOSE,
    STEP_SESSION,
    STEP_GROUP,
    STEP_LIMIT, /* detail: the entry of the limits */
    STEP_GROUPS,
    STEP_GID,
    STEP_UID,
    STEP_DIRECTORY,
    STEP_LIFELINE,
    STEP_EXECUTE
};

/* The step that failed, and why. */
struct failure {
    enum step step;
    int error; /* a negative errno; 0: none failed */
    int detail;
};

/* What a room above has the child do first of all, before any other step. */
struct entry {
    /* In the child, perhaps in its parent's memory: as sys/bare.h has it. 0, or a negative errno; then *detail. */
    int (*enter)(void *context, int *detail);
    void *context;
    const char *const *names; /* what failed, by detail: "set its niceness" */
};

/* What is put aside while a child is made: signals, cancellation, errno. */
struct quiet {
    uint64_t mask;
    int cancel, error;
};

struct child {
    struct kin_spawn_options wish;
    struct kin_fd_map *fds; /* a copy of the map; the child changes the sources */
    const char *file;
    char *const *argv;
    char **script; /* the arguments of /bin/sh for a file without a format; NULL: no such try */
    char *const *environment;
    const char *search;        /* directories, divided by colons; NULL: `file` is the path */
    const struct entry *entry; /* NULL: none */
    int (*run)(void *context); /* instead of a program */
    void *context;
    pid_t parent;
    struct quiet quiet;
    int report;         /* the child's end of the report, or -1 */
    bool shares_memory; /* it has been seen to */
    struct failure failure;
};

/* Checks the wish and lays the child out; argv is NULL for one that does not execute. Nothing to free when it fails. */
int child_plan(struct child *child, char *const argv[], const struct kin_spawn_options *options);
void child_plan_free(struct child *child);

/* In the child: everything up to running, but the signal mask. 0, or the error that child->failure tells about. */
int child_prepare(struct child *child);
/* The signal mask that it is to run with. */
uint64_t child_mask(const struct child *child);
/* In the child: its descriptors by the map, the others closed. */
int child_map_descriptors(struct child *child);
int child_close_others(struct child *child);
/* In the child: replaces it by its program. Returns the error. */
int child_execute(struct child *child);
/* Remembers the failure; returns the error. */
int child_failed(struct child *child, enum step step, int error, int detail);

/* The sentence about child->failure; returns its error. */
int child_explain(const struct child *child);
/* The sentence about a child that there never was; returns the error. */
int child_refused(const struct child *child, int error);

#endif
