#include "command.h"
#include "make.h"

int cmd_mk_sem(struct call *call)
{
    int64_t value = 0, count = 1;
    unsigned mode;
    kin_domain *domain;
    int code = number_of(call, OPTION_VALUE, 0, KIN_SEMAPHORE_VALUE_MAX, &value);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_NSEMS, 1, KIN_SEMAPHORE_COUNT_MAX, &count);
    if (code == EXIT_OK)
        code = begin_to_make(call, &mode, &domain);
    if (code != EXIT_OK)
        return code;
    kin_segment *home = NULL;
    kin_semaphore *semaphore;
    int result = kin_semaphore_open(
        domain, call->operands[0],
        KIN_SEMAPHORE(.flags = KIN_MUST_CREATE, .mode = mode, .count = (unsigned)count, .value = (unsigned)value),
        &home, &semaphore);
    return end_making(call, domain, result, home);
}
