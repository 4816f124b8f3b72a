/* A file that is shared memory: its birth, its header, its parts that are mapped as they come.
 *
 * An object is built in a file without a name, sized, filled, and linked into its directory when it is whole. Nobody
 * ever meets one that is half made, and a builder's death leaves nothing.
 *
 * Layout   segment_header, then the kind's own header up to `header_bytes`, then the extents of its tables (table.h).
 * States   nameless -> named -> removed (the flag) and unlinked. One that is handed on by its descriptor alone (memfd)
 *          stays nameless; it is sealed against shrinking when it is whole.
 * Always   everything but `removed` is constant after birth; slow if `removed` is unset after the unlink (waiters learn
 *          it at the backstop), wrong never.
 * Order    `removed` is stored before the unlink; whoever was woken looks at it under the object's lock.
 * Death    before linkat: the file vanishes with its last descriptor. After: it is whole.
 * Tests    tests/crash/sweep_life. */
#ifndef SEGMENT_SEGMENT_H
#define SEGMENT_SEGMENT_H

#include <kin/domain.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SEGMENT_MAGIC UINT64_C(0x00314e494b6d6873) /* "shmKIN1" */
#define SEGMENT_VERSION 1u
#define SEGMENT_HEADER_MAX (1u << 20)

struct segment_header {
    uint64_t magic;
    uint32_t version;
    uint32_t layout; /* hash of the kind's structures: sizes and offsets */
    uint64_t id;     /* unique in the domain, never used again */
    uint64_t domain; /* id of the domain it was born in */
    int64_t created; /* CLOCK_REALTIME, ns */
    uint32_t kind;
    uint32_t header_bytes;
    uint32_t removed;
    uint32_t spare[3];
};
_Static_assert(sizeof(struct segment_header) == 64, "one layout for 32 and 64 bits");

struct table;

/* This process's view of one. */
struct segment {
    struct segment_header *header;
    uint32_t header_bytes; /* checked copy */
    bool nameless;         /* a memfd */
    bool read_only;        /* the file could not be opened for writing: neither can the header be written */
    uint64_t mapped;       /* how much is mapped from `header` on: the header, or more */
    int fd;                /* may have been closed by the application: use segment_fd() */
    dev_t device;
    ino_t inode;
    char *path;
    struct table *tables[8]; /* all tables of the file, so that growth knows where it ends */
    unsigned table_count;
};

struct segment_birth {
    uint32_t kind;
    uint32_t layout;
    uint32_t header_bytes;
    uint32_t mode;
    unsigned seals; /* F_SEAL_*, of one without a path when it is whole */
    uint64_t id, domain;
    /* Fills the file before anybody sees it. */
    int (*fill)(void *context, struct segment *segment);
    void *context;
};

/* Makes the file; without a path a nameless one. -EEXIST: the name is taken; -ENOSPC with the remedy. */
int segment_create(const char *path, const struct segment_birth *birth, struct segment *out);

struct segment_opening {
    uint32_t kind, layout; /* kind 0: any */
    bool whole;            /* map all of the file, not the header alone */
    bool may_only_read;    /* is content with a file that cannot be opened for writing */
};

/* Opens one. -ENOENT, -EACCES; -EMEDIUMTYPE: no object of kin; -EPROTO: other layout; -EINVAL: another kind. */
int segment_open_as(const char *path, const struct segment_opening *opening, struct segment *out);

/* The same behind a descriptor, which stays the caller's. */
int segment_open_fd(int fd, const struct segment_opening *opening, struct segment *out);

static inline int segment_open(const char *path, uint32_t kind, uint32_t layout, struct segment *out)
{
    return segment_open_as(path, &(struct segment_opening){.kind = kind, .layout = layout}, out);
}

void segment_close(struct segment *segment);

/* A descriptor of the file, opened anew by its path if the application closed ours. -ESTALE: neither is to be had. */
int segment_fd(struct segment *segment);

/* 1: nobody can open it by name any more. */
int segment_is_gone(struct segment *segment);

/* The hash of sizes and offsets that `layout` is. */
uint32_t segment_layout(const uint32_t *numbers, unsigned count);
#define SEGMENT_LAYOUT(...)                                                                                            \
    segment_layout((const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

#endif
