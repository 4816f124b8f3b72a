/* kin/arena.h - memory to allocate inside a segment, that outlives whoever allocates.
 *
 * An arena hands out blocks of a segment's memory by their offset in it, which is the same in every process; 0 is none.
 * Every block begins on a cache line. Each call is done or not begun, whatever instruction its caller is killed at: no
 * block is lost, none is given twice, no list is torn.
 *
 * A block belongs to the process that allocated it, and comes back when that process ends, however it ends: at the
 * latest when somebody finds no room. So nothing leaks between an allocation and its use. What shall last is given to
 * nobody; best in the same step in which it becomes part of a structure:
 *
 *     uint64_t *head = kin_arena_root(arena, 0), first = *head, node;
 *     kin_arena_alloc(arena, sizeof(struct node), 0, &node);
 *     ((struct node *)kin_arena_at(arena, node))->next = first;
 *     kin_arena_commit(arena, head, first, node, node, 0);          push: the word and the owner change as one
 *
 *     kin_arena_commit(arena, head, first, second, 0, first);       pop: now `first` is mine
 *     kin_arena_free(arena, first);
 *
 * Words that kin_arena_commit changes must be changed by it alone; anybody may read them. It fails with -EAGAIN when
 * somebody else was faster; not when the word has meanwhile changed and changed back. So where several take out, or
 * where a structure is more than one word, hold a lock (kin/lock.h) around what was read and the commit. Whoever gets
 * that lock with KIN_RECOVERED finds such a structure whole.
 *
 * A few small blocks that a process frees it keeps for its next allocations, without taking the arena's lock; they
 * count as free. kin_arena_reclaim and kin_arena_close give them to everybody.
 *
 * The arena takes from its segment what is there, and where the segment can grow (bytes_max), lets it. */
#ifndef KIN_ARENA_H
#define KIN_ARENA_H

#include <kin/segment.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_arena kin_arena;

#define KIN_ARENA_ROOTS 64
#define KIN_ARENA_LEAST 16384 /* bytes that an arena needs */

enum kin_arena_flag { KIN_ARENA_KEEP = 1 }; /* blocks of the dead stay until somebody gives or frees them */

struct kin_arena_options {
    size_t size;
    unsigned flags;  /* of enum kin_arena_flag */
    uint64_t offset; /* where in the segment, a multiple of 64; 0 is its begin */
    uint64_t bytes;  /* 0: to its end, and with it when it grows */
};
#define KIN_ARENA(...) (&(struct kin_arena_options){.size = sizeof(struct kin_arena_options), __VA_ARGS__})

/* Makes an arena in the segment's memory. For a segment's `setup`, or before any other process may see it. -EINVAL: not
 * in the segment, or not at a multiple of 64; -EMSGSIZE: less than KIN_ARENA_LEAST. */
int kin_arena_init(kin_segment *segment, const struct kin_arena_options *options);

/* Opens the arena at that offset. The segment must stay open. -EBADMSG: there is none. */
int kin_arena_open(kin_segment *segment, uint64_t offset, kin_arena **out);
void kin_arena_close(kin_arena *arena);

/* Allocates at least so many bytes, not zeroed, at a multiple of `align` (a power of two; 0: 64). -ENOMEM: no room, and
 * the remedy.
 * Death: the block comes back. */
int kin_arena_alloc(kin_arena *arena, uint64_t bytes, uint64_t align, uint64_t *out);

/* Frees a block of this process, of the dead, or of nobody. -EINVAL: no block begins there; -EPERM: another living
 * process has it.
 * Death: it is free, or as it was, bytes and all. */
int kin_arena_free(kin_arena *arena, uint64_t block);

/* Another size for a block of this process: in its place where it can, else moved, which changes *out. A block of
 * nobody only in its place, else -EPERM: allocate, copy, and commit.
 * Death: the block comes back; of nobody: it has one of both sizes. */
int kin_arena_realloc(kin_arena *arena, uint64_t block, uint64_t bytes, uint64_t *out);

/* Gives a block of this process, of the dead or of nobody, to another process that uses kin in this domain; 0: to
 * nobody, it stays until it is freed. -ESRCH: no such process; -EPERM: another living process has it.
 * Death: it has one of both owners. */
int kin_arena_give(kin_arena *arena, uint64_t block, pid_t to);

/* In one step: the word changes from `from` to `to`, block `give` goes to nobody, and block `take` to this process; 0:
 * none. The word is anywhere in the segment, at a multiple of 8. -EAGAIN: it is not `from`; -EINVAL: both are the same;
 * -EPERM.
 * Death: all of it happened, or nothing. */
int kin_arena_commit(kin_arena *arena, uint64_t *word, uint64_t from, uint64_t to, uint64_t give, uint64_t take);

/* Word 0 to KIN_ARENA_ROOTS - 1, zero at first, where others find a structure. NULL: there is no such. */
uint64_t *kin_arena_root(kin_arena *arena, unsigned number);

/* Where the block is in this process; NULL when the offset is none in the segment. The way back is the difference to
 * kin_segment_data. */
void *kin_arena_at(const kin_arena *arena, uint64_t block);

/* How many bytes it has. -EINVAL: no block begins there. */
int kin_arena_usable(kin_arena *arena, uint64_t block, uint64_t *out);

/* Frees now what dead processes left; returns how many blocks.
 * Death: some of it is done. */
int64_t kin_arena_reclaim(kin_arena *arena);

struct kin_arena_block {
    uint64_t offset, bytes;
    int used;    /* 0: it is free */
    pid_t owner; /* 0: nobody */
    int alive;   /* the owner */
};
/* Calls visit for each block, used and free, as they were at one moment, until it returns other than 0, and returns
 * that. */
int kin_arena_each(kin_arena *arena, int (*visit)(void *context, const struct kin_arena_block *block), void *context);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
