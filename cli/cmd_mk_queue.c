#include "command.h"
#include "make.h"

int cmd_mk_queue(struct call *call)
{
    int64_t messages = 0;
    uint64_t message_max = 0;
    unsigned mode;
    int code = number_of(call, OPTION_MESSAGES, 1, 16 << 20, &messages);
    if (code == EXIT_OK)
        code = size_of(call, OPTION_MESSAGE_MAX, &message_max);
    if (code == EXIT_OK && message_max > KIN_MESSAGE_MAX)
        code = usage_error(call, "--message-max: the longest that can be is 1G");
    kin_domain *domain;
    if (code == EXIT_OK)
        code = begin_to_make(call, &mode, &domain);
    if (code != EXIT_OK)
        return code;
    kin_queue *queue;
    int result = kin_queue_open(
        domain, call->operands[0],
        KIN_QUEUE(.flags = KIN_MUST_CREATE, .mode = mode, .messages = (uint32_t)messages, .message_max = message_max),
        &queue);
    if (result == 0)
        kin_queue_close(queue);
    kin_domain_close(domain);
    return result < 0 ? failed(call, result) : EXIT_OK;
}
