/* The handle of a child, and what spawn and fork have in common. */
#ifndef PROCESS_PROCESS_H
#define PROCESS_PROCESS_H

#include "process/child.h"
#include <pthread.h>

#define NOBODYS 0

struct kin_process {
    pid_t pid;
    pid_t parent; /* who may wait, and reaps it; NOBODYS: it is only watched, by anybody */
    int fd;
    pthread_mutex_t mutex; /* guards the two below, and that an end is reaped once */
    bool ended;
    struct kin_exit end;
    uint64_t start; /* of an opened one */
};

/* An empty handle; NULL: no memory. */
kin_process *process_make(pid_t parent);
void process_unmake(kin_process *process);

/* Waits for the end of a process that this handle does not reap: 0, or -ETIMEDOUT. */
int process_watch(kin_process *process, kin_time until, struct kin_exit *how);

/* Makes the child that was laid out, and its handle. `start` clones or forks it: it fills in pid and fd, and the
 * child's failure if there is one; its own negative result says that there is no child. Frees what the plan holds. */
int process_launch(struct child *child, int (*start)(struct child *child, kin_process *process), kin_process **out);

/* As kin_process_spawn and kin_process_fork, with an entry; NULL: none. */
int process_spawn(char *const argv[], const struct kin_spawn_options *options, const struct entry *entry,
                  kin_process **out);
int process_fork(int (*run)(void *context), void *context, const struct kin_spawn_options *options,
                 const struct entry *entry, kin_process **out);

/* In the child too. */
void process_quiet_end(const struct quiet *quiet);

#endif
