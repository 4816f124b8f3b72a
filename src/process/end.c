#include "process/end.h"
#include "sys/clock.h"
#include <sys/wait.h>

static int64_t nanoseconds(long seconds, long microseconds)
{
    return seconds * SECOND + microseconds * INT64_C(1000);
}

static struct kin_usage translate_usage(const struct pidfd_usage *usage)
{
    return (struct kin_usage){
        .user_time = nanoseconds(usage->user_seconds, usage->user_microseconds),
        .system_time = nanoseconds(usage->system_seconds, usage->system_microseconds),
        .resident_max = (uint64_t)usage->resident_max * 1024,
        .minor_faults = (uint64_t)usage->minor_faults,
        .major_faults = (uint64_t)usage->major_faults,
        .yields = (uint64_t)usage->yields,
        .preemptions = (uint64_t)usage->preemptions,
    };
}

bool end_is_one(const struct kin_exit *how)
{
    return how->kind == KIN_EXITED || how->kind == KIN_KILLED || how->kind == KIN_DUMPED;
}

struct kin_exit end_of_info(const siginfo_t *info, const struct pidfd_usage *usage)
{
    struct kin_exit how = {.kind = KIN_EXITED, .status = info->si_status};
    switch (info->si_code) {
    case CLD_KILLED:
        how.kind = KIN_KILLED;
        break;
    case CLD_DUMPED:
        how.kind = KIN_DUMPED;
        break;
    case CLD_STOPPED:
    case CLD_TRAPPED:
        how.kind = KIN_STOPPED;
        break;
    case CLD_CONTINUED:
        how.kind = KIN_CONTINUED;
        break;
    }
    if (end_is_one(&how))
        how.usage = translate_usage(usage);
    return how;
}

struct kin_exit end_of_status(int status)
{
    if (WIFEXITED(status))
        return (struct kin_exit){.kind = KIN_EXITED, .status = WEXITSTATUS(status)};
    return (struct kin_exit){.kind = WCOREDUMP(status) ? KIN_DUMPED : KIN_KILLED, .status = WTERMSIG(status)};
}
