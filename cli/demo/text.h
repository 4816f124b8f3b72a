/* The text of kin demo: files in one piece of memory, cut between words. */
#pragma once
#include "command.h"

struct piece {
    size_t offset, length;
};

struct text {
    char *data;
    size_t length, room, files;
    struct piece *pieces;
    size_t piece_count, longest;
};

/* Reads the files, and those below the folders: no hidden ones, no links, none with NUL bytes. */
int text_read(const struct call *call, char *const *paths, struct text *out);
void text_free(struct text *text);
