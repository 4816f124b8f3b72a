#include "command.h"
#include "make.h"

int cmd_mk_rwlock(struct call *call)
{
    unsigned mode;
    kin_domain *domain;
    int code = begin_to_make(call, &mode, &domain);
    if (code != EXIT_OK)
        return code;
    kin_segment *home = NULL;
    kin_rwlock *rwlock;
    int result =
        kin_rwlock_open(domain, call->operands[0], KIN_RWLOCK(.flags = KIN_MUST_CREATE, .mode = mode), &home, &rwlock);
    return end_making(call, domain, result, home);
}
