/* The three things that kin lock does. */
#pragma once
#include "command.h"

/* kin lock --who FILE: a table. */
int lock_who(struct call *call);
/* kin lock --name NAME [CMD]. */
int lock_by_name(struct call *call);

/* Tells the user that `what` ("\"FILE\"", "descriptor 3") is locked, and by whom. */
void complain_of_holders(const struct call *call, const char *what, int fd, const struct kin_filelock_options *how);

/* The time that -n or -w leaves from now on. */
int lock_deadline(const struct call *call, kin_time *out);
/* The exit code of a lock that others hold: --conflict-exit-code, or the usual one. */
int conflict_code(const struct call *call, int usual, int *out);
/* The words behind the operands in `words`: a -- that need not be, or -c with a line for the shell. */
int lock_cmd(struct call *call, char **words);
