/* Which objects a command is about: the kinds and names that are its operands. */
#pragma once
#include "see.h"

struct selection {
    unsigned kin_kinds; /* a bit for each of enum kin_kind */
    unsigned ipc_kinds; /* a set, as in see.h */
    unsigned ipc_names; /* the set of those of which some are named, as KIND:NAME */
    bool kin_names;     /* some of kin's are named */
};

/* No operand means all kinds of kin. */
void select_operands(const struct call *call, struct selection *out);
/* The name of an object of kin, which "kin:NAME" is, whatever NAME is; NULL: the word is a kind, or KIND:NAME. */
const char *name_of_kin(const char *word);
