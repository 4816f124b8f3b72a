/* Messages to the user, and the exit code that each result of kin becomes. */
#include "command.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static void say(const struct call *call, const char *format, va_list arguments)
{
    fflush(stdout);
    fprintf(stderr, call ? "kin %s: " : "kin: ", call ? call->name : "");
    vfprintf(stderr, format, arguments);
    putc('\n', stderr);
}

void complain(const struct call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(call, format, arguments);
    va_end(arguments);
}

int usage_error(const struct call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(call, format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try: kin help%s%s\n", call ? " " : "", call ? call->name : "");
    /* Where flock's words are taken, its code is given. */
    return call && call->command->words == FLOCK_CMD ? EX_USAGE : EXIT_USAGE;
}

int exit_code(int result)
{
    switch (result) {
    case 0:
        return EXIT_OK;
    case KIN_RECOVERED:
        return EXIT_RECOVERED;
    case -ETIMEDOUT:
        return EXIT_TIMEOUT;
    case -EAGAIN:
        return EXIT_WOULD_BLOCK;
    case -ENOENT:
    case -ESRCH:
        return EXIT_NOT_FOUND;
    case -EACCES:
    case -EPERM:
        return EXIT_PERMISSION;
    case -EPROTO:
        return EXIT_LAYOUT;
    default:
        return EXIT_FAILED;
    }
}

int exit_code_of(const struct kin_exit *how)
{
    return how->kind == KIN_EXITED ? how->status : EXIT_SIGNAL + how->status;
}

int failed(const struct call *call, int result)
{
    const char *reason = kin_reason();
    complain(call, "%s", *reason ? reason : kin_strerror(result));
    return exit_code(result);
}

int no_memory(const struct call *call)
{
    complain(call, "no memory left");
    return EXIT_FAILED;
}

int not_in_time(const struct call *call, int result, const char *what)
{
    if (result != -ETIMEDOUT && result != -EAGAIN)
        return failed(call, result);
    if (!is_given(call, OPTION_NO_WAIT)) {
        complain(call, "%s in time (-w %s)", what, value_of(call, OPTION_WAIT));
        return EXIT_TIMEOUT;
    }
    complain(call, "%s", what);
    return EXIT_WOULD_BLOCK;
}

bool colors_wanted(FILE *stream)
{
    const char *none = getenv("NO_COLOR");
    return isatty(fileno(stream)) && (!none || !*none);
}
