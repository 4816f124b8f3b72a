#include "command.h"
#include "make.h"

int cmd_mk_latch(struct call *call)
{
    unsigned mode;
    int64_t count = 1;
    kin_domain *domain;
    int code = number_of(call, OPTION_COUNT, 1, UINT32_MAX, &count);
    if (code == EXIT_OK)
        code = begin_to_make(call, &mode, &domain);
    if (code != EXIT_OK)
        return code;
    kin_segment *home = NULL;
    kin_latch *latch;
    int result = kin_latch_open(domain, call->operands[0],
                                KIN_LATCH(.flags = KIN_MUST_CREATE, .mode = mode, .count = (uint32_t)count), &home,
                                &latch);
    return end_making(call, domain, result, home);
}
