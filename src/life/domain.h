/* The domain file: who lives, what the living and the dead hold, and one word that rings when somebody dies.
 *
 * Each thread that uses kin has a *life*: a record whose first word holds its TID and is linked into libc's robust
 * list. When the thread ends in any way but an orderly one, the kernel turns that word into OWNER_DIED. What a thread
 * takes is named in its life before it is taken, so whoever meets something held by a dead life finds there all that he
 * must know to put it right. What belongs to a process as a whole (leases, loans, borrows) is held in the name of a
 * process record, which is dead when all its lives are and the process is proved to be ending.
 *
 * The obituary word, `obit`, is always 0. Every thread tells the kernel that it has an operation pending on it
 * (list_op_pending), so at any death the kernel wakes one sleeper on it, who announces: he marks each dead life that is
 * not yet ANNOUNCED, and if he marked any, wakes everybody on obit. Each so woken looks after his own object.
 *
 * Layout   below. One file `domain` in the directory; lives and processes are growing tables (segment/table.h).
 * States   of a life's {word, stamp}: free {0, g} -> living {TID|WAITERS, g} -> dead {OWNER_DIED, g} -> announced
 *          {OWNER_DIED, g|ANNOUNCED} -> free {0, g + 1}. Orderly: living -> free {0, g + 1}.
 *          Of a process's stamp: free {g} -> used {g|USED} -> dead {g|USED|DEAD} -> free {g + 1}.
 * Always   a life names what it holds (op.object, holds[], its process's holds[]) from before it takes it until after
 *          it gave it back. A name too many is slow, one too few wrong. ANNOUNCED unset is slow (one more wake-all),
 *          set early wrong. obit other than 0 is slow (a death rings nobody) and is set back to 0 by whoever sees it.
 * Order    attach: fill the record, pending = &word, CAS word, link, pending = obit: all under the file lock of the
 *          domain, so that no other thread with our TID (another PID namespace) may claim the word we point at.
 *          announce: ANNOUNCED before the wake; if the announcer dies between, his own death rings.
 * Death    while attaching: the kernel marks the word that pending points at. A process record claimed by one who died
 *          before his life was: found by pid and start time again, or proved dead and freed by the sweep.
 * Tests    tests/unit/life, tests/crash/sweep_life, model/lock.pml, model/lease.pml. */
#ifndef LIFE_DOMAIN_H
#define LIFE_DOMAIN_H

#include "segment/segment.h"
#include "segment/table.h"
#include <kin/domain.h>
#include <pthread.h>

#define DOMAIN_FILE "domain"
#define WITNESS_FILE "witness"
#define BELL_PREFIX "bell."
#define OBJECT_SUFFIX ".kin"

/* Ids name a life or a process in lock words and message states: index, generation, and room for two flags. */
#define ID_INDEX_BITS 17
#define ID_GENERATION_BITS 13
#define ID_INDEX(id) ((id) & ((1u << ID_INDEX_BITS) - 1))
#define ID_GENERATION(id) ((id) >> ID_INDEX_BITS & GENERATION_MASK)
#define ID_MASK ((1u << (ID_INDEX_BITS + ID_GENERATION_BITS)) - 1)
#define GENERATION_MASK ((1u << ID_GENERATION_BITS) - 1)
#define ID_MAKE(index, generation) ((index) | ((generation)&GENERATION_MASK) << ID_INDEX_BITS)

#define LIVES_MAX ((1u << 17) - 1) /* so that no id is all ones */
#define RECORDS_FIRST 6u           /* log2 of the records in the first extent of lives, and of processes */

/* A life's word, as the kernel knows it (linux/futex.h). */
#define WORD_WAITERS 0x80000000u
#define WORD_OWNER_DIED 0x40000000u
#define WORD_TID 0x3fffffffu
#define WORD_IS_DEAD(word) (((word) & ~WORD_WAITERS) == WORD_OWNER_DIED)

#define LIFE_ANNOUNCED 0x80000000u

enum witness {
    WITNESS_ROBUST = 1, /* the kernel marks the life's word */
    WITNESS_TASK = 2    /* nobody does: /proc and a byte lock are asked */
};

/* What an operation is about to change in the object it works on. The object's room gives the words their meaning, and
 * replays or drops it if the owner dies; a thief copies it before he steals. */
struct op {
    uint64_t object; /* id of the object whose lock is being taken or held */
    uint32_t kind;   /* 0: nothing under way */
    uint32_t slot;
    uint64_t spare;
    uint64_t after; /* the slot's state from the commit on */
    uint32_t words[8];
};
_Static_assert(sizeof(struct op) == 64, "one cache line");

/* The commit record of done-and-send: two queues change as one. */
struct finish {
    uint64_t committed; /* 1 from the commit until both queues are settled */
    uint64_t job_object, job_sequence;
    uint64_t result_object;
    uint32_t job_slot, result_slot;
    uint64_t spare[3];
};
_Static_assert(sizeof(struct finish) == 64, "one cache line");

/* A lock of the user's: the segment it is in, and where. */
struct hold {
    uint64_t object;
    uint64_t offset;
};
#define HOLDS_MAX 16u

