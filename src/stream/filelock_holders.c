/* Who holds the locks of a file.
 *
 * No call tells it: F_OFD_GETLK knows no process for a lock that belongs to a description, and flock() has no such
 * question. But /proc/PID/fdinfo shows the locks that are held through each descriptor, so every process that has the
 * file open is asked. What that does not show (other users' processes) is looked for in /proc/locks, which names who
 * took a lock, though he may have handed it on. */
#include "stream/filelock.h"
#include "sys/reason.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct told {
    pid_t taker; /* as the line names him: -1 for a lock of a description */
    struct kin_filelock_holder holder;
};

struct search {
    struct stat file;
    struct advisory_lock range;
    int (*visit)(void *context, const struct kin_filelock_holder *holder);
    void *context;
    struct told *told;
    size_t count, room;
};

static bool overlap(const struct advisory_lock *range, uint64_t offset, uint64_t length)
{
    bool begins_behind = range->length && offset - range->offset >= range->length && offset >= range->offset;
    bool ends_before = length && range->offset >= offset && range->offset - offset >= length;
    return !begins_behind && !ends_before;
}

/* "1: OFDLCK ADVISORY  WRITE -1 fe:00:10952808 10 14", of this file, kind and range. */
static bool read_line(const struct search *search, const char *line, struct told *out)
{
    static const struct { const char *name; unsigned flag; } kinds[] = {
        {"OFDLCK", 0}, {"POSIX", KIN_FILELOCK_POSIX}, {"FLOCK", KIN_FILELOCK_FLOCK}};
    char kind[8], mode[8], end[24];
    unsigned major_number, minor_number;
    unsigned long long inode, first;
    int taker;
    if (sscanf(line, "%*u: %7s %*s %7s %d %x:%x:%llu %llu %23s", kind, mode, &taker, &major_number, &minor_number,
               &inode, &first, end) != 8)
        return false;
    size_t i = 0;
    while (i < sizeof kinds / sizeof *kinds && strcmp(kinds[i].name, kind) != 0)
        i++;
    if (i == sizeof kinds / sizeof *kinds || (kinds[i].flag == KIN_FILELOCK_FLOCK) != search->range.flock)
        return false; /* a lease, one who waits, the other kind */
    uint64_t length = strcmp(end, "EOF") == 0 ? 0 : strtoull(end, NULL, 10) - first + 1;
    *out = (struct told){.taker = taker, .holder = {.flags = kinds[i].flag, .offset = first, .length = length}};
    if (strcmp(mode, "READ") == 0)
        out->holder.flags |= KIN_FILELOCK_SHARED;
    return inode == search->file.st_ino && overlap(&search->range, first, length);
}

static bool same_lock(const struct told *one, const struct told *other)
{
    return one->taker == other->taker && one->holder.flags == other->holder.flags &&
           one->holder.offset == other->holder.offset && one->holder.length == other->holder.length;
}

static void read_command(pid_t pid, char command[16])
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fgets(command, 16, file))
        command[strcspn(command, "\n")] = 0;
    fclose(file);
}

static int tell(struct search *search, struct told *told)
{
    if (search->count == search->room) {
        size_t room = search->room ? 2 * search->room : 16;
        struct told *more = realloc(search->told, room * sizeof *more);
        if (!more)
            return reason(-ENOMEM, "no memory left in this process");
        search->told = more;
        search->room = room;
    }
    if (told->holder.pid)
        read_command(told->holder.pid, told->holder.command);
    search->told[search->count++] = *told;
    return search->visit(search->context, &told->holder);
}

/* One process may have the description under several numbers. */
static int tell_process(struct search *search, pid_t pid, struct told *told)
{
    for (size_t i = 0; i < search->count; i++)
        if (search->told[i].holder.pid == pid && same_lock(&search->told[i], told))
            return 0;
    told->holder.pid = pid;
    told->holder.alive = 1;
    return tell(search, told);
}

static int ask_descriptor(struct search *search, pid_t pid, const char *number)
{
    char path[64], line[256];
    struct told told;
    int result = 0;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%.16s", (int)pid, number);
    FILE *file = fopen(path, "re");
    while (file && result == 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "lock:\t", 6) == 0 && read_line(search, line + 6, &told))
            result = tell_process(search, pid, &told);
    if (file)
        fclose(file);
    return result;
}

static int ask_process(struct search *search, pid_t pid)
{
    char path[32];
    int result = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *list = opendir(path);
    for (struct dirent *entry; list && result == 0 && (entry = readdir(list));) {
        struct stat about;
        if (entry->d_name[0] != '.' && fstatat(dirfd(list), entry->d_name, &about, 0) == 0 &&
            about.st_dev == search->file.st_dev && about.st_ino == search->file.st_ino)
            result = ask_descriptor(search, pid, entry->d_name);
    }
    if (list)
        closedir(list);
    return result;
}

static int ask_processes(struct search *search)
{
    int result = 0;
    DIR *list = opendir("/proc");
    if (!list)
        return reason_errno("cannot read /proc, which tells who holds a lock");
    for (struct dirent *entry; result == 0 && (entry = readdir(list));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0)
            result = ask_process(search, pid);
    }
    closedir(list);
    return result;
}

/* A lock of which only the taker is known, if he is. */
static int tell_taker(struct search *search, struct told *told)
{
    if (told->taker <= 0) {
        told->holder.alive = -1;
    } else {
        told->holder.pid = told->taker;
        told->holder.alive = kill(told->taker, 0) == 0 || errno == EPERM;
    }
    return tell(search, told);
}

/* The lines that no process has shown. Their device is the superblock's, which st_dev is not on every file system. */
static int ask_list(struct search *search)
{
    char line[256], device[32];
    struct told told;
    int result = 0;
    size_t shown = search->count;
    FILE *file = fopen("/proc/locks", "re");
    snprintf(device, sizeof device, " %02x:%02x:%llu ", major(search->file.st_dev), minor(search->file.st_dev),
             (unsigned long long)search->file.st_ino);
    while (file && result == 0 && fgets(line, sizeof line, file)) {
        if (!strstr(line, device) || !read_line(search, line, &told))
            continue;
        size_t i = 0;
        while (i < shown && !same_lock(&search->told[i], &told))
            i++;
        if (i == shown)
            result = tell_taker(search, &told);
    }
    if (file)
        fclose(file);
    return result;
}

/* And where /proc shows nothing, the kernel knows at least that there is a lock. */
static int ask_kernel(struct search *search, int fd)
{
    struct advisory_lock found, any = search->range;
    struct told told = {0};
    any.shared = false;
    if (any.flock || advisory_conflict(fd, &any, &found, &told.taker) <= 0)
        return 0;
    told.holder.flags = (found.shared ? KIN_FILELOCK_SHARED : 0) | (told.taker > 0 ? KIN_FILELOCK_POSIX : 0);
    told.holder.offset = found.offset;
    told.holder.length = found.length;
    return tell_taker(search, &told);
}

int kin_filelock_each_holder(int fd, const struct kin_filelock_options *options,
                             int (*visit)(void *context, const struct kin_filelock_holder *holder), void *context)
{
    struct search search = {.visit = visit, .context = context};
    int result = filelock_read(options, &search.range);
    if (result < 0)
        return result;
    if (fstat(fd, &search.file) < 0)
        return reason_errno("cannot look at descriptor %d", fd);
    result = ask_processes(&search);
    if (result == 0)
        result = ask_list(&search);
    if (result == 0 && search.count == 0)
        result = ask_kernel(&search, fd);
    free(search.told);
    return result;
}
