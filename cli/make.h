/* What the kin mk commands share. */
#pragma once
#include "command.h"

/* Opens the domain; if it did not exist before, says once what logind will do to it. */
int open_domain_to_make(const struct call *call, kin_domain **out);
/* Says so where objects are deleted when this user logs out. */
void warn_of_remove_ipc(const struct call *call);
