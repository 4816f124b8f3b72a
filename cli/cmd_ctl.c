#include "command.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

#define PATIENCE INT64_C(10000000000)

struct search {
    kin_domain *domain;
    char name[KIN_NAME_MAX + 1], control[108];
    unsigned living;
};

static bool take(struct search *search, const char *name)
{
    kin_supervisor *supervisor;
    struct kin_supervisor_status status;
    if (kin_supervisor_look(search->domain, name, &supervisor) < 0)
        return false;
    kin_supervisor_status(supervisor, &status);
    kin_supervisor_close(supervisor);
    snprintf(search->name, sizeof search->name, "%s", name);
    memcpy(search->control, status.control, sizeof search->control);
    search->living += (unsigned)status.alive;
    return status.alive;
}

static int look_at(void *context, const struct kin_object *object)
{
    if (strcmp(kin_kind_name(object->kind), "segment") == 0)
        take(context, object->name);
    return 0;
}

/* The one that is named, or the only one that lives. */
static int find(const struct call *call, struct search *search)
{
    const char *name = value_of(call, OPTION_SUPERVISOR);
    if (name && !take(search, name)) {
        complain(call, "no supervisor \"%s\" lives in %s; kin ps shows all", name, kin_domain_path(search->domain));
        return EXIT_NOT_FOUND;
    }
    if (!name)
        kin_domain_each(search->domain, look_at, search);
    if (search->living == 0) {
        complain(call, "no supervisor lives in %s; start one by kin run", kin_domain_path(search->domain));
        return EXIT_NOT_FOUND;
    }
    if (search->living > 1)
        return usage_error(call, "%u supervisors live here; name one by --supervisor, kin ps shows them",
                           search->living);
    if (!search->control[0]) {
        complain(call, "supervisor \"%s\" has no control socket", search->name);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static int ask(const struct call *call, const struct search *search, int64_t wait)
{
    const char *signal_name = value_of(call, OPTION_SIGNAL), *verb = call->operands[0];
    int signal = signal_name ? kin_signal_number(signal_name) : SIGTERM;
    if (signal < 0)
        return usage_error(call, "\"%s\" is no signal; kin signal --list tells all", signal_name);
    int result = kin_supervisor_ask(search->control, verb, call->operand_count > 1 ? call->operands[1] : NULL, signal,
                                    kin_after(wait));
    if (result == -ETIMEDOUT)
        return not_in_time(call, result, "no answer of the supervisor");
    return result < 0 ? failed(call, result) : EXIT_OK;
}

int cmd_ctl(struct call *call)
{
    struct search search = {.living = 0};
    int64_t wait = PATIENCE;
    int code = duration_of(call, OPTION_WAIT, &wait);
    if (code == EXIT_OK)
        code = open_domain(call, &search.domain);
    if (code != EXIT_OK)
        return code;
    code = find(call, &search);
    if (code == EXIT_OK)
        code = ask(call, &search, wait);
    kin_domain_close(search.domain);
    return code;
}
