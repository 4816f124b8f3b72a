/* What the kernel and libc offer for the same work. */
#ifndef KERNEL_H
#define KERNEL_H

#include "common/locker.h"
#include "common/transport.h"

extern const struct transport sysv_transport, pipe_transport, big_pipe_transport, quiet_pipe_transport,
    mqueue_transport, socket_transport;
extern const struct locker shm_locker;
extern const struct locker read_locker, semop_locker, robust_locker, mutex_locker, semaphore_locker;
const char *mqueue_absent(void);
const char *quiet_pipe_absent(void);
double rwlock_readers(unsigned long number, double nanoseconds);
double mutex_death(unsigned long number, double nanoseconds);
extern const struct locker ofd_locker, flock_locker;
void flock_command(void);
const char *flock_absent(void);
double descriptor_pass(unsigned long number, double nanoseconds);
void fork_spawn(void);
void posix_spawn_spawn(void);

#endif
