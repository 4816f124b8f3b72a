#include "lease.h"
#include "work.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int run_on(struct lease *lease, const struct kin_message *message, struct capture *capture, struct run_end *end)
{
    const struct work work = {
        .call = lease->call,
        .guard = &lease->guard,
        .data = message->data,
        .length = message->length,
        .capture = lease->results ? capture : NULL,
        .most = lease->result_max + 1,
    };
    work_variable("KIN_MESSAGE", (int64_t)message->sequence);
    work_variable("KIN_ATTEMPT", (int64_t)message->attempts + 1);
    work_variable("KIN_TYPE", message->type);
    work_variable("KIN_PRIORITY", message->priority);
    return run_work(&work, end);
}

static int too_long(const struct lease *lease)
{
    complain(lease->call,
             "what CMD printed is longer than queue \"%s\" takes, %" PRIu64 " bytes; the message is put back",
             lease->results_name, lease->result_max);
    return EXIT_FAILED;
}

/* Less one final newline, as a shell's $(CMD) takes all of them. */
static int done_with_result(struct lease *lease, struct kin_message *message, struct capture *capture)
{
    uint64_t length = capture->length;
    if (length > 0 && capture->data[length - 1] == '\n')
        length--;
    if (capture->too_long || length > lease->result_max)
        return too_long(lease);
    struct kin_message result;
    int code = kin_queue_loan(lease->results, length, KIN_FOREVER, &result);
    if (code == 0) {
        if (length > 0)
            memcpy(result.data, capture->data, length);
        code = kin_queue_done_and_send(lease->jobs, message, lease->results, &result, NULL);
        if (code < 0)
            kin_queue_release(lease->results, &result);
    }
    return code < 0 ? failed(lease->call, code) : EXIT_OK;
}

static int finish(struct lease *lease, struct kin_message *message, struct capture *capture)
{
    if (lease->results)
        return done_with_result(lease, message, capture);
    int result = kin_queue_done(lease->jobs, message);
    return result < 0 ? failed(lease->call, result) : EXIT_OK;
}

/* What becomes of the message when CMD has ended. A CMD that was told to end, and could still finish with 0, has done
 * its work. */
static int settle(struct lease *lease, struct kin_message *message, struct capture *capture, const struct run_end *end,
                  bool *ended)
{
    int code = exit_code_of(&end->how);
    bool success = code == EXIT_OK;
    if (success)
        code = finish(lease, message, capture);
    else if (capture->too_long)
        code = too_long(lease);
    if (code != EXIT_OK)
        kin_queue_put_back(lease->jobs, message);
    *ended = end->signal || (success && code != EXIT_OK);
    return end->signal ? EXIT_SIGNAL + end->signal : code;
}

int work_on(struct lease *lease, struct kin_message *message, bool *ended)
{
    struct capture capture = {.ours = -1};
    struct run_end end;
    int code = run_on(lease, message, &capture, &end);
    if (code == EXIT_OK) {
        code = settle(lease, message, &capture, &end, ended);
    } else {
        *ended = true;
        kin_queue_put_back(lease->jobs, message);
    }
    capture_free(&capture);
    return code;
}
