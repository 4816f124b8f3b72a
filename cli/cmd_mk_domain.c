#include "command.h"
#include "make.h"

int cmd_mk_domain(struct call *call)
{
    unsigned mode = 0;
    int code = mode_of(call, &mode);
    if (code != EXIT_OK)
        return code;
    kin_domain *domain;
    int result = kin_domain_open(call->operands[0], KIN_DOMAIN(.flags = KIN_MUST_CREATE, .mode = mode), &domain);
    if (result < 0)
        return failed(call, result);
    kin_domain_close(domain);
    warn_of_remove_ipc(call);
    return EXIT_OK;
}
