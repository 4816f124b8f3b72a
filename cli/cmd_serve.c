#include "work.h"
#include <errno.h>

struct serving {
    const struct call *call;
    const char *name;
    kin_service *service;
    struct kin_service_options options;
    struct guard guard;
    int64_t count, wait;
    uint64_t reply_max;
};

static int read_options(const struct call *call, struct serving *serving)
{
    int64_t calls = 0;
    unsigned mode = 0;
    int code = not_both(call, OPTION_NO_WAIT, OPTION_WAIT);
    serving->options = *KIN_SERVICE(.serve = 1);
    serving->count = INT64_MAX;
    if (code == EXIT_OK)
        code = number_of(call, OPTION_COUNT, 1, INT64_MAX, &serving->count);
    if (code == EXIT_OK)
        code = duration_of(call, OPTION_WAIT, &serving->wait);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_CALLS, 1, 1 << 20, &calls);
    if (code == EXIT_OK)
        code = size_of(call, OPTION_REQUEST_MAX, &serving->options.request_max);
    if (code == EXIT_OK)
        code = size_of(call, OPTION_REPLY_MAX, &serving->options.reply_max);
    if (code == EXIT_OK)
        code = mode_of(call, &mode);
    serving->options.calls = (uint32_t)calls;
    serving->options.mode = mode;
    return code;
}

/* The whole output, less one final newline, as a shell's $(CMD) takes all of them. */
static int reply(struct serving *serving, struct kin_request *request, const struct capture *capture, int status)
{
    uint64_t length = capture->length;
    if (length > 0 && capture->data[length - 1] == '\n')
        length--;
    int result = capture->too_long ? -EMSGSIZE
                                   : kin_service_reply(serving->service, request, status, capture->data, length);
    if (result != -EMSGSIZE)
        return result < 0 ? failed(serving->call, result) : EXIT_OK;
    complain(serving->call, "what CMD printed is longer than a reply of \"%s\" may be; its caller is told",
             serving->name);
    kin_service_put_back(serving->service, request);
    return EXIT_FAILED;
}

/* A CMD that was killed has answered nothing: to its caller that is a server that died. */
static int serve_one(struct serving *serving, struct kin_request *request, bool *ended)
{
    struct capture capture = {.ours = -1};
    struct run_end end;
    const struct work work = {
        .call = serving->call,
        .guard = &serving->guard,
        .data = request->data,
        .length = request->length,
        .capture = &capture,
        .most = serving->reply_max + 1,
    };
    work_variable("KIN_ATTEMPT", (int64_t)request->attempts + 1);
    int code = run_work(&work, &end);
    *ended = code != EXIT_OK || end.signal;
    if (code == EXIT_OK && (end.how.kind == KIN_EXITED || capture.too_long)) {
        code = reply(serving, request, &capture, exit_code_of(&end.how));
    } else {
        kin_service_put_back(serving->service, request);
        code = code ? code : exit_code_of(&end.how);
    }
    capture_free(&capture);
    return end.signal ? EXIT_SIGNAL + end.signal : code;
}

/* It serves on, whatever becomes of one request, and in the end exits with the last failure. */
static int serve(struct serving *serving)
{
    const struct call *call = serving->call;
    char what[KIN_NAME_MAX + 100];
    int code = EXIT_OK;
    bool ended = false;
    for (int64_t number = 0; number < serving->count && !ended; number++) {
        struct kin_request request;
        kin_time until = deadline_of(call, serving->wait);
        int result = kin_service_take(serving->service, until, &request);
        if (result < 0) {
            bool enough = until == KIN_NOW && number > 0 && exit_code(result) == EXIT_TIMEOUT;
            snprintf(what, sizeof what, "no request for service \"%s\"", serving->name);
            return enough ? code : not_in_time(call, result, what);
        }
        int one = serve_one(serving, &request, &ended);
        code = one ? one : code;
    }
    return code;
}

static int serve_in_domain(struct serving *serving)
{
    kin_domain *domain;
    int code = open_domain(serving->call, &domain);
    if (code != EXIT_OK)
        return code;
    int result = kin_service_open(domain, serving->name, &serving->options, &serving->service);
    struct kin_service_status status;
    if (result == 0)
        result = kin_service_status(serving->service, &status);
    if (result == 0)
        serving->reply_max = status.reply_max;
    code = result < 0 ? failed(serving->call, result) : serve(serving);
    kin_service_close(serving->service);
    kin_domain_close(domain);
    return code;
}

int cmd_serve(struct call *call)
{
    struct serving serving = {.call = call, .name = call->operands[0]};
    int code = read_options(call, &serving);
    if (code == EXIT_OK)
        code = guard_start(call, &serving.guard);
    if (code != EXIT_OK)
        return code;
    code = serve_in_domain(&serving);
    guard_stop(&serving.guard);
    return code;
}
