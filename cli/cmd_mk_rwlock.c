#include "command.h"
#include "make.h"

int cmd_mk_rwlock(struct call *call)
{
    unsigned mode = 0;
    kin_domain *domain;
    int code = mode_of(call, &mode);
    if (code == EXIT_OK)
        code = open_domain_to_make(call, &domain);
    if (code != EXIT_OK)
        return code;
    kin_segment *home;
    kin_rwlock *rwlock;
    int result =
        kin_rwlock_open(domain, call->operands[0], KIN_RWLOCK(.flags = KIN_MUST_CREATE, .mode = mode), &home, &rwlock);
    if (result == 0)
        kin_segment_close(home);
    kin_domain_close(domain);
    return result < 0 ? failed(call, result) : EXIT_OK;
}
