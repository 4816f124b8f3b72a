#include "command.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sending {
    const struct call *call;
    kin_queue *queue;
    const char *name;
    int64_t type, priority, wait;
    bool waits_so_long;
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
    sending->waits_so_long = is_given(call, OPTION_WAIT);
    return code;
}

static int send_one(struct sending *sending, const char *data, uint64_t length)
{
    char what[KIN_NAME_MAX + 100];
    kin_time until = is_given(sending->call, OPTION_NO_WAIT) ? KIN_NOW
                     : sending->waits_so_long                ? kin_after(sending->wait)
                                                             : KIN_FOREVER;
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

static int send_lines(struct sending *sending, char end)
{
    char *line = NULL;
    size_t room = 0;
    int code = EXIT_OK;
    for (ssize_t length; code == EXIT_OK && (length = getdelim(&line, &room, end, stdin)) >= 0;) {
        if (length > 0 && line[length - 1] == end)
            length--;
        code = send_one(sending, line, (uint64_t)length);
    }
    free(line);
    return code;
}

/* One byte more than fits is enough to know that it does not. */
static int send_whole(struct sending *sending)
{
    char *data = NULL;
    size_t length = 0, room = 0;
    do {
        room = room ? 2 * room : 65536;
        if (room > sending->message_max + 1)
            room = sending->message_max + 1;
        char *more = realloc(data, room);
        if (!more) {
            free(data);
            return no_memory(sending->call);
        }
        data = more;
        length += fread(data + length, 1, room - length, stdin);
    } while (length == room && room <= sending->message_max);
    int code = ferror(stdin) ? EXIT_OK : send_one(sending, data, length);
    free(data);
    return code;
}

static int send_input(struct sending *sending)
{
    int code = is_given(sending->call, OPTION_WHOLE)
                   ? send_whole(sending)
                   : send_lines(sending, is_given(sending->call, OPTION_NULL) ? '\0' : '\n');
    if (code == EXIT_OK && ferror(stdin)) {
        complain(sending->call, "cannot read standard input: %m");
        code = EXIT_FAILED;
    }
    return code;
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
        code = result < 0 ? failed(call, result) : send_input(&sending);
        kin_queue_close(sending.queue);
    }
    kin_domain_close(domain);
    return code;
}
