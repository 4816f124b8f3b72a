/* What processes of this machine talk through that is not kin's: System V and POSIX objects, FIFOs, sockets, file locks
 * and memfds, and who has to do with each.
 *
 * A view is filled in three steps. Each kind that is wanted lists its objects; then one walk over /proc finds who has
 * them (and those objects that show nowhere else: FIFOs and memfds); then each object can be judged.
 *
 * A process that cannot be looked into may have anything. What only such a process could have is unknown, never stale:
 * stale needs evidence, and most of it comes from the kernel itself, which counts those whom we cannot see too. */
#pragma once
#include "command.h"
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* HELD: a living process has it, or waits for it. UNUSED: nobody has it, but it cannot be proved that nobody will come
 * back to it. STALE: proved to be left behind. UNKNOWN: who may have it cannot be seen from here. */
enum ipc_state { IPC_HELD, IPC_UNUSED, IPC_STALE, IPC_UNKNOWN };

/* Beside those of enum kin_part: who made it, who used it last. They hold nothing. */
enum { PART_MADE = KIN_PART_ATTACHED + 1, PART_SENT, PART_RECEIVED, PART_USED };

/* What the walk looks at in each process. */
enum look { LOOK_FDS = 1, LOOK_MAPS = 2, LOOK_CALLS = 4 };

/* What the numbers of an object count in. FILE: device and inode. LOCKED: the inode of a file that has locks. */
enum space { SPACE_MSG, SPACE_SEM, SPACE_SHM, SPACE_FILE, SPACE_SOCKET, SPACE_LOCKED };

#define NOT_COUNTED (-1)

struct ipc {
    const struct ipc_kind *kind;
    char *name;   /* what comes behind the kind and a colon */
    char *detail; /* or NULL */
    uint64_t device, number;
    enum space space;
    bool owned; /* mode, uid, gid are known */
    bool mine;  /* it belongs to our user, or to one of his processes */
    unsigned mode;
    uid_t uid;
    gid_t gid;
    uint64_t size;
    int64_t queued, value, attached, waiting; /* or NOT_COUNTED */
    int64_t made, used;                       /* CLOCK_REALTIME, ns: made or last changed, last used; 0: unknown */
    struct kin_party *parties;
    size_t party_count;
    size_t first_lock; /* of a file that has locks: index + 1 in view->locks */
};

struct view;
#define PROOF_MOST 256

struct ipc_kind {
    const char *word;  /* "sysv:msg": all of them for kin ls, and what stands before the name of one */
    const char *group; /* "sysv": a word for several kinds; or NULL */
    const char *what;  /* "System V queue" */
    unsigned look;     /* of enum look */
    enum space space;
    void (*list)(struct view *view, const struct ipc_kind *kind); /* NULL: the walk finds them */
    /* Of what no process that we see has. Says in `proof` how that is known. */
    enum ipc_state (*judge)(const struct view *view, struct ipc *ipc, char proof[PROOF_MOST]);
    /* Takes it away; unless forced only if it is still unused. -EBUSY: somebody came. NULL: it cannot be removed. */
    int (*remove)(struct view *view, const struct ipc *ipc, bool forced);
};

/* kinds.c */
extern const struct ipc_kind ipc_kinds[];
extern const size_t ipc_kind_count;
/* The set (a bit for each kind) that a word means, as "sysv" or "sysv:msg"; 0: none. */
unsigned ipc_kinds_of(const char *word);
static inline unsigned ipc_set_of(const struct ipc_kind *kind)
{
    return 1U << (kind - ipc_kinds);
}
/* The kind of "KIND:NAME", and the name in *name; NULL: it is none of these. */
const struct ipc_kind *ipc_kind_of_name(const char *word, const char **name);

