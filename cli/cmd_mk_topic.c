#include "make.h"

int cmd_mk_topic(struct call *call)
{
    uint32_t messages, message_max;
    unsigned mode;
    int code = limits_of_messages(call, &messages, &message_max);
    kin_domain *domain;
    if (code == EXIT_OK)
        code = begin_to_make(call, &mode, &domain);
    if (code != EXIT_OK)
        return code;
    kin_topic *topic;
    int result =
        kin_topic_open(domain, call->operands[0],
                       KIN_TOPIC(.flags = KIN_MUST_CREATE, .mode = mode, .messages = messages,
                                 .message_max = message_max, .times = is_given(call, OPTION_TIMES),
                                 .policy = is_given(call, OPTION_BLOCK) ? KIN_TOPIC_BLOCK : KIN_TOPIC_DROP_OLDEST),
                       &topic);
    if (result == 0)
        kin_topic_close(topic);
    kin_domain_close(domain);
    return result < 0 ? failed(call, result) : EXIT_OK;
}
