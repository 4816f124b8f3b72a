/* What is said of transfers that fail. */
#ifndef STREAM_TRANSFER_H
#define STREAM_TRANSFER_H

#include <stdbool.h>

/* The sentence for a failed read or write; returns the error. */
int transfer_failed(int fd, bool writing, int error);

#endif
