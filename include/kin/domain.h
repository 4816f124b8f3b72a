/* kin/domain.h - the place where processes meet: names, lives, and the record of deaths.
 *
 * A domain is a directory on tmpfs. Everybody who opens the same domain sees the same names, and looks after the same
 * dead. NULL, where a function takes a domain, is the default one: $KIN_DOMAIN, else /dev/shm/kin-UID (made on first
 * use, mode 0700).
 *
 * Names are 1 to 200 bytes without '/', and not "." or "..". All kinds share one namespace.
 *
 * Whoever may write a domain is trusted not to lie, but not trusted not to crash.
 *
 *     kin_domain *domain;
 *     if (kin_domain_open("/dev/shm/my-service", NULL, &domain) < 0)
 *         errx(1, "%s", kin_reason());
 */
#ifndef KIN_DOMAIN_H
#define KIN_DOMAIN_H

#include <kin/base.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_domain kin_domain;

#define KIN_NAME_MAX 200

/* Opening flags, the same for every kind of named object. Default: open it, or make it when it is missing. */
enum kin_open {
    KIN_MUST_EXIST = 1, /* -ENOENT when it is missing */
    KIN_MUST_CREATE = 2 /* -EEXIST when it is there */
};

struct kin_domain_options {
    size_t size;
    unsigned flags; /* of enum kin_open */
    unsigned mode;  /* permissions of a new domain, default 0700; 0770 or 01777 share it */
};
#define KIN_DOMAIN(...) (&(struct kin_domain_options){.size = sizeof(struct kin_domain_options), __VA_ARGS__})

/* Opens the domain at `path`, or makes it there: a missing directory (its parent must exist) or an empty one.
 * -ENOTDIR: a file is in the way; -EMEDIUMTYPE: not on tmpfs; -EPERM: others may write it and it has no sticky bit;
 * -EPROTO: another layout; -ESTALE: it was deleted underneath.
 * One handle a domain and process: a second open gives the same handle, closed as often as it was opened. */
int kin_domain_open(const char *path, const struct kin_domain_options *options, kin_domain **out);
void kin_domain_close(kin_domain *domain);

/* Its directory. Valid as long as the handle. */
const char *kin_domain_path(const kin_domain *domain);

enum kin_kind {
    KIN_KIND_ANY,
    KIN_KIND_SEGMENT,
    KIN_KIND_LOCK,
    KIN_KIND_QUEUE,
    KIN_KIND_CHANNEL,
    KIN_KIND_SEMAPHORE,
    KIN_KIND_RWLOCK,
    KIN_KIND_BARRIER,
    KIN_KIND_LATCH,
    KIN_KIND_TOPIC
};

/* What a kind is called ("queue"); NULL for a number that is none. */
const char *kin_kind_name(unsigned kind);

/* What a queue or a channel can be polled for. */
enum kin_ready { KIN_CAN_RECEIVE = 1, KIN_CAN_SEND = 2 };

/* A named object, as a listing shows it. */
struct kin_object {
    char name[KIN_NAME_MAX + 1];
    unsigned kind; /* of enum kin_kind; 0 when the header cannot be read */
    int state;     /* 0, or why it cannot be used: -EPROTO, -EACCES, -EBADMSG */
    unsigned mode; /* permission bits */
    uid_t uid;
    gid_t gid;
    uint64_t size;   /* bytes reserved */
    uint64_t inode;  /* its identity: differs from a later object of the same name */
    int64_t created; /* CLOCK_REALTIME, ns */
};

/* Calls visit for every named object of the domain, in no order, until it returns something else than 0; returns
 * that. */
int kin_domain_each(kin_domain *domain, int (*visit)(void *context, const struct kin_object *object), void *context);

/* One object by name. */
int kin_object_find(kin_domain *domain, const char *name, struct kin_object *out);