/* view.c */
struct view {
    struct ipc *list;
    size_t count, room;
    unsigned kinds;  /* the set that is shown */
    size_t blind;    /* processes that cannot be looked into */
    pid_t blind_pid; /* one of them; 0: those of other PID namespaces */
    bool no_memory;
    const char *missing; /* why a kind shows nothing: a sentence, or NULL */
    int mqueue, memory;  /* the folders of the POSIX queues, of memory and semaphores; -1: not opened */
    struct lock *locks;  /* filelock.c: lines of /proc/locks */
    size_t lock_count, lock_room;
    size_t *slots; /* hash of list by space, device and number: index + 1, or 0 */
    size_t slot_count;
};
/* Looks at the kinds of the set. EXIT_OK, or the user was told. */
int view_open(const struct call *call, unsigned kinds, struct view *view);
void view_close(struct view *view);
struct ipc *view_find(const struct view *view, enum space space, uint64_t device, uint64_t number);
/* By what stands behind KIND and colon. NULL, and the user was told: there is none. */
struct ipc *view_named(const struct call *call, struct view *view, const struct ipc_kind *kind, const char *name);
/* For those who list. The object is valid until the next one is added; NULL: no memory, as the view notes. */
struct ipc *view_add(struct view *view, const struct ipc_kind *kind, uint64_t device, uint64_t number);
__attribute__((format(printf, 1, 2))) char *text_of(const char *format, ...);
void ipc_set_stat(struct ipc *ipc, const struct stat *about);
/* Adds the party, or its count to what this process or thread has already. */
void ipc_add_party(struct view *view, struct ipc *ipc, const struct kin_party *party);
/* Who is known by his number alone, and whether he lives. pid 0, when `since` is not 0: of another namespace. */
void ipc_add_past(struct view *view, struct ipc *ipc, unsigned part, pid_t pid, int64_t since);
bool ipc_is_held(const struct ipc *ipc);
enum ipc_state ipc_judge(const struct view *view, struct ipc *ipc, char proof[PROOF_MOST]);
const char *ipc_state_name(enum ipc_state state);
/* "process 12 (cat) and 2 more", of those who keep it from being removed. */
const char *ipc_holders_text(const struct ipc *ipc, char text[128]);

/* proc.c: the walk. Which of the kinds' objects are looked for says view->kinds. */
void proc_walk(struct view *view, unsigned look);
/* 1 alive, 0 dead, -1 when it cannot be known. */
int proc_alive(pid_t pid);
void proc_command(pid_t pid, char command[16]);
/* The whole file, with a 0 behind it, in *text, which is made longer as needed. Its length, or -1. */
ssize_t proc_read(int folder, const char *path, char **text, size_t *room);

/* sysv.c, posix.c, socket.c, filelock.c */
void list_sysv(struct view *view, const struct ipc_kind *kind);
enum ipc_state judge_sysv(const struct view *view, struct ipc *ipc, char proof[PROOF_MOST]);
int remove_sysv(struct view *view, const struct ipc *ipc, bool forced);
void list_posix(struct view *view, const struct ipc_kind *kind);
enum ipc_state judge_posix(const struct view *view, struct ipc *ipc, char proof[PROOF_MOST]);
int remove_posix(struct view *view, const struct ipc *ipc, bool forced);
void list_sockets(struct view *view, const struct ipc_kind *kind);
enum ipc_state judge_socket(const struct view *view, struct ipc *ipc, char proof[PROOF_MOST]);
int remove_socket(struct view *view, const struct ipc *ipc, bool forced);
/* A path that is no socket's of the list. NULL: it is no path of a socket. */
struct ipc *add_socket_path(struct view *view, const char *path);
void list_filelocks(struct view *view, const struct ipc_kind *kind);
/* A descriptor of the process is a file that has locks: adds those of them that it has. */
void filelock_ask_descriptor(struct view *view, struct ipc *ipc, int folder, const char *number,
                             const struct kin_party *party);
/* Those of whom only the number is known, after the walk. */
void filelock_settle(struct view *view);
