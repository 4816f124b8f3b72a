#include "command.h"
#include "make.h"

int cmd_mk_latch(struct call *call)
{
    unsigned mode = 0;
    int64_t count = 1;
    kin_domain *domain;
    int code = number_of(call, OPTION_COUNT, 1, UINT32_MAX, &count);
    if (code == EXIT_OK)
        code = mode_of(call, &mode);
    if (code == EXIT_OK)
        code = open_domain_to_make(call, &domain);
    if (code != EXIT_OK)
        return code;
    kin_segment *home;
    kin_latch *latch;
    int result = kin_latch_open(domain, call->operands[0],
                                KIN_LATCH(.flags = KIN_MUST_CREATE, .mode = mode, .count = (uint32_t)count), &home,
                                &latch);
    if (result == 0)
        kin_segment_close(home);
    kin_domain_close(domain);
    return result < 0 ? failed(call, result) : EXIT_OK;
}
