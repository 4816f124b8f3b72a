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

int begin_to_make(const struct call *call, unsigned *mode, kin_domain **out)
{
    *mode = 0;
    int code = mode_of(call, mode);
    return code == EXIT_OK ? open_domain_to_make(call, out) : code;
}

int limits_of_messages(const struct call *call, uint32_t *messages, uint32_t *message_max)
{
    int64_t count = 0;
    uint64_t longest = 0;
    int code = number_of(call, OPTION_MESSAGES, 1, 16 << 20, &count);
    if (code == EXIT_OK)
        code = size_of(call, OPTION_MESSAGE_MAX, &longest);
    if (code == EXIT_OK && longest > KIN_MESSAGE_MAX)
        code = usage_error(call, "--message-max: the longest that can be is 1G");
    *messages = (uint32_t)count;
    *message_max = (uint32_t)longest;
    return code;
}

int end_making(const struct call *call, kin_domain *domain, int result, kin_segment *home)
{
    if (result == 0)
        kin_segment_close(home);
    kin_domain_close(domain);
    return result < 0 ? failed(call, result) : EXIT_OK;
}
