/* The handle of a child, and what spawn and fork have in common. */
#ifndef PROCESS_PROCESS_H
#define PROCESS_PROCESS_H

#include "process/child.h"
#include <pthread.h>

struct kin_process {
    pid_t pid;
    pid_t parent; /* who may wait */
    int fd;
    pthread_mutex_t mutex; /* guards the two below, and that an end is reaped once */
    bool ended;
    struct kin_exit end;
};

/* Makes the child that was laid out, and its handle. `start` clones or forks it: it fills in pid and fd, and the
 * child's failure if there is one; its own negative result says that there is no child. Frees what the plan holds. */
int process_launch(struct child *child, int (*start)(struct child *child, kin_process *process), kin_process **out);

/* In the child too. */
void process_quiet_end(const struct quiet *quiet);

#endif
