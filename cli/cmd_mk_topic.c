#include "make.h"

int cmd_mk_topic(struct call *call)
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
    kin_topic *topic;
    int result = kin_topic_open(domain, call->operands[0],
                                KIN_TOPIC(.flags = KIN_MUST_CREATE, .mode = mode, .messages = (uint32_t)messages,
                                          .message_max = (uint32_t)message_max, .times = is_given(call, OPTION_TIMES),
                                          .policy = is_given(call, OPTION_BLOCK) ? KIN_TOPIC_BLOCK
                                                                                 : KIN_TOPIC_DROP_OLDEST),
                                &topic);
    if (result == 0)
        kin_topic_close(topic);
    kin_domain_close(domain);
    return result < 0 ? failed(call, result) : EXIT_OK;
}
