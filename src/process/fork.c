/* A child that goes on with the caller's program: fork(), so that the handlers of pthread_atfork() run. */
#include "process/mask.h"
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

/* A thread that has been joined may be listed for a moment longer. If it goes while it is looked at, nothing is known
 * of it; then the second look finds it gone. */
static bool is_living(uint32_t pid, uint32_t thread)
{
    enum task_state state = task_thread_state(pid, thread);
    if (state == TASK_UNKNOWN)
        state = task_thread_state(pid, thread);
    return state == TASK_LIVING || state == TASK_UNKNOWN;
}

static int check_alone(void)
{
    DIR *list = opendir("/proc/self/task");
    if (!list)
        return reason(-EDEADLK, "cannot see whether this process has other threads: /proc/self/task: %m; "
                                "KIN_SPAWN_DESPITE_THREADS forks without looking");
    uint32_t pid = (uint32_t)getpid(), own = task_tid(), other = 0;
    for (struct dirent *entry; !other && (entry = readdir(list));) {
        uint32_t thread = (uint32_t)strtoul(entry->d_name, NULL, 10);
        if (thread && thread != own && is_living(pid, thread))
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

/* What the caller has in its buffers is the caller's to write. */
static int go_on(struct child *child)
{
    __fpurge(stdout);
    __fpurge(stderr);
    if (child->wish.environment)
        environ = (char **)child->wish.environment;
    child->quiet.mask = child_mask(child);
    if (!(child->wish.flags & KIN_SPAWN_KEEP_MASK))
        mask_forget_sources();
    process_quiet_end(&child->quiet);
    int status = child->run(child->context);
    fflush(stdout);
    fflush(stderr);
    return status;
}

static int live(struct child *child)
{
    if (report_self(child->report) < 0)
        return NOT_STARTED;
    int result = child_prepare(child);
    report_result(child->report, &child->failure);
    close(child->report);
    return result < 0 ? NOT_STARTED : go_on(child);
}

static int start(struct child *child, kin_process *process)
{
    struct report report;
    int result = report_open(&report);
    if (result < 0)
        return result;
    child->report = report.theirs;
    process->pid = fork();
    if (process->pid == 0) {
        close(report.ours);
        _exit(live(child));
    }
    result = process->pid < 0 ? -errno : 0;
    report_close_theirs(&report);
    if (result == 0)
        result = report_start(&report, process->pid, &process->fd);
    if (result == 0)
        report_next(&report, process->pid, -1, &child->failure);
    report_close(&report);
    return result;
}

int process_fork(int (*run)(void *context), void *context, const struct kin_spawn_options *options,
                 const struct entry *entry, kin_process **out)
{
    struct child child;
    if (!run)
        return reason(-EINVAL, "there is no function for the child to run");
    int result = child_plan(&child, NULL, options);
    child.entry = entry;
    child.run = run;
    child.context = context;
    if (result == 0 && !(child.wish.flags & KIN_SPAWN_DESPITE_THREADS) && (result = check_alone()) < 0)
        child_plan_free(&child);
    return result < 0 ? result : process_launch(&child, start, out);
}

int kin_process_fork(int (*run)(void *context), void *context, const struct kin_spawn_options *options,
                     kin_process **out)
{
    return process_fork(run, context, options, NULL, out);
}
