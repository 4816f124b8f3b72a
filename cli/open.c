#include "command.h"
#include "table.h"
#include <errno.h>

int open_domain(const struct call *call, kin_domain **out)
{
    int result = kin_domain_open(value_of(call, OPTION_DOMAIN), NULL, out);
    return result < 0 ? failed(call, result) : EXIT_OK;
}

struct table *open_table(const struct call *call, const char *name, kin_domain **domain, int *code)
{
    struct table *table = table_new(call, name, code);
    if (!table)
        return NULL;
    *code = open_domain(call, domain);
    if (*code == EXIT_OK)
        return table;
    *code = table_end(table, *code);
    return NULL;
}

int no_such_object(const struct call *call, kin_domain *domain, const char *kind, const char *name)
{
    const char *path = kin_domain_path(domain);
    if (kind)
        complain(call, "there is no %s \"%s\" in %s; make it by: kin mk %s %s", kind, name, path, kind,
                 shell_word(name));
    else
        complain(call, "there is no object \"%s\" in %s; see what is there by: kin ls", name, path);
    return EXIT_NOT_FOUND;
}

static unsigned flags_to_open(const struct call *call)
{
    return is_given(call, OPTION_CREATE) ? 0 : KIN_MUST_EXIST;
}

/* What came of it, as an exit code. */
static int opened(const struct call *call, kin_domain *domain, const char *kind, const char *name, int result)
{
    if (result == -ENOENT)
        return no_such_object(call, domain, kind, name);
    return result < 0 ? failed(call, result) : EXIT_OK;
}

int open_queue(const struct call *call, kin_domain *domain, const char *name, kin_queue **out)
{
    int result = kin_queue_open(domain, name, KIN_QUEUE(.flags = flags_to_open(call)), out);
    return opened(call, domain, "queue", name, result);
}

int open_topic(const struct call *call, kin_domain *domain, const char *name, kin_topic **out)
{
    int result = kin_topic_open(domain, name, KIN_TOPIC(.flags = flags_to_open(call)), out);
    return opened(call, domain, "topic", name, result);
}
