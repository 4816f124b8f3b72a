/* One walk over /proc: each process's descriptors, mappings, and the system calls that its threads sleep in. */
#include "see.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FIRST_PID_NAMESPACE "pid:[4026531836]" /* the kernel's PROC_PID_INIT_INO */

struct walk {
    struct view *view;
    unsigned look;
    char *text; /* what was read last */
    size_t room;
    char namespace[64]; /* System V and POSIX queues are ours if a process has this one too */
    struct kin_party party;
    bool mine, blind;
    int folder; /* /proc/PID */
};

/* System calls that sleep on an object: which argument tells it. On x86-64 and aarch64 also those of 32-bit processes,
 * whose numbers no 64-bit process can sleep in. */
static const struct sleep {
    long number;
    enum space space; /* FILE: the argument is a descriptor */
    unsigned argument;
} sleeps[] = {
    {SYS_msgrcv, SPACE_MSG, 0},
    {SYS_msgsnd, SPACE_MSG, 0},
    {SYS_semop, SPACE_SEM, 0},
    {SYS_semtimedop, SPACE_SEM, 0},
    {SYS_mq_timedsend, SPACE_FILE, 0},
    {SYS_mq_timedreceive, SPACE_FILE, 0},
#if defined(__x86_64__)
    {117, SPACE_MSG, 1}, /* ipc() */
    {117, SPACE_SEM, 1},
    {400, SPACE_MSG, 0},
    {401, SPACE_MSG, 0},
    {420, SPACE_SEM, 0},
    {278, SPACE_FILE, 0},
    {279, SPACE_FILE, 0},
#elif defined(__aarch64__)
    {298, SPACE_SEM, 0},
    {301, SPACE_MSG, 0},
    {302, SPACE_MSG, 0},
    {312, SPACE_SEM, 0},
    {420, SPACE_SEM, 0},
    {276, SPACE_FILE, 0},
    {277, SPACE_FILE, 0},
#endif
};

int proc_alive(pid_t pid)
{
    if (pid <= 0)
        return -1;
    return kill(pid, 0) == 0 || errno == EPERM;
}

ssize_t proc_read(int folder, const char *path, char **text, size_t *room)
{
    size_t used = 0;
    ssize_t got = -1;
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0) {
        if (*room < used + 4097) {
            size_t more = *room ? 2 * *room : 16384;
            char *longer = realloc(*text, more);
            if (!longer)
                break;
            *text = longer;
            *room = more;
        }
        got = read(fd, *text + used, *room - used - 1);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return -1;
    (*text)[used] = '\0';
    return (ssize_t)used;
}

void proc_command(pid_t pid, char command[16])
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, command, 15);
    command[got > 0 ? got : 0] = '\0';
    command[strcspn(command, "\n")] = '\0';
    if (fd >= 0)
        close(fd);
}

/* A process that ends while we look has nothing any more. */
static void note_blindness(struct walk *walk)
{
    if (errno == EACCES || errno == EPERM)
        walk->blind = true;
}

static void add(struct walk *walk, struct ipc *ipc, unsigned part, pid_t tid)
{
    struct kin_party *party = &walk->party;
    if (!ipc)
        return;
    if (!*party->command)
        proc_command(party->pid, party->command);
    party->part = part;
    party->tid = tid;
    if (part == KIN_PART_WAITS && ipc->space != SPACE_SEM) /* those the kernel counts */
        ipc->waiting = ipc->waiting == NOT_COUNTED ? 1 : ipc->waiting + 1;
    ipc->mine = ipc->mine || walk->mine;
    ipc_add_party(walk->view, ipc, party);
}

/* Of the two kinds that nobody lists; NULL when they are not wanted. */
static struct ipc *find_or_add(struct walk *walk, const char *word, const struct stat *about)
{
    const char *name;
    struct view *view = walk->view;
    const struct ipc_kind *kind = ipc_kind_of_name(word, &name);
    struct ipc *ipc = view_find(view, SPACE_FILE, about->st_dev, about->st_ino);
    return ipc || !(view->kinds & ipc_set_of(kind)) ? ipc : view_add(view, kind, about->st_dev, about->st_ino);
}

static struct ipc *fifo_of(struct walk *walk, const char *path, const struct stat *about)
{
    struct ipc *ipc = find_or_add(walk, "fifo:", about);
    if (ipc && !ipc->name) {
        ipc->name = strdup(path);
        ipc_set_stat(ipc, about);
    }
    return ipc;
}