/* Who has to do with an object, and how. */
enum kin_part { KIN_PART_HOLDS = 1, KIN_PART_WAITS = 2, KIN_PART_ATTACHED = 3 };
struct kin_party {
    unsigned part;    /* of enum kin_part */
    pid_t pid, tid;   /* as its own PID namespace numbers them; tid 0: the whole process */
    int alive;        /* 1 alive, 0 dead, -1 cannot be known from here; 2 dead, but a command that was handed the lock
                       * (kin_lock_hand_on) holds it still */
    uint64_t count;   /* leases, loans and borrows of a queue; subscribers, loans and borrows of a topic; units of
                       * semaphores; 1 for a lock, a seat, a promise */
    uint64_t offset;  /* of the lock in its segment */
    char command[16]; /* the process's name when it first used kin */
};
int kin_object_each_party(kin_domain *domain, const char *name,
                          int (*visit)(void *context, const struct kin_party *party), void *context);

/* The wait-for graph: a thread that sleeps, what it waits for, and one who has that: a thread, or (tid 0) a process. An
 * edge for each of several holders; holder.pid 0: nobody has it in particular, as with a queue that is empty. */
struct kin_edge {
    struct kin_party waiter, holder;
    char name[KIN_NAME_MAX + 1]; /* of the object; empty: it was removed */
    unsigned kind;               /* of enum kin_kind */
    uint64_t offset;             /* in a segment: of the lock or other thing that it waits for */
    unsigned cycle;              /* the number of the cycle of threads that it is part of, from 1; 0: none */
};
/* Calls visit for each edge until it returns something else than 0; returns that. A cycle is told only if all of its
 * threads slept at one and the same moment: they are stuck until one of them dies, or its deadline comes. */
int kin_domain_each_edge(kin_domain *domain, int (*visit)(void *context, const struct kin_edge *edge), void *context);

enum kin_remove { KIN_EVEN_HELD = 1 };

/* Takes the name away and tells everybody who waits or will wait: -EIDRM. -EBUSY while a living process holds
 * something of it or waits for it, unless KIN_EVEN_HELD. What others have mapped stays with them until they close. */
int kin_remove(kin_domain *domain, const char *name, unsigned flags);

/* One line of the recovery log: who died holding what, and who settled it. */
struct kin_death {
    uint64_t number;  /* counts up from 1 */
    int64_t when;     /* CLOCK_REALTIME, ns: when it was settled */
    pid_t pid, tid;   /* the dead one, as its own PID namespace numbered it */
    pid_t settler;    /* who met the leftovers */
    unsigned kind;    /* the object's kind */
    char command[16]; /* the dead one's name */
    uint64_t inode;   /* the object */
    char name[32];    /* the object's name, cut to 31 bytes */
    char held[24];    /* what: "lock", "2 leases", "a send, undone" */
};

/* Calls visit for the recoveries still in the log (the last 256), oldest first, from number `after` + 1 on. */
int kin_domain_each_death(kin_domain *domain, uint64_t after,
                          int (*visit)(void *context, const struct kin_death *death), void *context);

/* What kin_domain_clean found: a dead life or process, or a leftover file. */
struct kin_stale {
    const char *what;  /* "life", "process", "file" */
    const char *proof; /* one sentence: how it is known to be stale */
    pid_t pid, tid;
    char name[KIN_NAME_MAX + 1]; /* of a file */
};
enum kin_clean { KIN_CLEAN_ACT = 1 };

/* Shows every stale thing with its proof, and with KIN_CLEAN_ACT settles and frees it. What is in use, or cannot be
 * proved stale, is never touched. Returns how many there were. */
int kin_domain_clean(kin_domain *domain, unsigned flags, void (*visit)(void *context, const struct kin_stale *stale),
                     void *context);

/* What kin found on this machine and what it does about it, for `kin doctor`. */
struct kin_facilities {
    int waitv;                             /* futex_waitv works */
    int robust_list;                       /* libc registered a robust list for this thread */
    int fallback;                          /* byte locks are the witness (asked for by KIN_FALLBACK=1, or needed) */
    unsigned lives, lives_dead, processes; /* in the domain */
};
int kin_domain_facilities(kin_domain *domain, struct kin_facilities *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
