/* A recording: the messages of a queue in a file, a line of JSON each, as kin recv -J prints them, with when and from
 * which queue they were taken. */
#pragma once
#include "command.h"

struct record {
    int64_t time;      /* CLOCK_REALTIME, ns; 0: the line has none */
    uint64_t queue;    /* inode of the queue; 0: the line has none */
    uint64_t sequence; /* 0: the line has none */
    int64_t type;
    uint32_t priority;
    void *data;
    uint64_t length;
};

/* Reads a line, whose final newline is left out. Returns false, with a sentence in problem, for what is none. */
bool record_read(const char *line, size_t length, struct record *out, char problem[200]);
void record_free(struct record *record);
