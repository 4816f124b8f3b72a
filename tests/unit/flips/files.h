/* The files of the scene: kept, spoilt, restored. */
#ifndef TESTS_FILES_H
#define TESTS_FILES_H

#include <stdbool.h>
#include <stdint.h>

enum { FILE_DOMAIN, FILE_QUEUE, FILE_DEAD, FILE_SEGMENT, FILE_SET, FILES };

struct kept {
    char path[128];
    uint64_t bytes;
    unsigned char *image; /* as it was */
};

void files_keep(const char *directory, struct kept files[FILES]);
/* As they were, also where a round removed or enlarged one. */
void files_restore(const struct kept files[FILES]);
void files_write(const struct kept *file, uint64_t offset, const void *bytes, uint64_t count);
void files_drop(struct kept files[FILES]);

/* A part of a file to spoil: every `step`th bit of it. */
struct part {
    unsigned file;
    uint64_t offset, bytes;
    unsigned step;
    bool thorough; /* listings look at it too */
    const char *name;
};

/* What must be spoilt bit by bit, and the rest sampled. Everything, if `all`. Returns how many parts. */
#define PARTS_MAX 128
unsigned files_parts(const struct kept files[FILES], bool all, struct part parts[PARTS_MAX]);

#endif
