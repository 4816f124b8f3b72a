#include "process/process.h"
#include "process/report.h"
#include "sys/bare.h"
#include "sys/reason.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define NOT_STARTED 127
/* Milliseconds. Nothing more comes once clone has returned, but where vfork is only a fork (valgrind, qemu-user).
 * Execution closes the child's end; where that does not show, a stranger, forked meanwhile by another thread, holds a
 * copy. */
#define LATEST_REPORT 1000

static IN_CHILD int become_program(void *context)
{
    struct child *child = context;
    child->shares_memory = true;
    if (child->report >= 0 && report_self(child->report) < 0)
        return NOT_STARTED;
    if (child_prepare(child) == 0) {
        bare_set_mask(child_mask(child));
        child_execute(child);
    }
    if (child->report >= 0)
        report_result(child->report, &child->failure);
    return NOT_STARTED;
}

/* The usual way: the pidfd comes with the child, a failure through the memory. */
static int clone_with_pidfd(struct child *child, kin_process *process)
{
    int pid = bare_clone(become_program, child, true, &process->fd);
    if (pid < 0)
        return pid;
    process->pid = pid;
    if (process->fd >= 0)
        return 0;
    /* A kernel before Linux 5.2 takes no notice of the flag. */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -ENOSYS;
}

/* Where that is refused, the child opens its pidfd: the host may reap it before the parent could. */
static int clone_with_report(struct child *child, bool share, kin_process *process)
{
    struct report report;
    int result = report_open(&report);
    if (result < 0)
        return result;
    child->report = report.theirs;
    int pid = result = bare_clone(become_program, child, share, NULL);
    report_close_theirs(&report);
    process->pid = pid;
    if (pid > 0)
        result = report_start(&report, pid, &process->fd);
    if (result == 0 && !child->shares_memory)
        report_next(&report, pid, LATEST_REPORT, &child->failure);
    report_close(&report);
    return result;
}

/* A child of another user must not share our memory: that user may stop it, and the kernel would take us for a process
 * that has changed its user, too (PR_SET_DUMPABLE). */
static int start(struct child *child, kin_process *process)
{
    if (child->wish.uid || child->wish.gid)
        return clone_with_report(child, false, process);
    int result = clone_with_pidfd(child, process);
    return result == -EINVAL || result == -EPERM ? clone_with_report(child, true, process) : result;
}

int process_spawn(char *const argv[], const struct kin_spawn_options *options, const struct entry *entry,
                  kin_process **out)
{
    struct child child;
    if (!argv || !argv[0])
        return reason(-EINVAL, "argv needs at least the name of the program");
    int result = child_plan(&child, argv, options);
    child.entry = entry;
    return result < 0 ? result : process_launch(&child, start, out);
}

int kin_process_spawn(char *const argv[], const struct kin_spawn_options *options, kin_process **out)
{
    return process_spawn(argv, options, NULL, out);
}
