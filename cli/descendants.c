#include "descendants.h"
#include <dirent.h>
#include <fcntl.h>
#include <kin/process.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct relation {
    pid_t pid, parent;
    uint64_t start;
    bool below;
};

struct relations {
    struct relation *rows;
    size_t count, room;
};

/* "7 (sleep) S 1 ...": the parent is field 4, the start field 22; the name may hold anything. */
static bool read_relation(int proc, const char *number, struct relation *out)
{
    char path[32], text[1024];
    unsigned long long start;
    int parent;
    snprintf(path, sizeof path, "%.16s/stat", number);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    const char *rest = strrchr(text, ')');
    if (!rest || sscanf(rest,
                        ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &parent,
                        &start) != 2)
        return false;
    *out = (struct relation){.pid = (pid_t)strtol(number, NULL, 10), .parent = parent, .start = start};
    return true;
}

static void read_all(struct relations *all)
{
    DIR *list = opendir("/proc");
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        if (all->count == all->room) {
            size_t room = all->room ? 2 * all->room : 256;
            struct relation *rows = realloc(all->rows, room * sizeof *rows);
            if (!rows)
                break;
            all->rows = rows;
            all->room = room;
        }
        all->count += read_relation(dirfd(list), entry->d_name, &all->rows[all->count]);
    }
    if (list)
        closedir(list);
}

static bool is_below(const struct relations *all, pid_t pid)
{
    if (pid == getpid())
        return true;
    for (size_t i = 0; i < all->count; i++)
        if (all->rows[i].pid == pid)
            return all->rows[i].below;
    return false;
}

/* A parent may have a higher number than its child, so once over all is not enough. */
static void mark_all(struct relations *all)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < all->count; i++)
            if (!all->rows[i].below && is_below(all, all->rows[i].parent))
                more = all->rows[i].below = true;
    }
}

void signal_descendants(int signal)
{
    struct relations all = {0};
    read_all(&all);
    mark_all(&all);
    for (size_t i = 0; i < all.count; i++) {
        kin_process *process;
        if (!all.rows[i].below || kin_process_open(all.rows[i].pid, all.rows[i].start, 0, &process) < 0)
            continue;
        kin_process_signal(process, signal);
        kin_process_close(process);
    }
    free(all.rows);
}
