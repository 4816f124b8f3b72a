/* kin/segment.h - shared memory: by name, or handed on.
 *
 * A segment is memory whose bytes all processes that attach it share. It is born whole: sized, zeroed, set up by
 * `setup`, then linked into place, so nobody ever sees one that is half made. Its pages are reserved at birth: where
 * the tmpfs is full that is -ENOSPC, and not a SIGBUS later.
 *
 *     struct account { kin_lock lock; long balance; };
 *     kin_segment *segment;
 *     kin_segment_open(NULL, "account", KIN_SEGMENT(.bytes = sizeof(struct account), .setup = setup), &segment);
 *     struct account *account = kin_segment_data(segment);
 *
 * Three ways to one: by name in a domain; without a name (NULL), for the children that fork() makes, who find it at the
 * same address; or by a descriptor that somebody handed on (kin_segment_fd, kin_segment_open_fd). Memory without a name
 * is a memfd sealed against shrinking: whoever has the descriptor cannot make it shorter under the others. It goes with
 * its last user. One with a name stays until kin_remove.
 *
 * The address differs between processes: store offsets, not pointers. A forked child has its parent's.
 *
 * Writers who change the same bytes need a lock (kin/lock.h); memory alone puts nothing in order.
 *
 * Growth. One made with `bytes_max` can grow that far while others use it: address space for all of it is set aside at
 * attachment, so no pointer ever moves, and what somebody has made longer the others reach at once.
 *
 * Removal. kin_remove takes the name away at once: nobody can attach any more, and who tries to make one of that name
 * makes another. The memory stays for those who have it until the last of them has closed it, or died. Nothing counts
 * them for this but the kernel, so no death can leave it behind.
 *
 * A file that is not a segment is mapped by kin/mapping.h. */
#ifndef KIN_SEGMENT_H
#define KIN_SEGMENT_H

#include <kin/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_segment kin_segment;

/* Beside those of enum kin_open. */
enum kin_segment_flag {
    /* Of an attachment. */
    KIN_SEGMENT_READ_ONLY = 0x100,  /* writing is SIGSEGV; permission to read is enough. No locks of kin in it */
    KIN_SEGMENT_EXECUTABLE = 0x200, /* -EACCES where the tmpfs is mounted noexec; memory without a name never is */
    KIN_SEGMENT_ROUND = 0x400,      /* `address` may be anything: it is rounded down to a page */
    KIN_SEGMENT_HUGE = 0x800,       /* asks for huge pages; kin_segment_status tells how much was given */
    /* Of a new one. */
    KIN_SEGMENT_NO_RESERVE = 0x1000,  /* pages come when they are touched; on a full tmpfs that is SIGBUS */
    KIN_SEGMENT_SOLE_WRITER = 0x2000, /* without a name: whoever gets the descriptor can only read */
};

struct kin_segment_options {
    size_t size;
    unsigned flags; /* of enum kin_open and enum kin_segment_flag */
    unsigned mode;  /* default 0600 */
    uint64_t bytes; /* of a new segment; of an old one the least that it must have, 0: any */
    /* Runs once, in the process that makes the segment, before anybody else can see it. */
    int (*setup)(void *context, kin_segment *segment);
    void *context;
    uint64_t bytes_max; /* of a new segment: how far it can grow; 0: not at all */
    void *address;      /* where the first byte is to be; NULL: anywhere. The page before it must be free too */
};
#define KIN_SEGMENT(...) (&(struct kin_segment_options){.size = sizeof(struct kin_segment_options), __VA_ARGS__})

/* Opens or makes a segment; a name of NULL makes one without. -EINVAL: no bytes given for a new one, or no page begins
 * at the address; -EMSGSIZE: the old one is smaller; -ENOSPC: the tmpfs is full; -EEXIST: something lies at that
 * address; -ENOMEM: no address space for bytes_max.
 * Death: a maker's leaves nothing; an attached one's is no longer counted. */
int kin_segment_open(kin_domain *domain, const char *name, const struct kin_segment_options *options,
                     kin_segment **out);

/* Attaches one by its descriptor, which stays yours. Only address and the flags of an attachment are looked at.
 * -EMEDIUMTYPE: no segment; -EPERM: its length can be cut by others; -EACCES: it can only be read;
 * -EPROTO: it belongs to another domain. */
int kin_segment_open_fd(kin_domain *domain, int fd, const struct kin_segment_options *options, kin_segment **out);
void kin_segment_close(kin_segment *segment);

/* The descriptor, close-on-exec, to be handed on by a socket or to a child. It belongs to the handle. */
int kin_segment_fd(kin_segment *segment);

/* The first byte, at the begin of a page; the same for all calls on this handle.
 * Fork: valid in the child, at the same address. Signals: async-signal-safe. */
void *kin_segment_data(const kin_segment *segment);
/* How many there are now. Signals: async-signal-safe. */
uint64_t kin_segment_bytes(const kin_segment *segment);

/* Makes it at least so long. -ENOSPC: above its bytes_max, or the tmpfs is full; -EROFS: attached for reading only.
 * Death: it has grown, or not. */
int kin_segment_grow(kin_segment *segment, uint64_t bytes);

/* Moves this process's view elsewhere: to `address`, or NULL: anywhere. -EEXIST: something lies there; -EINVAL: no
 * page begins there. All pointers into it are void: no other thread may use the handle meanwhile. */
int kin_segment_move(kin_segment *segment, void *address);

/* Keeps its pages from being swapped out, those that there are now. -ENOMEM with the limit. */
int kin_segment_pin(kin_segment *segment);
void kin_segment_unpin(kin_segment *segment);

/* Copies out, and finds by -EIO instead of SIGBUS memory that is not there: somebody has cut the file off, or the tmpfs
 * is full. 0: all was copied. -ERANGE: beyond the end. */
int kin_segment_read(const kin_segment *segment, uint64_t offset, void *buffer, uint64_t count);

/* Copies in, likewise. -EROFS: attached for reading only.
 * Death: part of it may be written, from the front. */
int kin_segment_write(kin_segment *segment, uint64_t offset, const void *data, uint64_t count);

struct kin_segment_status {
    uint64_t bytes, bytes_max;
    uint64_t reserved;  /* memory that it takes, its header too */
    uint64_t huge;      /* bytes that lie in huge pages of this process; 0: none was given */
    uint32_t attached;  /* open handles of living processes; a forked child's count once it opens for itself */
    uint32_t flags;     /* KIN_SEGMENT_NO_RESERVE, or 0 */
    pid_t creator;      /* as their own PID namespaces number them */
    pid_t last;         /* who attached or detached last */
    int64_t created;    /* CLOCK_REALTIME, ns; 0: never */
    int64_t attached_at, detached_at; /* the last time. A death is no detachment */
    int64_t changed_at; /* made or grown */
};
/* Who may only read the file leaves no times. */
int kin_segment_status(kin_segment *segment, struct kin_segment_status *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
