#include "command.h"
#include "table.h"

static void add_stale(void *context, const struct kin_stale *stale)
{
    struct table *table = context;
    table_row(table);
    table_text(table, CLEAN_WHAT, stale->what);
    if (stale->pid)
        table_number(table, CLEAN_PID, stale->pid);
    if (stale->tid)
        table_number(table, CLEAN_TID, stale->tid);
    table_text(table, CLEAN_NAME, stale->name);
    table_text(table, CLEAN_PROOF, stale->proof);
}

int cmd_clean(struct call *call)
{
    int code;
    bool act = is_given(call, OPTION_YES);
    kin_domain *domain;
    struct table *table = open_table(call, "stale", &domain, &code);
    if (!table)
        return code;
    int count = kin_domain_clean(domain, act ? KIN_CLEAN_ACT : 0, add_stale, table);
    kin_domain_close(domain);
    code = table_end(table, count < 0 ? failed(call, count) : EXIT_OK);
    if (count == 0)
        complain(call, "nothing is stale");
    else if (count > 0 && !act)
        complain(call, "nothing was touched; to settle and free this: kin clean --yes");
    return code;
}
