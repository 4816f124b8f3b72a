#include "command.h"
#include "see/clean.h"
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
    struct clean clean;
    kin_domain *domain;
    int code = clean_options(call, &clean);
    bool more = clean.kinds || is_given(call, OPTION_SOCKETS), act = is_given(call, OPTION_YES);
    struct table *table = code == EXIT_OK ? open_table(call, "stale", &domain, &code) : NULL;
    if (!table)
        return code;
    int count = kin_domain_clean(domain, act ? KIN_CLEAN_ACT : 0, add_stale, table);
    kin_domain_close(domain);
    if (count < 0)
        code = failed(call, count);
    else if (more)
        code = clean_ipc(call, table, &clean);
    int printed = table_end(table, EXIT_OK);
    code = code ? code : printed;
    if (count + (int)clean.count == 0)
        complain(call, "nothing is stale");
    else if (count >= 0 && !act)
        complain(call, more ? "nothing was touched; to settle and free this give --yes too"
                            : "nothing was touched; to settle and free this: kin clean --yes");
    return code;
}
