#include "command.h"
#include "table.h"

static int add_death(void *context, const struct kin_death *death)
{
    struct table *table = context;
    const char *kind = kin_kind_name(death->kind);
    table_row(table);
    table_number(table, DEATHS_NUMBER, (int64_t)death->number);
    table_time(table, DEATHS_WHEN, death->when);
    table_number(table, DEATHS_PID, death->pid);
    table_number(table, DEATHS_TID, death->tid);
    table_text(table, DEATHS_COMMAND, death->command);
    table_text(table, DEATHS_HELD, death->held);
    table_text(table, DEATHS_KIND, kind);
    table_text(table, DEATHS_NAME, death->name);
    table_number(table, DEATHS_SETTLER, death->settler);
    table_number(table, DEATHS_INODE, (int64_t)death->inode);
    return 0;
}

int cmd_deaths(struct call *call)
{
    int64_t after = 0;
    int code = number_of(call, OPTION_AFTER, 0, INT64_MAX, &after);
    if (code != EXIT_OK)
        return code;
    kin_domain *domain;
    struct table *table = open_table(call, "deaths", &domain, &code);
    if (!table)
        return code;
    int result = kin_domain_each_death(domain, (uint64_t)after, add_death, table);
    kin_domain_close(domain);
    return table_end(table, result < 0 ? failed(call, result) : EXIT_OK);
}
