#include "message.h"
#include <stdlib.h>

struct reading {
    const struct call *call;
    const char *name;
    kin_topic *topic;
    kin_subscriber *subscriber;
    struct kin_subscribe from;
    int64_t count, wait;
    char *buffer;
    uint64_t room;
};

static int read_options(const struct call *call, struct reading *reading)
{
    static const enum option_id pairs[][2] = {{OPTION_FOLLOW, OPTION_COUNT}, {OPTION_FOLLOW, OPTION_NO_WAIT},
                                              {OPTION_NO_WAIT, OPTION_WAIT}, {OPTION_NULL, OPTION_WHOLE},
                                              {OPTION_NULL, OPTION_JSON},    {OPTION_WHOLE, OPTION_JSON},
                                              {OPTION_LAST, OPTION_FROM}};
    int64_t position = 0;
    int code = EXIT_OK;
    for (size_t i = 0; code == EXIT_OK && i < sizeof pairs / sizeof *pairs; i++)
        code = not_both(call, pairs[i][0], pairs[i][1]);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_COUNT, 1, INT64_MAX, &reading->count);
    if (code == EXIT_OK)
        code = duration_of(call, OPTION_WAIT, &reading->wait);
    if (code == EXIT_OK)
        code = number_of(call, is_given(call, OPTION_LAST) ? OPTION_LAST : OPTION_FROM, 0, INT64_MAX, &position);
    bool never_waits = is_given(call, OPTION_NO_WAIT);
    reading->from = *KIN_SUBSCRIBE(.from = is_given(call, OPTION_LAST)   ? KIN_FROM_LAST
                                           : is_given(call, OPTION_FROM) ? KIN_FROM_POSITION
                                           : never_waits                 ? KIN_FROM_OLDEST
                                                                         : KIN_FROM_NOW,
                                   .position = (uint64_t)position);
    if (reading->count == 0)
        reading->count = is_given(call, OPTION_FOLLOW) || never_waits ? INT64_MAX : 1;
    return code;
}

/* A gap is told where it is: in the line of JSON, or before the message on standard error. */
static int print(const struct reading *reading, const struct kin_sample *sample)
{
    const struct call *call = reading->call;
    if (is_given(call, OPTION_JSON)) {
        print_sample(stdout, reading->name, sample, reading->buffer);
    } else {
        if (sample->missed)
            complain(call, "%llu messages were dropped before message %llu of topic \"%s\"",
                     (unsigned long long)sample->missed, (unsigned long long)sample->position, reading->name);
        print_plain(call, reading->buffer, sample->length);
    }
    if (fflush(stdout) == 0)
        return EXIT_OK;
    complain(call, "cannot write to standard output: %m; go on later by: kin sub --from %llu %s",
             (unsigned long long)sample->position, shell_word(reading->name));
    clearerr(stdout);
    return EXIT_FAILED;
}

static int read_on(struct reading *reading)
{
    const struct call *call = reading->call;
    char what[KIN_NAME_MAX + 100];
    int code = EXIT_OK;
    for (int64_t number = 0; number < reading->count && code == EXIT_OK; number++) {
        struct kin_sample sample;
        kin_time until = deadline_of(call, reading->wait);
        int result = kin_subscriber_next(reading->subscriber, reading->buffer, reading->room, until, &sample);
        if (result == 0) {
            code = print(reading, &sample);
            continue;
        }
        snprintf(what, sizeof what, "no message in topic \"%s\"", reading->name);
        bool enough = until == KIN_NOW && number > 0 && exit_code(result) == EXIT_TIMEOUT;
        return enough ? EXIT_OK : not_in_time(call, result, what);
    }
    return code;
}

static int subscribe(struct reading *reading)
{
    struct kin_topic_status status;
    int result = kin_topic_status(reading->topic, &status);
    reading->room = status.message_max;
    if (result == 0)
        result = kin_topic_subscribe(reading->topic, &reading->from, &reading->subscriber);
    if (result < 0)
        return failed(reading->call, result);
    reading->buffer = malloc(reading->room);
    int code = reading->buffer ? read_on(reading) : no_memory(reading->call);
    free(reading->buffer);
    kin_subscriber_close(reading->subscriber);
    return code;
}

int cmd_sub(struct call *call)
{
    struct reading reading = {.call = call, .name = call->operands[0]};
    kin_domain *domain;
    int code = read_options(call, &reading);
    if (code == EXIT_OK)
        code = open_domain(call, &domain);
    if (code != EXIT_OK)
        return code;
    code = open_topic(call, domain, reading.name, &reading.topic);
    if (code == EXIT_OK)
        code = subscribe(&reading);
    kin_topic_close(reading.topic);
    kin_domain_close(domain);
    return code;
}
