#include "command.h"
#include "target.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct wait {
    const struct call *call;
    struct target *targets;
    struct pollfd *watched; /* one for each target, and the deadline's behind; -1: it has ended */
    int left;
};

static void print_end(const struct target *target, const struct kin_exit *how)
{
    static const char *const kinds[] = {[KIN_EXITED] = "exited", [KIN_KILLED] = "killed", [KIN_DUMPED] = "dumped"};
    bool known = how->kind == KIN_EXITED || how->kind == KIN_KILLED || how->kind == KIN_DUMPED;
    uint64_t start = target->process ? kin_process_start(target->process) : target->start;
    printf("{\"pid\":%d", (int)target->pid);
    if (start)
        printf(",\"start\":%" PRIu64, start);
    printf(",\"end\":\"%s\"", known ? kinds[how->kind] : "unknown");
    if (known)
        printf(",\"%s\":%d", how->kind == KIN_EXITED ? "status" : "signal", how->status);
    puts("}");
    fflush(stdout);
}

static void one_has_ended(struct wait *wait, int number, const struct kin_exit *how)
{
    wait->watched[number].fd = -1;
    wait->left--;
    if (is_given(wait->call, OPTION_JSON))
        print_end(&wait->targets[number], how);
}

/* PID:START that is nobody's has ended, and was waited for in vain no more than one that ends right now. */
static int open_target(struct wait *wait, int number)
{
    struct target *target = &wait->targets[number];
    int result = kin_process_open(target->pid, target->start, 0, &target->process);
    if (result == -ESRCH && target->start) {
        one_has_ended(wait, number, &(struct kin_exit){.kind = KIN_ENDED});
        return EXIT_OK;
    }
    if (result < 0)
        return failed(wait->call, result);
    wait->watched[number] = (struct pollfd){.fd = kin_process_fd(target->process), .events = POLLIN};
    return EXIT_OK;
}

static int take_ended(struct wait *wait)
{
    for (int i = 0; i < wait->call->operand_count; i++) {
        struct kin_exit how;
        if (wait->watched[i].fd < 0 || !wait->watched[i].revents)
            continue;
        int result = kin_process_wait(wait->targets[i].process, 0, KIN_NOW, &how);
        if (result < 0)
            return failed(wait->call, result);
        one_has_ended(wait, i, &how);
    }
    return EXIT_OK;
}

static int too_late(const struct wait *wait)
{
    char text[64];
    snprintf(text, sizeof text, "%d of %d processes have not ended", wait->left, wait->call->operand_count);
    return not_in_time(wait->call, -ETIMEDOUT, text);
}

static bool is_done(const struct wait *wait)
{
    return wait->left == 0 || (is_given(wait->call, OPTION_ANY) && wait->left < wait->call->operand_count);
}

static int wait_for_ends(struct wait *wait, kin_timer *deadline)
{
    nfds_t count = (nfds_t)wait->call->operand_count;
    int code = EXIT_OK;
    wait->watched[count] = (struct pollfd){.fd = kin_timer_fd(deadline), .events = POLLIN};
    while (code == EXIT_OK && !is_done(wait)) {
        if (poll(wait->watched, count + 1, -1) < 0) {
            if (errno == EINTR)
                continue;
            complain(wait->call, "cannot wait for %d processes: %m", wait->call->operand_count);
            return EXIT_FAILED;
        }
        code = take_ended(wait);
        if (code == EXIT_OK && !is_done(wait) && wait->watched[count].revents)
            code = too_late(wait);
    }
    return code;
}

static int open_and_wait(struct wait *wait, kin_time until)
{
    kin_timer *deadline;
    int code = EXIT_OK;
    for (int i = 0; code == EXIT_OK && i < wait->call->operand_count; i++)
        code = open_target(wait, i);
    if (code != EXIT_OK)
        return code;
    int result = kin_timer_open(until, 0, &deadline);
    if (result < 0)
        return failed(wait->call, result);
    code = wait_for_ends(wait, deadline);
    kin_timer_close(deadline);
    return code;
}

int cmd_wait(struct call *call)
{
    int64_t duration = 0;
    int code = not_both(call, OPTION_WAIT, OPTION_NO_WAIT);
    if (code == EXIT_OK)
        code = duration_of(call, OPTION_WAIT, &duration);
    kin_time until = deadline_of(call, duration);
    struct wait wait = {.call = call, .left = call->operand_count};
    if (code == EXIT_OK)
        wait.targets = targets_of(call, &code);
    if (code != EXIT_OK)
        return code;
    wait.watched = calloc((size_t)call->operand_count + 1, sizeof *wait.watched);
    code = wait.watched ? open_and_wait(&wait, until) : no_memory(call);
    targets_free(call, wait.targets);
    free(wait.watched);
    return code;
}
