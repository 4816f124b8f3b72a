/* The sentence behind a child that could not be started: what it was to be, the step, the cause, the remedy. */
#include "process/child.h"
#include "sys/reason.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE 256

static const char *amount(uint64_t value, char text[32])
{
    if (value == KIN_UNLIMITED)
        return "unlimited";
    snprintf(text, 32, "%" PRIu64, value);
    return text;
}

static void limit_failed(const struct kin_limit *limit, char *text)
{
    char soft[32], hard[32];
    snprintf(text, TEXT_SIZE, "cannot set limit %d to %s, at most %s", limit->resource,
             amount(limit->limit.rlim_cur, soft), amount(limit->limit.rlim_max, hard));
}

static void what_failed(const struct child *child, char *text)
{
    const struct kin_spawn_options *wish = &child->wish;
    size_t detail = (size_t)child->failure.detail;
    switch (child->failure.step) {
    case STEP_ENTRY:
        snprintf(text, TEXT_SIZE, "cannot %s", child->entry->names[detail]);
        break;
    case STEP_DESCRIPTOR:
        snprintf(text, TEXT_SIZE, "cannot make descriptor %d its %d", wish->fds[detail].from, wish->fds[detail].to);
        break;
    case STEP_CLOSE:
        snprintf(text, TEXT_SIZE, "cannot close its other descriptors");
        break;
    case STEP_SESSION:
        snprintf(text, TEXT_SIZE, "cannot start a session");
        break;
    case STEP_GROUP:
        snprintf(text, TEXT_SIZE, "cannot start a process group");
        break;
    case STEP_LIMIT:
        limit_failed(&wish->limits[detail], text);
        break;
    case STEP_GROUPS:
        snprintf(text, TEXT_SIZE, "cannot leave the supplementary groups");
        break;
    case STEP_GID:
        snprintf(text, TEXT_SIZE, "cannot become group %u", (unsigned)*wish->gid);
        break;
    case STEP_UID:
        snprintf(text, TEXT_SIZE, "cannot become user %u", (unsigned)*wish->uid);
        break;
    case STEP_DIRECTORY:
        snprintf(text, TEXT_SIZE, "cannot go to directory \"%s\"", wish->directory);
        break;
    case STEP_LIFELINE:
        snprintf(text, TEXT_SIZE, "cannot tie the lifeline");
        break;
    case STEP_EXECUTE:
    case STEP_NONE:
        snprintf(text, TEXT_SIZE, "cannot execute it%s", child->search ? ", searched in PATH" : "");
        break;
    }
}

/* What the words for the error do not say. */
static const char *remedy(const struct failure *failure)
{
    switch (failure->step) {
    case STEP_DESCRIPTOR:
        return failure->error == -EBADF ? "; the number must be below the limit RLIMIT_NOFILE" : "";
    case STEP_CLOSE:
        return "; without close_range (Linux 5.9) /proc must be mounted";
    case STEP_LIMIT:
        return failure->error == -EPERM ? "; it takes CAP_SYS_RESOURCE to raise a hard limit" : "";
    case STEP_GROUPS:
    case STEP_GID:
    case STEP_UID:
        return failure->error == -EPERM ? "; it takes root" : "";
    case STEP_EXECUTE:
        if (failure->error == -ENOENT)
            return "; it, or the interpreter that it names, is not there";
        if (failure->error == -EACCES)
            return "; it must be a file with the x permission";
        if (failure->error == -ENOEXEC)
            return "; a script without #! is executed only without KIN_SPAWN_NO_PATH";
        if (failure->error == -E2BIG)
            return "; arguments and environment share a quarter of RLIMIT_STACK, 128 KiB each at most";
        return "";
    default:
        return "";
    }
}

static const char *name_of(const struct child *child)
{
    return child->file ? child->file : "the forked child";
}

int child_explain(const struct child *child)
{
    char what[TEXT_SIZE];
    what_failed(child, what);
    errno = -child->failure.error;
    return reason(child->failure.error, "%s was not started: %s: %m%s", name_of(child), what, remedy(&child->failure));
}

int child_refused(const struct child *child, int error)
{
    const char *name = name_of(child);
    switch (error) {
    case -ENOSYS:
        return reason(error, "%s was not started: kin needs pidfds, Linux 5.4 or later", name);
    case -EAGAIN:
        return reason(error, "%s was not started: no more processes; see RLIMIT_NPROC and the cgroup's pids.max", name);
    case -EMFILE:
        return reason(error, "%s was not started: no free descriptor; close some or raise RLIMIT_NOFILE", name);
    case -ESRCH:
        return reason(error, "%s was killed before it could begin", name);
    }
    errno = -error;
    return reason(error, "%s was not started: the kernel refused a new process: %m", name);
}
