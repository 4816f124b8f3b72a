#include "input.h"
#include <errno.h>

struct publishing {
    const struct call *call;
    kin_topic *topic;
    const char *name;
    int64_t type, wait;
    uint32_t message_max;
    unsigned long long number; /* of the message, from 1 */
};

static int read_options(const struct call *call, struct publishing *publishing)
{
    int code = not_both(call, OPTION_NULL, OPTION_WHOLE);
    if (code == EXIT_OK)
        code = not_both(call, OPTION_NO_WAIT, OPTION_WAIT);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_TYPE, INT64_MIN, INT64_MAX, &publishing->type);
    if (code == EXIT_OK)
        code = duration_of(call, OPTION_WAIT, &publishing->wait);
    return code;
}

static int publish_one(void *context, const char *data, uint64_t length)
{
    struct publishing *publishing = context;
    const struct call *call = publishing->call;
    char what[KIN_NAME_MAX + 100];
    kin_time until = deadline_of(call, publishing->wait);
    int result = kin_topic_publish(publishing->topic, data, length, KIN_PUBLISH(.type = publishing->type), until, NULL);
    publishing->number++;
    if (result == 0)
        return EXIT_OK;
    if (result == -EMSGSIZE) {
        complain(call, "message %llu is longer than topic \"%s\" takes, %u bytes; nothing of it was published",
                 publishing->number, publishing->name, publishing->message_max);
        return EXIT_FAILED;
    }
    snprintf(what, sizeof what, "no room for message %llu in topic \"%s\": its slowest subscriber has not read on",
             publishing->number, publishing->name);
    return not_in_time(call, result, what);
}

int cmd_pub(struct call *call)
{
    struct publishing publishing = {.call = call, .name = call->operands[0]};
    kin_domain *domain;
    int code = read_options(call, &publishing);
    if (code == EXIT_OK)
        code = open_domain(call, &domain);
    if (code != EXIT_OK)
        return code;
    code = open_topic(call, domain, publishing.name, &publishing.topic);
    if (code == EXIT_OK) {
        struct kin_topic_status status;
        int result = kin_topic_status(publishing.topic, &status);
        publishing.message_max = status.message_max;
        code = result < 0 ? failed(call, result)
                          : read_input(&(struct input){call, status.message_max, publish_one, &publishing});
        kin_topic_close(publishing.topic);
    }
    kin_domain_close(domain);
    return code;
}
