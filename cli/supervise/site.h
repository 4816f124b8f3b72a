/* The supervisor of a configuration, as a process that does nothing else. */
#pragma once
#include "config.h"

struct site {
    const struct call *call;
    struct config config;
    char **names; /* what is to be started; none: all */
    int name_count;
};

/* Until all is over or stopped. The exit code. */
int site_run(struct site *site);
/* The control socket of a supervisor that has none of its own. */
void site_control(kin_domain *domain, const char *name, char control[108]);
