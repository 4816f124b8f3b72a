/* What a contest leaves outside its processes: one name that all its files in /dev/shm and /tmp carry, and the System V
 * objects. All of it is removed when the contest is over, however it ended. */
#ifndef SCRATCH_H
#define SCRATCH_H

#ifdef __cplusplus
extern "C" {
#endif

/* Fixes the name. Call it before any process is forked. */
void scratch_begin(void);

/* "kin-bench-PID": to be the beginning of the name of everything that is made. */
const char *scratch_name(void);

/* Remembers a System V message queue or semaphore set; returns it. */
int scratch_message_queue(int identifier);
int scratch_semaphores(int identifier);

/* Removes everything. */
void scratch_end(void);

#ifdef __cplusplus
}
#endif
#endif
