#include "command.h"
#include "table.h"
#include "target.h"
#include <errno.h>
#include <signal.h>

/* What a signal does to who has not asked for another course. */
static const char *action_of(int signal)
{
    switch (signal) {
    case SIGQUIT:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGSEGV:
    case SIGXCPU:
    case SIGXFSZ:
    case SIGSYS:
        return "core";
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
        return "ignore";
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        return "stop";
    case SIGCONT:
        return "continue";
    default:
        return "end";
    }
}

static int list(const struct call *call)
{
    int code;
    char name[32];
    struct table *table = table_new(call, "signals", &code);
    if (!table)
        return code;
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        if (signal > 31 && signal < SIGRTMIN)
            continue; /* libc's own */
        table_row(table);
        table_number(table, SIGNAL_NUMBER, signal);
        table_text(table, SIGNAL_NAME, kin_signal_name(signal, name, sizeof name));
        table_text(table, SIGNAL_ACTION, action_of(signal));
    }
    return table_end(table, EXIT_OK);
}

static int send_to(const struct call *call, struct target *target, int signal, int value)
{
    int result = kin_process_open(target->pid, target->start, 0, &target->process);
    if (result == 0)
        result = is_given(call, OPTION_QUEUE) ? kin_process_queue(target->process, signal, value)
                                              : kin_process_signal(target->process, signal);
    return result < 0 ? failed(call, result) : EXIT_OK;
}

/* All that can get it get it; the exit code is that of the first that could not. */
static int send_to_all(const struct call *call, int signal, int value)
{
    int code;
    struct target *targets = targets_of(call, &code);
    for (int i = 0; targets && i < call->operand_count; i++) {
        int one = send_to(call, &targets[i], signal, value);
        code = code ? code : one;
    }
    targets_free(call, targets);
    return code;
}

int cmd_signal(struct call *call)
{
    const char *name = value_of(call, OPTION_SIGNAL);
    int64_t value = 0;
    int signal = name ? kin_signal_number(name) : SIGTERM;
    if (is_given(call, OPTION_LIST))
        return call->operand_count ? usage_error(call, "--list takes no PID") : list(call);
    if (signal < 0)
        return usage_error(call, "--signal: %s", kin_reason());
    int code = number_of(call, OPTION_QUEUE, INT32_MIN, INT32_MAX, &value);
    if (code != EXIT_OK)
        return code;
    if (call->operand_count == 0)
        return usage_error(call, "PID is missing");
    return send_to_all(call, signal, (int)value);
}
