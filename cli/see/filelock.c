/* Files that have locks. /proc/locks tells the locks, those who wait, and who took each; but a lock of a description
 * belongs to all who have that description, whom only /proc/PID/fdinfo tells. */
#include "see.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A line, as "1: -> OFDLCK ADVISORY  WRITE -1 fe:00:10952808 10 14". */
struct lock {
    size_t ipc, next; /* its file's index; index + 1 of that file's next lock; 0: none */
    pid_t taker;      /* -1 for a lock of a description */
    char kind;        /* of FLOCK, POSIX, OFDLCK */
    bool waits, shared, seen;
    uint64_t first, last; /* bytes */
};

static char *word(char **place)
{
    *place += strspn(*place, " ");
    char *begin = *place;
    *place += strcspn(begin, " ");
    if (**place)
        *(*place)++ = '\0';
    return begin;
}

/* Also of fdinfo, which has it behind "lock:". `file` gets "fe:00:10952808". */
static bool read_line(char *line, struct lock *lock, char **file)
{
    *lock = (struct lock){.last = UINT64_MAX};
    word(&line); /* the number */
    char *kind = word(&line);
    if (strcmp(kind, "->") == 0) {
        lock->waits = true;
        kind = word(&line);
    }
    if (strcmp(kind, "FLOCK") != 0 && strcmp(kind, "POSIX") != 0 && strcmp(kind, "OFDLCK") != 0)
        return false; /* a lease */
    lock->kind = *kind;
    word(&line);
    lock->shared = *word(&line) == 'R';
    lock->taker = (pid_t)strtol(word(&line), NULL, 10);
    *file = word(&line);
    lock->first = strtoull(word(&line), NULL, 10);
    char *last = word(&line);
    if (*last != 'E')
        lock->last = strtoull(last, NULL, 10);
    return **file;
}

static void add_lock(struct view *view, const struct ipc_kind *kind, const struct lock *lock, const char *file)
{
    uint64_t inode = strtoull(strrchr(file, ':') + 1, NULL, 10);
    struct ipc *ipc = view_find(view, SPACE_LOCKED, 0, inode);
    if (!ipc && (ipc = view_add(view, kind, 0, inode))) {
        ipc->name = strdup(file);
        ipc->waiting = 0;
    }
    if (view->lock_count == view->lock_room) {
        size_t room = view->lock_room ? 2 * view->lock_room : 64;
        struct lock *more = realloc(view->locks, room * sizeof *more);
        if (!more)
            ipc = NULL;
        else
            view->lock_room = room;
        view->locks = more ? more : view->locks;
    }
    if (!ipc) {
        view->no_memory = true;
        return;
    }
    struct lock *added = &view->locks[view->lock_count++];
    *added = *lock;
    added->ipc = (size_t)(ipc - view->list);
    added->next = ipc->first_lock;
    ipc->first_lock = view->lock_count;
    ipc->waiting += lock->waits;
}

void list_filelocks(struct view *view, const struct ipc_kind *kind)
{
    char *text = NULL, *end, *file;
    size_t room = 0;
    struct lock lock;
    if (proc_read(AT_FDCWD, "/proc/locks", &text, &room) >= 0)
        for (char *line = text; (end = strchr(line, '\n')); line = end + 1) {
            *end = '\0';
            if (read_line(line, &lock, &file) && strrchr(file, ':'))
                add_lock(view, kind, &lock, file);
        }
    free(text);
}

static struct lock *same_lock(struct view *view, const struct ipc *ipc, const struct lock *lock)
{
    for (size_t i = ipc->first_lock; i; i = view->locks[i - 1].next) {
        struct lock *known = &view->locks[i - 1];
        if (!known->waits && known->kind == lock->kind && known->taker == lock->taker && known->first == lock->first &&
            known->last == lock->last)
            return known;
    }
    return NULL;
}

static void add_holder(struct view *view, struct lock *lock, const struct kin_party *of)
{
    struct kin_party party = *of;
    party.part = lock->waits ? KIN_PART_WAITS : KIN_PART_HOLDS;
    party.count = 1;
    party.offset = lock->first;
    lock->seen = true;
    ipc_add_party(view, &view->list[lock->ipc], &party);
}

void filelock_ask_descriptor(struct view *view, struct ipc *ipc, int folder, const char *number,
                             const struct kin_party *party)
{
    static char *text;
    static size_t room;
    char path[64], *file, *end;
    struct lock lock;
    snprintf(path, sizeof path, "fdinfo/%.16s", number);
    if (proc_read(folder, path, &text, &room) < 0)
        return;
    for (char *line = text; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (strncmp(line, "lock:\t", 6) != 0 || !read_line(line + 6, &lock, &file))
            continue;
        struct lock *known = same_lock(view, ipc, &lock);
        if (known)
            add_holder(view, known, party);
    }
}

/* Of those whom nobody's descriptors have shown the taker may be known, and whether he lives. */
static void settle_lock(struct view *view, struct lock *lock)
{
    struct kin_party party = {.alive = lock->waits ? 1 : -1};
    if (lock->taker > 0) {
        party.pid = lock->taker;
        party.alive = proc_alive(lock->taker);
        proc_command(lock->taker, party.command);
    }
    if (party.alive == 0) { /* a child has inherited it */
        party.pid = 0;
        party.alive = -1;
    }
    add_holder(view, lock, &party);
}

void filelock_settle(struct view *view)
{
    static const char *const modes[] = {"exclusive", "shared"};
    for (size_t i = 0; i < view->lock_count; i++) {
        struct lock *lock = &view->locks[i];
        struct ipc *ipc = &view->list[lock->ipc];
        const char *kind = lock->kind == 'F' ? "flock" : lock->kind == 'P' ? "posix" : "ofd";
        if (!lock->seen)
            settle_lock(view, lock);
        if (!ipc->detail)
            ipc->detail = text_of("%s, %s", kind, modes[lock->shared]);
    }
}
