/* Messages and texts as JSON. */
#pragma once
#include "command.h"

/* Text in quotes; a byte that is no UTF-8 becomes a question mark. */
void print_json_string(FILE *out, const char *text, uint64_t length);
/* One line: an object of sequence, type, priority, attempts, length, and data; for what is no UTF-8, base64. */
void print_json(FILE *out, const struct kin_message *message);
