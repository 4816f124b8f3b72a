#include "command.h"
#include "make.h"

int cmd_mk_queue(struct call *call)
{
    uint32_t messages, message_max;
    unsigned mode;
    int code = limits_of_messages(call, &messages, &message_max);
    kin_domain *domain;
    if (code == EXIT_OK)
        code = begin_to_make(call, &mode, &domain);
    if (code != EXIT_OK)
        return code;
    kin_queue *queue;
    int result = kin_queue_open(
        domain, call->operands[0],
        KIN_QUEUE(.flags = KIN_MUST_CREATE, .mode = mode, .messages = messages, .message_max = message_max), &queue);
    if (result == 0)
        kin_queue_close(queue);
    kin_domain_close(domain);
    return result < 0 ? failed(call, result) : EXIT_OK;
}
