/* Messages and texts as JSON. */
#pragma once
#include "command.h"

/* Text in quotes; a byte that is no UTF-8 becomes a question mark. */
void print_json_string(FILE *out, const char *text, uint64_t length);
/* One line: an object of sequence, type, priority, attempts, length, and data; for what is no UTF-8, base64. */
void print_json(FILE *out, const struct kin_message *message);
/* The same, with when it was taken before it, and the inode of the queue that it was taken from. */
void print_record(FILE *out, const struct kin_message *message, const struct timespec *when, uint64_t queue);
/* The bytes, and behind them what --whole and --null ask for. */
void print_plain(const struct call *call, const void *data, uint64_t length);
/* One line: an object of topic, position, missed, type, time if the topic has times, length, and data or base64. */
void print_sample(FILE *out, const char *topic, const struct kin_sample *sample, const void *data);
