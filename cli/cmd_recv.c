#include "command.h"
#include "lease.h"
#include "message.h"

struct receiving {
    const struct call *call;
    kin_domain *domain;
    struct kin_receive how;
    struct lease lease;
    int64_t count, wait;
    bool never_waits;
};

static int check_together(const struct call *call)
{
    static const enum option_id pairs[][2] = {
        {OPTION_FOLLOW, OPTION_COUNT}, {OPTION_FOLLOW, OPTION_NO_WAIT}, {OPTION_NO_WAIT, OPTION_WAIT},
        {OPTION_NULL, OPTION_WHOLE},   {OPTION_NULL, OPTION_JSON},      {OPTION_WHOLE, OPTION_JSON},
        {OPTION_LEASE, OPTION_NULL},   {OPTION_LEASE, OPTION_WHOLE},    {OPTION_LEASE, OPTION_JSON}};
    int code = EXIT_OK;
    for (size_t i = 0; code == EXIT_OK && i < sizeof pairs / sizeof *pairs; i++)
        code = not_both(call, pairs[i][0], pairs[i][1]);
    if (code != EXIT_OK)
        return code;
    bool lease = is_given(call, OPTION_LEASE);
    if (lease && !call->cmd)
        return usage_error(call, "--lease needs a CMD; it comes behind --");
    if (!lease && call->cmd)
        return usage_error(call, "CMD works on a lease: give --lease too");
    if (!lease &&
        (is_given(call, OPTION_RESULT) || is_given(call, OPTION_ATTEMPTS) || is_given(call, OPTION_DEAD_LETTER)))
        return usage_error(call, "--result, --attempts and --dead-letter go with --lease and a CMD");
    if (is_given(call, OPTION_ATTEMPTS) != is_given(call, OPTION_DEAD_LETTER))
        return usage_error(call, "--attempts and --dead-letter go together");
    if (is_given(call, OPTION_EXCEPT) && !is_given(call, OPTION_TYPE))
        return usage_error(call, "--except needs a --type");
    return EXIT_OK;
}

static int read_options(const struct call *call, struct receiving *receiving)
{
    int64_t attempts = 0;
    int code = check_together(call);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_COUNT, 1, INT64_MAX, &receiving->count);
    if (code == EXIT_OK)
        code = duration_of(call, OPTION_WAIT, &receiving->wait);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_TYPE, INT64_MIN, INT64_MAX, &receiving->how.type);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_ATTEMPTS, 1, UINT32_MAX, &attempts);
    receiving->how.flags = is_given(call, OPTION_EXCEPT) ? KIN_EXCEPT : 0;
    receiving->how.attempts = (uint32_t)attempts;
    receiving->never_waits = is_given(call, OPTION_NO_WAIT);
    if (receiving->count == 0)
        receiving->count = is_given(call, OPTION_FOLLOW) || receiving->never_waits ? INT64_MAX : 1;
    return code;
}

static int open_queues(struct receiving *receiving)
{
    const struct call *call = receiving->call;
    struct lease *lease = &receiving->lease;
    const char *dead_letter = value_of(call, OPTION_DEAD_LETTER);
    lease->results_name = value_of(call, OPTION_RESULT);
    int code = open_queue(call, receiving->domain, call->operands[0], &lease->jobs);
    if (code == EXIT_OK && dead_letter)
        code = open_queue(call, receiving->domain, dead_letter, &receiving->how.dead_letter);
    if (code != EXIT_OK || !lease->results_name)
        return code;
    code = open_queue(call, receiving->domain, lease->results_name, &lease->results);
    if (code != EXIT_OK)
        return code;
    struct kin_queue_status status;
    int result = kin_queue_status(lease->results, &status);
    lease->result_max = status.message_max;
    return result < 0 ? failed(call, result) : EXIT_OK;
}

static void close_queues(struct receiving *receiving)
{
    kin_queue_close(receiving->lease.jobs);
    kin_queue_close(receiving->lease.results);
    kin_queue_close(receiving->how.dead_letter);
}

/* The message is taken, not received: until it is written, it stays in the queue, whatever happens to us. */
static int print(struct receiving *receiving, struct kin_message *message, bool *ended)
{
    const struct call *call = receiving->call;
    kin_queue *queue = receiving->lease.jobs;
    if (is_given(call, OPTION_JSON)) {
        print_json(stdout, message);
    } else {
        print_plain(call, message->data, message->length);
    }
    *ended = fflush(stdout) != 0;
    if (*ended) {
        complain(call, "cannot write to standard output: %m; the message is put back");
        clearerr(stdout);
        kin_queue_put_back(queue, message);
        return EXIT_FAILED;
    }
    int result = kin_queue_done(queue, message);
    *ended = result < 0;
    return *ended ? failed(call, result) : EXIT_OK;
}

/* Without a limit of attempts, a message that CMD fails on would come again at once, for ever: so that ends it. */
static bool goes_on(const struct receiving *receiving, int code, bool ended)
{
    return !ended && (code == EXIT_OK || receiving->how.dead_letter);
}

static int receive(struct receiving *receiving)
{
    char what[KIN_NAME_MAX + 100];
    int code = EXIT_OK;
    bool ended = false;
    for (int64_t number = 0; number < receiving->count && goes_on(receiving, code, ended); number++) {
        kin_time until = deadline_of(receiving->call, receiving->wait);
        struct kin_message message;
        int result = kin_queue_take(receiving->lease.jobs, &receiving->how, until, &message);
        if (result < 0) {
            bool enough = receiving->never_waits && number > 0 && exit_code(result) >= EXIT_TIMEOUT &&
                          exit_code(result) <= EXIT_WOULD_BLOCK;
            snprintf(what, sizeof what, "no message in queue \"%s\"", receiving->call->operands[0]);
            return enough ? code : not_in_time(receiving->call, result, what);
        }
        int one =
            receiving->call->cmd ? work_on(&receiving->lease, &message, &ended) : print(receiving, &message, &ended);
        code = one ? one : code;
    }
    return code;
}

static int receive_in_domain(struct receiving *receiving)
{
    int code = open_domain(receiving->call, &receiving->domain);
    if (code != EXIT_OK)
        return code;
    code = open_queues(receiving);
    if (code == EXIT_OK)
        code = receive(receiving);
    close_queues(receiving);
    kin_domain_close(receiving->domain);
    return code;
}

int cmd_recv(struct call *call)
{
    struct receiving receiving = {.call = call, .how = {.size = sizeof(struct kin_receive)}, .lease = {.call = call}};
    int code = read_options(call, &receiving);
    if (code == EXIT_OK && call->cmd)
        code = guard_start(call, &receiving.lease.guard);
    if (code != EXIT_OK)
        return code;
    code = receive_in_domain(&receiving);
    if (call->cmd)
        guard_stop(&receiving.lease.guard);
    return code;
}
