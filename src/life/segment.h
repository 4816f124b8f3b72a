/* kin_segment: an object whose bytes are the user's. They begin on the second page of the file. */
#ifndef LIFE_SEGMENT_H
#define LIFE_SEGMENT_H

#include "life/object.h"
#include <kin/lock.h>

#define SEGMENT_DATA_AT 4096u

struct data_header {
    struct segment_header base;
    uint64_t bytes;
};

struct kin_segment {
    struct object object;
    char *data;
    uint64_t bytes;
    kin_repair repair;
    void *repair_context;
};

/* As kin_segment_open, for an object of the given kind. */
int segment_handle_open(kin_domain *domain, const char *name, unsigned kind, const struct kin_segment_options *options,
                        kin_segment **out);

#endif
