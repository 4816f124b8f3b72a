#include "init.h"
#include "supervise/site.h"

/* With adoption what runs outlives this process: nobody is to end it with us. */
static int run_file(struct call *call)
{
    struct site site = {.call = call, .names = call->operands, .name_count = call->operand_count};
    int code = config_read(call, value_of(call, OPTION_FILE), &site.config);
    for (int i = 0; code == EXIT_OK && i < site.name_count; i++)
        if (!config_find(&site.config, site.names[i])) {
            complain(call, "%s has no program \"%s\"", site.config.file, site.names[i]);
            code = EXIT_NOT_FOUND;
        }
    if (code == EXIT_OK)
        code = site.config.options.flags & KIN_SUPERVISE_ADOPT ? site_run(&site) : look_after_site(&site);
    config_free(&site.config);
    return code;
}

int cmd_run(struct call *call)
{
    if (!call->cmd)
        return run_file(call);
    if (call->operand_count > 0)
        return usage_error(call, "names of programs and a CMD at once: a CMD needs no file");
    return look_after(call);
}
