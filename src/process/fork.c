/* A child that goes on with the caller's program: fork(), so that all who registered with pthread_atfork() hear of it. */
#include "process/child.h"
#include "process/process.h"
#include "process/report.h"
#include "sys/reason.h"
#include "sys/task.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <unistd.h>

#define NOT_STARTED 127

/* A thread that has been joined may still be listed for a moment. */
static int check_alone(void)
{
    DIR *list = opendir("/proc/self/task");
    if (!list)
        return reason(-EDEADLK, "cannot see whether this process has other threads: /proc/self/task: %m; "
                                "KIN_SPAWN_DESPITE_THREADS forks without looking");
    uint32_t pid = (uint32_t)getpid(), own = task_tid(), other = 0;
    for (struct dirent *entry; !other && (entry = readdir(list));) {
        uint32_t thread = (uint32_t)strtoul(entry->d_name, NULL, 10);
        enum task_state state = thread && thread != own ? task_thread_state(pid, thread) : TASK_GONE;
        if (state == TASK_LIVING || state == TASK_UNKNOWN)
            other = thread;
    }
    closedir(list);
    if (!other)
        return 0;
    return reason(-EDEADLK,
                  "this process has another thread (%u): locks that it holds would stay held in the child; "
                  "use kin_process_spawn, fork before making threads, or KIN_SPAWN_DESPITE_THREADS",
                  other);
}

/* What the caller has in the buffer of stdout is the caller's to write. */
__attribute__((noreturn)) static void run_child(struct child *child, struct quiet *quiet, int (*run)(void *context),
                                                void *context)
{
    child->report = -1;
    __fpurge(stdout);
    if (child->wish.environment)
        environ = (char **)child->wish.environment;
    quiet->mask = child_mask(child);
    quiet_end(quiet);
    int status = run(context);
    fflush(stdout);
    fflush(stderr);
    _exit(status);
}
