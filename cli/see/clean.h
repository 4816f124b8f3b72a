/* kin clean: what is left of objects that are not kin's. */
#pragma once
#include "table.h"
#include "see.h"

struct clean {
    unsigned kinds;
    int64_t older; /* ns; -1: not given */
    size_t count;  /* of what was found, or removed */
    size_t undecided, unknown;
};

int clean_options(const struct call *call, struct clean *out);
int clean_ipc(const struct call *call, struct table *table, struct clean *clean);
