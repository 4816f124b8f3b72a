/* Looks after one CMD as an init does: passes signals on, reaps whoever has lost his parent, ends what CMD has left. */
#pragma once
#include "command.h"

/* The exit code: CMD's, 128+N, 126 or 127. */
int look_after(const struct call *call);

/* The same for a supervisor: it is ended with all below it when it or we are killed. */
struct site;
int look_after_site(struct site *site);
