/* A named object: a segment with the domain that gives it its lives. The six headings are in segment/segment.h. */
#ifndef LIFE_OBJECT_H
#define LIFE_OBJECT_H

#include "life/domain.h"

struct object {
    struct segment segment;
    kin_domain *domain;
    uint64_t id;
};

struct object_birth {
    uint32_t kind, layout, header_bytes;
    unsigned flags; /* of enum kin_open */
    unsigned mode;
    bool whole, may_only_read; /* as in struct segment_opening */
    unsigned seals;            /* of one without a name */
    int (*fill)(void *context, struct segment *segment);
    void *context;
};

/* Opens the object, or makes it by `birth` as its flags say. The handle keeps the domain. */
int object_open(kin_domain *given, const char *name, const struct object_birth *birth, struct object *out);
/* The same without a name, and behind a descriptor that was handed on. */
int object_make_nameless(kin_domain *given, const struct object_birth *birth, struct object *out);
int object_open_fd(kin_domain *given, int fd, const struct object_birth *birth, struct object *out);
void object_close(struct object *object);

/* -EINVAL, -ENAMETOOLONG with a sentence, or 0. */
int object_check_name(const char *name);
/* The path of the object's file. */
int object_path(const kin_domain *domain, const char *name, char *path, size_t size);

/* 0, or -EIDRM with a sentence: it, or its whole domain, was removed. The plain look is one load; the thorough one asks
 * the file system too. */
int object_removed(struct object *object, bool thorough);

/* The kind in the header of an object that may not be read from here; all else in it is 0, as in one that is none. */
#define OBJECT_UNREADABLE UINT32_MAX

/* Calls visit with each object's name and header until it returns other than 0. */
int object_each(kin_domain *domain, int (*visit)(void *context, const char *name, const struct segment_header *header),
                void *context);

#endif
