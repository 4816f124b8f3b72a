#include "process/child.h"
#include "sys/bare.h"
#include <errno.h>
#include <signal.h>

IN_CHILD int child_failed(struct child *child, enum step step, int error, int detail)
{
    child->failure = (struct failure){step, error, detail};
    return error;
}

static IN_CHILD int enter(struct child *child)
{
    int detail = 0;
    int result = child->entry ? child->entry->enter(child->entry->context, &detail) : 0;
    return result < 0 ? child_failed(child, STEP_ENTRY, result, detail) : 0;
}

static IN_CHILD int take_place(struct child *child)
{
    unsigned flags = child->wish.flags;
    int result = 0;
    if (flags & KIN_SPAWN_SESSION) {
        if ((result = bare_session()) < 0)
            return child_failed(child, STEP_SESSION, result, 0);
    } else if (flags & KIN_SPAWN_GROUP) {
        if ((result = bare_group()) < 0)
            return child_failed(child, STEP_GROUP, result, 0);
    }
    return 0;
}

static IN_CHILD int set_limits(struct child *child)
{
    for (size_t i = 0; i < child->wish.limit_count; i++) {
        const struct kin_limit *limit = &child->wish.limits[i];
        int result = bare_limit(limit->resource, limit->limit.rlim_cur, limit->limit.rlim_max);
        if (result < 0)
            return child_failed(child, STEP_LIMIT, result, (int)i);
    }
    return 0;
}

/* The user comes last: it is what gives the other two the right. */
static IN_CHILD int set_owner(struct child *child)
{
    const struct kin_spawn_options *wish = &child->wish;
    int result = 0;
    if ((wish->uid || wish->gid) && (result = bare_clear_groups()) < 0)
        return child_failed(child, STEP_GROUPS, result, 0);
    if (wish->gid && (result = bare_gid(*wish->gid)) < 0)
        return child_failed(child, STEP_GID, result, 0);
    if (wish->uid && (result = bare_uid(*wish->uid)) < 0)
        return child_failed(child, STEP_UID, result, 0);
    return 0;
}

/* A parent that ended before the call is noticed by the change of parent. It counts as 0 when it is outside of this
 * child's PID namespace, dead or alive. */
static IN_CHILD int tie_lifeline(struct child *child)
{
    if (!(child->wish.flags & KIN_SPAWN_LIFELINE))
        return 0;
    int result = bare_death_signal(child->wish.lifeline_signal ? child->wish.lifeline_signal : SIGKILL);
    pid_t parent = bare_parent();
    if (result == 0 && parent != child->parent && parent != 0)
        result = -ESRCH;
    return result < 0 ? child_failed(child, STEP_LIFELINE, result, 0) : 0;
}

/* Limits before the owner, who may not be allowed to raise them; the directory after him, who may not be allowed in;
 * the lifeline last, as a change of owner cuts it. */
IN_CHILD int child_prepare(struct child *child)
{
    int result;
    if ((result = enter(child)) < 0)
        return result;
    bare_default_signals(child->wish.flags & KIN_SPAWN_KEEP_IGNORED);
    if ((result = child_map_descriptors(child)) < 0 || (result = child_close_others(child)) < 0 ||
        (result = take_place(child)) < 0 || (result = set_limits(child)) < 0 || (result = set_owner(child)) < 0)
        return result;
    if (child->wish.directory && (result = bare_directory(child->wish.directory)) < 0)
        return child_failed(child, STEP_DIRECTORY, result, 0);
    return tie_lifeline(child);
}

IN_CHILD uint64_t child_mask(const struct child *child)
{
    return child->wish.flags & KIN_SPAWN_KEEP_MASK ? child->quiet.mask : 0;
}