#define MEMFD "/memfd:"
#define DELETED " (deleted)"

/* `about` of a mapping has the numbers alone. */
static struct ipc *memfd_of(struct walk *walk, const char *path, const struct stat *about, bool whole)
{
    struct ipc *ipc = find_or_add(walk, "memfd:", about);
    if (ipc && !ipc->name) {
        size_t length = strlen(path) - (sizeof MEMFD - 1), tail = sizeof DELETED - 1;
        length -= length >= tail ? tail : 0;
        ipc->name = text_of("%llu", (unsigned long long)about->st_ino);
        ipc->detail = text_of("\"%.*s\"", (int)length, path + sizeof MEMFD - 1);
    }
    if (ipc && whole && !ipc->owned)
        ipc_set_stat(ipc, about);
    return ipc;
}

static bool is_memfd(const char *path)
{
    return strncmp(path, MEMFD, sizeof MEMFD - 1) == 0;
}

static void look_at_locks(struct walk *walk, struct ipc *ipc, const char *number, const char *target,
                          const struct stat *about)
{
    if (!*walk->party.command)
        proc_command(walk->party.pid, walk->party.command);
    if (!ipc->owned) {
        free(ipc->name);
        ipc->name = strdup(target);
        ipc_set_stat(ipc, about);
    }
    ipc->mine = ipc->mine || walk->mine;
    walk->party.tid = 0;
    filelock_ask_descriptor(walk->view, ipc, walk->folder, number, &walk->party);
}

static void look_at_descriptor(struct walk *walk, int list, const char *number)
{
    char target[4096];
    struct stat about;
    ssize_t length = readlinkat(list, number, target, sizeof target - 1);
    if (length < 0) {
        note_blindness(walk);
        return;
    }
    target[length] = '\0';
    if (strncmp(target, "socket:[", 8) == 0) {
        add(walk, view_find(walk->view, SPACE_SOCKET, 0, strtoull(target + 8, NULL, 10)), KIN_PART_HOLDS, 0);
        return;
    }
    if (*target != '/' || fstatat(list, number, &about, 0) < 0)
        return;
    if (S_ISFIFO(about.st_mode)) {
        add(walk, fifo_of(walk, target, &about), KIN_PART_HOLDS, 0);
    } else if (is_memfd(target)) {
        add(walk, memfd_of(walk, target, &about, true), KIN_PART_HOLDS, 0);
    } else if (S_ISREG(about.st_mode)) {
        add(walk, view_find(walk->view, SPACE_FILE, about.st_dev, about.st_ino), KIN_PART_HOLDS, 0);
    }
    struct ipc *locked = view_find(walk->view, SPACE_LOCKED, 0, about.st_ino);
    if (locked)
        look_at_locks(walk, locked, number, target, &about);
}

static void look_at_descriptors(struct walk *walk)
{
    int fd = openat(walk->folder, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list)
        note_blindness(walk);
    for (struct dirent *entry; list && (entry = readdir(list));)
        if (entry->d_name[0] != '.')
            look_at_descriptor(walk, fd, entry->d_name);
    if (list)
        closedir(list);
}

static uint64_t read_hex(char **place)
{
    return strtoull(*place, place, 16);
}

/* "7f00000-7f01000 rw-s 00000000 00:01 32768      /SYSV00000000 (deleted)" */
static void look_at_mapping(struct walk *walk, char *line, bool ours)
{
    struct stat about = {0};
    char *path = strchr(line, '/');
    if (!path)
        return;
    line += strcspn(line, " ") + 1; /* the permissions */
    line += strcspn(line, " ") + 1; /* the offset */
    uint64_t offset = read_hex(&line);
    unsigned high = (unsigned)read_hex(&line);
    line += *line == ':';
    about.st_dev = makedev(high, (unsigned)read_hex(&line));
    about.st_ino = strtoull(line, NULL, 10);
    if (strncmp(path, "/SYSV", 5) == 0) {
        if (ours && offset == 0) /* what follows are pieces of the same attachment */
            add(walk, view_find(walk->view, SPACE_SHM, 0, about.st_ino), KIN_PART_ATTACHED, 0);
        return;
    }
    add(walk,
        is_memfd(path) ? memfd_of(walk, path, &about, false)
                       : view_find(walk->view, SPACE_FILE, about.st_dev, about.st_ino),
        KIN_PART_ATTACHED, 0);
}