struct life {
    uint32_t word;
    uint32_t stamp;
    unsigned char node[40]; /* the entry of the robust list lies in here, where this libc wants it */
    uint32_t process;       /* id of its process record */
    uint32_t tid;
    uint32_t witness;
    uint32_t spare_word;
    struct op op;
    struct finish finish;
    uint64_t waits_for;  /* id of the object it sleeps on, 0: none. For those who look */
    uint64_t waits_at;   /* and where in it, */
    uint32_t waits_what; /* and for what there: of a semaphore its number, and WAITS_ZERO */
    uint32_t rung;       /* its bell (life/bell.h) */
    uint32_t waits_turn; /* counts its sleeps */
    uint32_t spare_half;
    uint64_t spare[4];
    struct hold holds[HOLDS_MAX];
};
_Static_assert(sizeof(struct life) == 512 && offsetof(struct life, op) == 64, "one layout for 32 and 64 bits");
#define LIFE_SHIFT 9
#define WAITS_ZERO 0x80000000u
#define WAITS_NUMBER(what) ((what) & 0xffffu)

#define PROCESS_USED 0x80000000u
#define PROCESS_DEAD 0x40000000u
#define PROCESS_HOLDS_MAX 20u

struct process {
    uint32_t stamp; /* generation, PROCESS_USED, PROCESS_DEAD */
    uint32_t pid;
    uint64_t start;       /* clock ticks since boot */
    uint64_t name_space;  /* the PID namespace that pid counts in */
    uint32_t recent_life; /* index of a life of it: the first to be asked */
    uint32_t many;        /* 1: it holds things of more objects than `holds` has room for */
    char command[16];
    uint64_t attached; /* 1: it has, or had, attachments */
    uint64_t spare[5];
    uint64_t holds[PROCESS_HOLDS_MAX]; /* ids of the objects that it has, or had, something of */
};
_Static_assert(sizeof(struct process) == 256, "one layout for 32 and 64 bits");
#define PROCESS_SHIFT 8

/* An open handle of a segment (life/attach.h). */
struct attachment {
    uint64_t object; /* id */
    uint32_t process;
    uint32_t spare;
};
_Static_assert(sizeof(struct attachment) == 16, "one layout for 32 and 64 bits");
#define ATTACHMENT_SHIFT 4
#define ATTACHMENTS_FIRST 8u /* log2: a page */
#define ATTACHMENTS_MAX (1u << 22)

#define LOG_ENTRIES 256u
struct log_entry {
    uint64_t number; /* stored last; 0 while it is being written */
    int64_t when;
    uint64_t object;
    uint32_t pid, tid, settler, kind;
    char command[16];
    char name[32];
    char held[24];
    uint64_t spare[2];
};
_Static_assert(sizeof(struct log_entry) == 128, "one layout for 32 and 64 bits");

struct domain_header {
    struct segment_header base;
    uint32_t obit;
    uint32_t bells;  /* doorbells armed anywhere in the domain, ever: 0 saves the announcer a walk */
    uint32_t deaths; /* announcements and removals so far: who sees another number looks at what he holds dear */
    uint32_t spare[13];
    int64_t reserved;
    uint64_t next_object;
    uint64_t logged;
    uint32_t life_cursor, process_cursor;
    uint64_t unused[4];
    struct table_header lives;
    struct table_header processes;
    struct table_header attachments;
    struct log_entry log[LOG_ENTRIES];
};

/* This process's handle: one a domain, with a count of handles given out and of lives that its threads have in it. */
struct kin_domain {
    struct segment segment;
    struct domain_header *shared;
    struct table lives, processes, attachments;
    /* Wiped by the kernel in a child of fork: the id of this process's record, 0 when it has none. */
    uint32_t *own;
    unsigned seats;       /* lives that this process's threads have */
    uint32_t attach_hint; /* where an attachment may be free */
    dev_t witness_device; /* identity of byte_file */
    ino_t witness_inode;
    int byte_file;      /* holds this process's byte lock; may have been closed by the application */
    char *path;         /* of the directory */
    uint32_t forgotten; /* how often process_forget struck a name: who remembers to have named must look again */
    unsigned references;
    struct kin_domain *next;
};

static inline struct life *life_at(kin_domain *domain, uint32_t id)
{
    return table_at(&domain->lives, ID_INDEX(id));
}

/* A life's word and stamp as one: the word in the lower half. */
static inline uint64_t *life_pair(struct life *life)
{
    return (uint64_t *)(void *)&life->word;
}

static inline struct process *process_at(kin_domain *domain, uint32_t id)
{
    return table_at(&domain->processes, ID_INDEX(id));
}

/* One more or one less reason to keep the handle. The last one unmaps. */
void domain_keep(kin_domain *domain);
void domain_drop(kin_domain *domain);

/* NULL becomes the default domain. Either way the result is kept once more: domain_drop() it. */
int domain_resolve(kin_domain *given, kin_domain **out);

/* Locks the domain file against other attachers; the result is the descriptor to unlock. -ESTALE: it was deleted. */
int domain_lock_file(kin_domain *domain);
/* A failure of the above is fine. A thread that forks meanwhile gives its child a copy of the descriptor, and the child
 * would wait for itself: so closing it is not enough. Leaves errno alone. */
void domain_unlock_file(int fd);

/* 1: the domain was deleted underneath. */
int domain_is_gone(kin_domain *domain);

/* The file `witness`, where each process holds the byte of its record's index. Opened again, and the byte locked again,
 * if the application closed it; -1: it cannot be had. */
int domain_witness(kin_domain *domain);

/* An id for a new object, never used before in this domain. */
uint64_t domain_new_id(kin_domain *domain);

#endif
