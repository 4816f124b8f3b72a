/* The handle of a child, and what spawn and fork have in common. */
#ifndef PROCESS_PROCESS_H
#define PROCESS_PROCESS_H

#include <kin/process.h>
#include <pthread.h>
#include <stdbool.h>

struct kin_process {
    pid_t pid;
    pid_t parent; /* who may wait */
    int fd;
    pthread_mutex_t mutex; /* guards the two below, and that an end is reaped once */
    bool ended;
    struct kin_exit end;
};

/* A handle without a process, made before the child so that nothing can fail after. */
kin_process *process_new(void);
void process_free(kin_process *process);

/* Reaps the child, whose start has failed. */
void process_bury(kin_process *process);

/* The sentence about a child that the kernel did not make; returns the error. */
int process_refused(int error, const char *what);

/* While a child is made: all signals blocked, no cancellation, errno as it was. */
struct quiet {
    uint64_t mask;
    int cancel, error;
};
struct quiet quiet_begin(void);
void quiet_end(const struct quiet *quiet);

#endif
