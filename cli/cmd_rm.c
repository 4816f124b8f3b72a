#include "command.h"
#include "see/select.h"
#include <errno.h>
#include <string.h>

static int remove_kin(const struct call *call, kin_domain *domain, const char *name)
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

static int refuse(const struct call *call, const char *word, const char *why)
{
    complain(call, "%s %s; to remove it all the same: kin rm --force %s", word, why, shell_word(word));
    return EXIT_FAILED;
}

static int refuse_held(const struct call *call, const char *word, const struct ipc *ipc)
{
    char holders[128], why[160];
    snprintf(why, sizeof why, "is in use by %s", ipc_holders_text(ipc, holders));
    return refuse(call, word, why);
}

static int remove_found(const struct call *call, struct view *view, struct ipc *ipc, const char *word)
{
    char proof[PROOF_MOST];
    bool forced = is_given(call, OPTION_FORCE);
    enum ipc_state state = forced ? IPC_UNUSED : ipc_judge(view, ipc, proof);
    if (!ipc->kind->remove || (ipc->space == SPACE_SOCKET && strchr(ipc->name, '/') == NULL)) {
        complain(call, "%s goes with the last process that has it; who that is: kin who %s", word, shell_word(word));
        return EXIT_FAILED;
    }
    if (state == IPC_HELD)
        return refuse_held(call, word, ipc);
    if (state == IPC_UNKNOWN)
        return refuse(call, word, "may be in use by a process that cannot be looked into from here");
    int result = ipc->kind->remove(view, ipc, forced);
    if (result == -EBUSY)
        return refuse(call, word, "was taken into use just now");
    if (result < 0)
        complain(call, "cannot remove %s: %s", word, strerror(-result));
    return exit_code(result);
}

static int remove_ipc(const struct call *call, const char *word, const struct ipc_kind *kind, const char *name)
{
    struct view view;
    int code = view_open(call, ipc_set_of(kind), &view);
    if (code != EXIT_OK)
        return code;
    struct ipc *ipc = view_named(call, &view, kind, name);
    code = ipc ? remove_found(call, &view, ipc, word) : EXIT_NOT_FOUND;
    view_close(&view);
    return code;
}

/* All that can be removed is removed; the exit code is that of the first that could not. */
int cmd_rm(struct call *call)
{
    kin_domain *domain = NULL;
    int code = EXIT_OK;
    for (int i = 0; i < call->operand_count; i++) {
        const char *word = call->operands[i], *name;
        const struct ipc_kind *kind = ipc_kind_of_name(word, &name);
        int one = EXIT_OK;
        if (!kind && !domain && (one = open_domain(call, &domain)) != EXIT_OK)
            return one;
        one = kind ? remove_ipc(call, word, kind, name)
                   : remove_kin(call, domain, name_of_kin(word) ? name_of_kin(word) : word);
        code = code ? code : one;
    }
    kin_domain_close(domain);
    return code;
}
