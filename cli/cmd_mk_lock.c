#include "command.h"
#include "make.h"

int cmd_mk_lock(struct call *call)
{
    unsigned mode;
    kin_domain *domain;
    int code = begin_to_make(call, &mode, &domain);
    if (code != EXIT_OK)
        return code;
    kin_segment *home = NULL;
    kin_lock *lock;
    int result =
        kin_lock_open(domain, call->operands[0], KIN_LOCK(.flags = KIN_MUST_CREATE, .mode = mode), &home, &lock);
    return end_making(call, domain, result, home);
}
