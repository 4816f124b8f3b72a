/* What the kernel knows of a process: the proof that it lives, ends or has gone. */
#ifndef SYS_TASK_H
#define SYS_TASK_H

#include <stdbool.h>
#include <stdint.h>

enum task_state {
    TASK_GONE,   /* no such process, or another one has the number */
    TASK_ENDING, /* every thread of it is past the point where it could run its own code again */
    TASK_LIVING,
    TASK_UNKNOWN /* /proc cannot be read */
};

/* The moment a process started, in clock ticks since boot: with the pid it names a process for good. 0: none. */
uint64_t task_start(uint32_t pid);

/* The state of process `pid` that started at `start`. */
enum task_state task_state(uint32_t pid, uint64_t start);

/* The status, as waitpid() encodes it, of a process that has ended and is not reaped. False: /proc does not show it. */
bool task_exit_status(uint32_t pid, int *status);

/* Whether thread `tid` of process `pid` exists and is not ending. For a thread whose process lives. */
enum task_state task_thread_state(uint32_t pid, uint32_t tid);

/* Identifies the PID namespace that the calling process numbers processes in. */
uint64_t task_namespace(void);

uint32_t task_tid(void);

/* The calling process's name, as ps shows it: up to 15 characters. */
void task_command(char name[16]);

#endif
