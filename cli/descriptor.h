/* Descriptors as the user names them. */
#pragma once
#include "command.h"

/* An open descriptor by its number, or a file: <PATH, >PATH, >>PATH. `what` begins the message: "--fd: ", or nothing.
 * Returns the exit code. */
int descriptor_of(const struct call *call, const char *what, const char *text, int *out);
