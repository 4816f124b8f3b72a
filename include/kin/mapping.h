/* kin/mapping.h - a part of a file as memory.
 *
 * For files that are not kin's: data on disk, a device, a memfd that somebody handed on. Offset and length need not be
 * whole pages. Shared, what is written goes to the file and to all who map it; private, it stays with this process.
 *
 *     kin_mapping *mapping;
 *     kin_mapping_open("words.txt", NULL, &mapping);                           all of it, for reading
 *     fwrite(kin_mapping_data(mapping), 1, kin_mapping_bytes(mapping), stdout);
 *
 * The trap of mapped files is that somebody makes the file shorter: touching what is gone ends the process by SIGBUS.
 * kin_mapping_read and kin_mapping_write find it by -EIO instead. No signal handler is involved. */
#ifndef KIN_MAPPING_H
#define KIN_MAPPING_H

#include <kin/base.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_mapping kin_mapping;

enum kin_mapping_flag {
    KIN_MAPPING_WRITE = 1,
    KIN_MAPPING_PRIVATE = 2, /* copy on write: the file stays as it is */
    KIN_MAPPING_EXECUTE = 4,
    KIN_MAPPING_EXTEND = 8, /* makes the file, if it is missing, and makes it long enough, its room reserved on disk */
};

/* What the pages will be used for. */
enum kin_advice {
    KIN_ADVICE_NORMAL,
    KIN_ADVICE_RANDOM,
    KIN_ADVICE_SEQUENTIAL,
    KIN_ADVICE_WILL_NEED, /* read ahead now */
    KIN_ADVICE_DONT_NEED, /* what was written privately is lost */
    KIN_ADVICE_HUGE
};

struct kin_mapping_options {
    size_t size;
    unsigned flags; /* of enum kin_mapping_flag */
    unsigned mode;  /* of a file that is made, default 0600 */
    uint64_t offset;
    uint64_t bytes; /* 0: to the end of the file */
    void *address;  /* where the page with the first byte is to be, if nothing lies there; NULL: anywhere */
};
#define KIN_MAPPING(...) (&(struct kin_mapping_options){.size = sizeof(struct kin_mapping_options), __VA_ARGS__})

/* Maps part of a file. -ENODATA: it has no such bytes; -ENODEV: it cannot be mapped; -EEXIST: something lies at the
 * address; -EINVAL: no page begins there. */
int kin_mapping_open(const char *path, const struct kin_mapping_options *options, kin_mapping **out);
/* The same of an open file; the descriptor stays yours, and may be closed. */
int kin_mapping_open_fd(int fd, const struct kin_mapping_options *options, kin_mapping **out);
/* Unmaps. What was written shared is in the file; on disk for certain only after kin_mapping_sync. */
void kin_mapping_close(kin_mapping *mapping);

/* The first byte. Fork: valid in the child. Signals: async-signal-safe. */
void *kin_mapping_data(const kin_mapping *mapping);
uint64_t kin_mapping_bytes(const kin_mapping *mapping);

/* Copy out of it, and into it. -EIO: the file was cut off, at which byte the sentence tells; -ERANGE: outside the
 * mapping; -EROFS: mapped for reading. */
int kin_mapping_read(const kin_mapping *mapping, uint64_t offset, void *buffer, uint64_t count);
int kin_mapping_write(kin_mapping *mapping, uint64_t offset, const void *data, uint64_t count);

/* Returns when what was written to these bytes, 0: to all behind the offset, is on disk. */
int kin_mapping_sync(kin_mapping *mapping, uint64_t offset, uint64_t bytes);
int kin_mapping_advise(kin_mapping *mapping, uint64_t offset, uint64_t bytes, enum kin_advice advice);
/* Keeps it from being swapped out. -ENOMEM with the limit. */
int kin_mapping_pin(kin_mapping *mapping);
/* Moves it elsewhere, as kin_segment_move. */
int kin_mapping_move(kin_mapping *mapping, void *address);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
