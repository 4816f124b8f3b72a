#include "common/require.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void require_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: %s is not so (%s)\n", file, line, condition, strerror(errno));
    _exit(97);
}
