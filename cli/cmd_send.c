#include "input.h"
#include <errno.h>

struct sending {
    const struct call *call;
    kin_queue *queue;
    const char *name;
    int64_t type, priority, wait;
    uint64_t message_max;
    unsigned long long number; /* of the message, from 1 */
};

static int read_options(const struct call *call, struct sending *sending)
{
    int code = not_both(call, OPTION_NULL, OPTION_WHOLE);
    if (code == EXIT_OK)
        code = not_both(call, OPTION_NO_WAIT, OPTION_WAIT);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_TYPE, 1, INT64_MAX, &sending->type);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_PRIORITY, 0, KIN_PRIORITY_MAX, &sending->priority);
    if (code == EXIT_OK)
        code = duration_of(call, OPTION_WAIT, &sending->wait);
    return code;
}

static int send_one(void *context, const char *data, uint64_t length)
{
    struct sending *sending = context;
    char what[KIN_NAME_MAX + 100];
    kin_time until = deadline_of(sending->call, sending->wait);
    int result = kin_queue_send(sending->queue, data, length,
                                KIN_SEND(.type = sending->type, .priority = (uint32_t)sending->priority), until);
    sending->number++;
    if (result == 0)
        return EXIT_OK;
    if (result == -EMSGSIZE) {
        complain(sending->call, "message %llu is longer than queue \"%s\" takes, %llu bytes; nothing of it was sent",
                 sending->number, sending->name, (unsigned long long)sending->message_max);
        return EXIT_FAILED;
    }
    snprintf(what, sizeof what, "no room for message %llu in queue \"%s\"", sending->number, sending->name);
    return not_in_time(sending->call, result, what);
}

int cmd_send(struct call *call)
{
    struct sending sending = {.call = call, .name = call->operands[0]};
    kin_domain *domain;
    int code = read_options(call, &sending);
    if (code == EXIT_OK)
        code = open_domain(call, &domain);
    if (code != EXIT_OK)
        return code;
    code = open_queue(call, domain, sending.name, &sending.queue);
    if (code == EXIT_OK) {
        struct kin_queue_status status;
        int result = kin_queue_status(sending.queue, &status);
        sending.message_max = status.message_max;
        code = result < 0 ? failed(call, result)
                          : read_input(&(struct input){call, sending.message_max, send_one, &sending});
        kin_queue_close(sending.queue);
    }
    kin_domain_close(domain);
    return code;
}