static void look_at_mappings(struct walk *walk, bool ours)
{
    if (proc_read(walk->folder, "maps", &walk->text, &walk->room) < 0) {
        note_blindness(walk);
        return;
    }
    for (char *line = walk->text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        look_at_mapping(walk, line, ours);
    }
}

/* "70 0x8000 0x7ffd... ...": the call and its arguments. */
static void look_at_call(struct walk *walk, pid_t tid)
{
    char *end, path[64];
    struct stat about;
    long number = strtol(walk->text, &end, 10);
    uint64_t arguments[2] = {0};
    for (size_t i = 0; i < 2; i++)
        arguments[i] = read_hex(&end);
    for (size_t i = 0; end != walk->text && i < sizeof sleeps / sizeof *sleeps; i++) {
        const struct sleep *sleep = &sleeps[i];
        uint64_t argument = arguments[sleep->argument];
        if (sleep->number != number)
            continue;
        snprintf(path, sizeof path, "fd/%llu", (unsigned long long)argument);
        if (sleep->space != SPACE_FILE)
            add(walk, view_find(walk->view, sleep->space, 0, argument), KIN_PART_WAITS, tid);
        else if (fstatat(walk->folder, path, &about, 0) == 0)
            add(walk, view_find(walk->view, SPACE_FILE, about.st_dev, about.st_ino), KIN_PART_WAITS, tid);
    }
}

/* Where the call is not told, the function that it sleeps in may be. */
static bool sleeps_elsewhere(struct walk *walk, const char *tid)
{
    char path[64];
    snprintf(path, sizeof path, "task/%.16s/wchan", tid);
    return proc_read(walk->folder, path, &walk->text, &walk->room) > 1 && strncmp(walk->text, "do_", 3) != 0;
}

static void look_at_calls(struct walk *walk)
{
    char path[64];
    int fd = openat(walk->folder, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list)
        note_blindness(walk);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "task/%.16s/syscall", entry->d_name);
        if (proc_read(walk->folder, path, &walk->text, &walk->room) > 0)
            look_at_call(walk, (pid_t)strtol(entry->d_name, NULL, 10));
        else if ((errno == EACCES || errno == EPERM) && !sleeps_elsewhere(walk, entry->d_name))
            walk->blind = true;
    }
    if (list)
        closedir(list);
}

static void look_at_process(struct walk *walk, int proc, const char *number)
{
    struct stat about;
    char namespace[64] = "";
    walk->folder = openat(proc, number, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (walk->folder < 0)
        return;
    walk->party = (struct kin_party){.pid = (pid_t)strtol(number, NULL, 10), .alive = 1, .count = 1};
    walk->mine = fstat(walk->folder, &about) == 0 && about.st_uid == geteuid();
    walk->blind = false;
    ssize_t length = readlinkat(walk->folder, "ns/ipc", namespace, sizeof namespace - 1);
    bool ours = length < 0 || strcmp(namespace, walk->namespace) == 0;
    if (walk->look & LOOK_FDS)
        look_at_descriptors(walk);
    if (walk->look & LOOK_MAPS)
        look_at_mappings(walk, ours);
    if (walk->look & LOOK_CALLS && ours)
        look_at_calls(walk);
    if (walk->blind) {
        walk->view->blind++;
        walk->view->blind_pid = walk->party.pid;
    }
    close(walk->folder);
}

/* Processes beside or above our PID namespace are not in /proc, nor are those of others where it hides them. */
static bool sees_only_some(void)
{
    char namespace[64] = "";
    ssize_t length = readlink("/proc/self/ns/pid", namespace, sizeof namespace - 1);
    return length < 0 || strcmp(namespace, FIRST_PID_NAMESPACE) != 0 || access("/proc/1", F_OK) < 0;
}

void proc_walk(struct view *view, unsigned look)
{
    struct walk walk = {.view = view, .look = look};
    DIR *list = look ? opendir("/proc") : NULL;
    if (readlink("/proc/self/ns/ipc", walk.namespace, sizeof walk.namespace - 1) < 0)
        walk.namespace[0] = '\0';
    view->blind = sees_only_some();
    view->blind_pid = 0;
    for (struct dirent *entry; list && (entry = readdir(list));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            look_at_process(&walk, dirfd(list), entry->d_name);
    if (list)
        closedir(list);
    free(walk.text);
}
