/* Rows of kin ls: what those of kin and all others have in common. */
#pragma once
#include "table.h"
#include "select.h"

/* The first of those that have an object, as HOLDERS shows them. */
struct holders {
    char text[128];
    size_t used, more;
    pid_t last;
};
void holders_add(struct holders *holders, const struct kin_party *party);
void row_holders(struct table *table, struct holders *holders);
void row_owner(struct table *table, unsigned mode, uid_t uid, gid_t gid);

/* Objects that are not kin's: those of the kinds, and those that are named. */
int ls_ipc(const struct call *call, struct table *table, const struct selection *chosen);
