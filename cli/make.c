#include "make.h"
#include <errno.h>

void warn_of_remove_ipc(const struct call *call)
{
    struct remove_ipc remove_ipc;
    find_remove_ipc(&remove_ipc);
    if (remove_ipc.concerns_us)
        complain(call, "note: what you make here is deleted when you log out (RemoveIPC=yes of systemd-logind); "
                       "kin doctor says more");
}

int open_domain_to_make(const struct call *call, kin_domain **out)
{
    int result = kin_domain_open(NULL, KIN_DOMAIN(.flags = KIN_MUST_EXIST), out);
    if (result != -ENOENT)
        return result < 0 ? failed(call, result) : EXIT_OK;
    int code = open_domain(call, out);
    if (code == EXIT_OK)
        warn_of_remove_ipc(call);
    return code;
}
