#include "target.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool read_start(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && !errno && *out > 0;
}

static bool read_target(const char *word, struct target *target)
{
    char number[16];
    int64_t pid;
    size_t length = strcspn(word, ":");
    snprintf(number, sizeof number, "%.*s", (int)length, word);
    if (length >= sizeof number || !read_number(number, &pid) || pid <= 0 || pid > INT32_MAX)
        return false;
    *target = (struct target){.word = word, .pid = (pid_t)pid};
    return !word[length] || read_start(word + length + 1, &target->start);
}

struct target *targets_of(const struct call *call, int *code)
{
    struct target *targets = calloc((size_t)call->operand_count + 1, sizeof *targets);
    *code = targets ? EXIT_OK : no_memory(call);
    for (int i = 0; *code == EXIT_OK && i < call->operand_count; i++)
        if (!read_target(call->operands[i], &targets[i]))
            *code = usage_error(call, "\"%s\" is no process; give PID, or PID:START with its start in clock ticks",
                                call->operands[i]);
    if (*code == EXIT_OK)
        return targets;
    free(targets);
    return NULL;
}

void targets_free(const struct call *call, struct target *targets)
{
    for (int i = 0; targets && i < call->operand_count; i++)
        kin_process_close(targets[i].process);
    free(targets);
}
