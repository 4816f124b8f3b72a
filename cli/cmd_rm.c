#include "command.h"
#include <errno.h>

static int remove_one(const struct call *call, kin_domain *domain, const char *name)
{
    int result = kin_remove(domain, name, is_given(call, OPTION_FORCE) ? KIN_EVEN_HELD : 0);
    if (result == -ENOENT)
        return no_such_object(call, domain, NULL, name);
    if (result == -EBUSY) {
        complain(call, "\"%s\" is in use; who it is: kin who %s; to remove it all the same: kin rm --force %s", name,
                 shell_word(name), shell_word(name));
        return exit_code(result);
    }
    return result < 0 ? failed(call, result) : EXIT_OK;
}

/* All that can be removed is removed; the exit code is that of the first that could not. */
int cmd_rm(struct call *call)
{
    kin_domain *domain;
    int code = open_domain(call, &domain);
    if (code != EXIT_OK)
        return code;
    for (int i = 0; i < call->operand_count; i++) {
        int one = remove_one(call, domain, call->operands[i]);
        code = code ? code : one;
    }
    kin_domain_close(domain);
    return code;
}
