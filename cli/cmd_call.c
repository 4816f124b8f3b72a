#include "input.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct calling {
    const struct call *call;
    const char *name;
    kin_domain *domain;
    kin_service *service;
    struct kin_call_options how;
    int64_t tries, wait;
    char *buffer;
    uint64_t room;
};

static int read_options(const struct call *call, struct calling *calling)
{
    int code = duration_of(call, OPTION_WAIT, &calling->wait);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_TRIES, 1, UINT32_MAX, &calling->tries);
    calling->how = *KIN_CALL(.tries = (uint32_t)calling->tries, .wait = is_given(call, OPTION_STAND_BY));
    return code;
}

static int no_service(const struct calling *calling)
{
    const char *word = shell_word(calling->name);
    complain(calling->call, "nobody serves \"%s\" in %s; start a server by: kin serve %s -- CMD", calling->name,
             kin_domain_path(calling->domain), word);
    return EXIT_NOT_FOUND;
}

static int tell(const struct calling *calling, int result)
{
    char what[KIN_NAME_MAX + 100];
    if (result == -ECONNREFUSED)
        return no_service(calling);
    snprintf(what, sizeof what, "no reply from service \"%s\"", calling->name);
    return is_given(calling->call, OPTION_WAIT) ? not_in_time(calling->call, result, what)
                                                : failed(calling->call, result);
}

static int print(const struct calling *calling, const struct kin_reply *reply)
{
    const struct call *call = calling->call;
    fwrite(calling->buffer, 1, reply->length, stdout);
    if (reply->length && !is_given(call, OPTION_WHOLE))
        putchar('\n');
    if (fflush(stdout) == 0)
        return reply->status;
    complain(call, "cannot write to standard output: %m");
    clearerr(stdout);
    return EXIT_FAILED;
}

static int call_once(void *context, const char *data, uint64_t length)
{
    struct calling *calling = context;
    struct kin_reply reply;
    int result = kin_service_call(calling->service, data, length, calling->buffer, calling->room, &calling->how,
                                  deadline_of(calling->call, calling->wait), &reply);
    return result < 0 ? tell(calling, result) : print(calling, &reply);
}

static int call_service(struct calling *calling)
{
    struct kin_service_status status;
    const char *request = calling->call->operand_count > 1 ? calling->call->operands[1] : NULL;
    int result = kin_service_open(calling->domain, calling->name, KIN_SERVICE(.flags = KIN_MUST_EXIST),
                                  &calling->service);
    if (result == 0)
        result = kin_service_status(calling->service, &status);
    if (result < 0)
        return result == -ENOENT ? no_service(calling) : failed(calling->call, result);
    calling->room = status.reply_max;
    calling->buffer = malloc(calling->room + 1);
    if (!calling->buffer)
        return no_memory(calling->call);
    if (request)
        return call_once(calling, request, strlen(request));
    return read_whole(&(struct input){calling->call, status.request_max, call_once, calling});
}

int cmd_call(struct call *call)
{
    struct calling calling = {.call = call, .name = call->operands[0]};
    int code = read_options(call, &calling);
    if (code == EXIT_OK)
        code = open_domain(call, &calling.domain);
    if (code != EXIT_OK)
        return code;
    code = call_service(&calling);
    free(calling.buffer);
    kin_service_close(calling.service);
    kin_domain_close(calling.domain);
    return code;
}
