#include "descriptor.h"
#include <errno.h>
#include <fcntl.h>

int descriptor_of(const struct call *call, const char *what, const char *text, int *out)
{
    int64_t number;
    if (*text == '<' || *text == '>') {
        bool append = text[0] == '>' && text[1] == '>';
        int flags = *text == '<' ? O_RDONLY : O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC);
        const char *path = text + (append ? 2 : 1);
        *out = open(path, flags | O_CLOEXEC, 0666);
        if (*out >= 0)
            return EXIT_OK;
        complain(call, "cannot open \"%s\": %m", path);
        return exit_code(-errno);
    }
    if (!read_number(text, &number) || number < 0 || number > INT32_MAX || fcntl((int)number, F_GETFD) < 0)
        return usage_error(call, "%sthere is no open descriptor \"%s\"", what, text);
    *out = (int)number;
    return EXIT_OK;
}
