#include "select.h"
#include <string.h>

#define EVERY_KIND (~0U)
#define KIN "kin:"

static unsigned kin_kinds_of(const char *word)
{
    unsigned set = strcmp(word, "kin") == 0 || strcmp(word, "all") == 0 ? EVERY_KIND : 0;
    for (unsigned kind = 0; kind < 32; kind++) {
        const char *name = kin_kind_name(kind);
        if (name && strcmp(word, name) == 0)
            set |= 1U << kind;
    }
    return set;
}

const char *name_of_kin(const char *word)
{
    const char *name;
    if (strncmp(word, KIN, sizeof KIN - 1) == 0)
        return word + sizeof KIN - 1;
    return kin_kinds_of(word) || ipc_kinds_of(word) || ipc_kind_of_name(word, &name) ? NULL : word;
}

void select_operands(const struct call *call, struct selection *out)
{
    *out = (struct selection){.kin_kinds = call->operand_count == 0 ? EVERY_KIND : 0};
    for (int i = 0; i < call->operand_count; i++) {
        const char *word = call->operands[i], *name;
        const struct ipc_kind *kind = ipc_kind_of_name(word, &name);
        out->kin_kinds |= kin_kinds_of(word);
        out->ipc_kinds |= ipc_kinds_of(word);
        out->ipc_names |= kind ? ipc_set_of(kind) : 0;
        out->kin_names = out->kin_names || name_of_kin(word);
    }
}
