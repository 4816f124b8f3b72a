#include "input.h"
#include <stdlib.h>

static int read_lines(const struct input *input, char end)
{
    char *line = NULL;
    size_t room = 0;
    int code = EXIT_OK;
    for (ssize_t length; code == EXIT_OK && (length = getdelim(&line, &room, end, stdin)) >= 0;) {
        if (length > 0 && line[length - 1] == end)
            length--;
        code = input->take(input->context, line, (uint64_t)length);
    }
    free(line);
    return code;
}

static int end_reading(const struct call *call, int code)
{
    if (code != EXIT_OK || !ferror(stdin))
        return code;
    complain(call, "cannot read standard input: %m");
    return EXIT_FAILED;
}

/* One byte more than fits is enough to know that it does not. */
static int take_whole(const struct input *input)
{
    char *data = NULL;
    size_t length = 0, room = 0;
    do {
        room = room ? 2 * room : 65536;
        if (room > input->message_max + 1)
            room = input->message_max + 1;
        char *more = realloc(data, room);
        if (!more) {
            free(data);
            return no_memory(input->call);
        }
        data = more;
        length += fread(data + length, 1, room - length, stdin);
    } while (length == room && room <= input->message_max);
    int code = ferror(stdin) ? EXIT_OK : input->take(input->context, data, length);
    free(data);
    return code;
}

int read_whole(const struct input *input)
{
    return end_reading(input->call, take_whole(input));
}

int read_input(const struct input *input)
{
    const struct call *call = input->call;
    if (is_given(call, OPTION_WHOLE))
        return read_whole(input);
    return end_reading(call, read_lines(input, is_given(call, OPTION_NULL) ? '\0' : '\n'));
}
