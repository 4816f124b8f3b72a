#include "command.h"
#include "make.h"

int cmd_mk_barrier(struct call *call)
{
    unsigned mode;
    int64_t parties = 2;
    kin_domain *domain;
    int code = number_of(call, OPTION_PARTIES, 1, KIN_BARRIER_SEATS, &parties);
    if (code == EXIT_OK)
        code = begin_to_make(call, &mode, &domain);
    if (code != EXIT_OK)
        return code;
    kin_segment *home = NULL;
    kin_barrier *barrier;
    int result = kin_barrier_open(domain, call->operands[0],
                                  KIN_BARRIER(.flags = KIN_MUST_CREATE, .mode = mode, .parties = (unsigned)parties),
                                  &home, &barrier);
    return end_making(call, domain, result, home);
}
