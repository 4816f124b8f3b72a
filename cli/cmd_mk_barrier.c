#include "command.h"
#include "make.h"

int cmd_mk_barrier(struct call *call)
{
    unsigned mode = 0;
    int64_t parties = 2;
    kin_domain *domain;
    int code = number_of(call, OPTION_PARTIES, 1, KIN_BARRIER_SEATS, &parties);
    if (code == EXIT_OK)
        code = mode_of(call, &mode);
    if (code == EXIT_OK)
        code = open_domain_to_make(call, &domain);
    if (code != EXIT_OK)
        return code;
    kin_segment *home;
    kin_barrier *barrier;
    int result = kin_barrier_open(domain, call->operands[0],
                                  KIN_BARRIER(.flags = KIN_MUST_CREATE, .mode = mode, .parties = (unsigned)parties),
                                  &home, &barrier);
    if (result == 0)
        kin_segment_close(home);
    kin_domain_close(domain);
    return result < 0 ? failed(call, result) : EXIT_OK;
}
