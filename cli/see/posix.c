/* POSIX queues, semaphores and memory: files, each in a folder of its file system.
 *
 * Whether anybody has one open or mapped the kernel tells in one step, whoever it is: it gives a write lease only to
 * who alone has the file open, and while the lease stands, others wait in their open(). Who is killed with a lease
 * leaves nothing behind. */
#include "see.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY "/dev/shm"
#define SEMAPHORE "sem."

/* The queues of our IPC namespace, wherever they are mounted or not: a mount of our own that nobody else sees. */
static int mount_queues(void)
{
    int context = (int)syscall(SYS_fsopen, "mqueue", FSOPEN_CLOEXEC), mount = -1;
    if (context >= 0 && syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
    if (context >= 0)
        close(context);
    return mount;
}

/* "33 24 0:29 / /dev/mqueue rw,nosuid - mqueue mqueue rw" */
static int open_mounted_queues(void)
{
    char *text = NULL, *path, *end;
    size_t room = 0;
    int folder = -1;
    if (proc_read(AT_FDCWD, "/proc/self/mountinfo", &text, &room) < 0)
        return -1;
    for (char *line = text; folder < 0 && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (!strstr(line, " - mqueue "))
            continue;
        for (int field = 0; field < 4; field++)
            line += strcspn(line, " ") + 1;
        path = strndup(line, strcspn(line, " "));
        folder = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        free(path);
    }
    free(text);
    return folder;
}

static int folder_of(struct view *view, const struct ipc_kind *kind)
{
    if (strcmp(kind->word, "mq") != 0) {
        if (view->memory < 0)
            view->memory = open(MEMORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return view->memory;
    }
    if (view->mqueue < 0)
        view->mqueue = mount_queues();
    if (view->mqueue < 0)
        view->mqueue = open_mounted_queues();
    if (view->mqueue < 0)
        view->missing = "POSIX queues cannot be listed: they are mounted nowhere; by root: "
                        "mkdir -p /dev/mqueue && mount -t mqueue none /dev/mqueue";
    return view->mqueue;
}

static int open_entry(int folder, const char *entry)
{
    return openat(folder, entry, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
}

static void read_queue(struct view *view, struct ipc *ipc, int folder, const char *entry)
{
    char text[128] = "";
    struct mq_attr attributes;
    unsigned long long size = 0;
    int notified = 0, fd = open_entry(folder, entry);
    if (fd < 0)
        return;
    if (mq_getattr(fd, &attributes) == 0) {
        ipc->queued = attributes.mq_curmsgs;
        ipc->detail = text_of("up to %ld messages of %ld bytes", attributes.mq_maxmsg, attributes.mq_msgsize);
    }
    if (read(fd, text, sizeof text - 1) > 0 &&
        sscanf(text, "QSIZE:%llu NOTIFY:%*d SIGNO:%*d NOTIFY_PID:%d", &size, &notified) == 2 && notified > 0)
        ipc_add_past(view, ipc, KIN_PART_WAITS, notified, 0);
    ipc->size = size;
    ipc->waiting = notified > 0;
    close(fd);
}

/* As glibc lays out a semaphore of a 64-bit process: the value, and how many wait. Those who were killed while they
 * waited are counted for ever. */
static void read_semaphore(struct ipc *ipc, int folder, const char *entry)
{
    uint32_t words[8];
    int fd = sizeof(void *) == 8 ? open_entry(folder, entry) : -1;
    if (fd >= 0 && read(fd, words, sizeof words) == sizeof words) {
        ipc->value = words[0];
        ipc->waiting = words[1];
    }
    if (fd >= 0)
        close(fd);
}

static void add_entry(struct view *view, const struct ipc_kind *kind, int folder, const char *entry)
{
    struct stat about;
    bool semaphore = strcmp(kind->word, "sem") == 0, memory = strcmp(kind->word, "shm") == 0;
    size_t prefix = sizeof SEMAPHORE - 1;
    if ((semaphore || memory) && (strncmp(entry, SEMAPHORE, prefix) == 0) != semaphore)
        return;
    if (fstatat(folder, entry, &about, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(about.st_mode))
        return;
    struct ipc *ipc = view_add(view, kind, about.st_dev, about.st_ino);
    if (!ipc)
        return;
    ipc_set_stat(ipc, &about);
    ipc->name = text_of("/%s", entry + (semaphore ? prefix : 0));
    if (semaphore)
        read_semaphore(ipc, folder, entry);
    else if (!memory)
        read_queue(view, ipc, folder, entry);
}

void list_posix(struct view *view, const struct ipc_kind *kind)
{
    int folder = folder_of(view, kind), copy = folder < 0 ? -1 : openat(folder, ".", O_RDONLY | O_CLOEXEC);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    for (struct dirent *entry; list && (entry = readdir(list));)
        if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN)
            add_entry(view, kind, folder, entry->d_name);
    if (list)
        closedir(list);
}

static int find_entry(const struct view *view, const struct ipc *ipc, char entry[NAME_MAX + 8])
{
    bool semaphore = strcmp(ipc->kind->word, "sem") == 0;
    snprintf(entry, NAME_MAX + 8, "%s%s", semaphore ? SEMAPHORE : "", ipc->name + 1);
    return strcmp(ipc->kind->word, "mq") == 0 ? view->mqueue : view->memory;
}

/* Opened, and nobody else has it open: others wait until it is closed. -EBUSY: somebody has; -ESTALE: another file has
 * its name now; -EINVAL: there are no leases here. */
static int open_alone(int folder, const char *entry, const struct ipc *ipc)
{
    struct stat about;
    int result, fd = open_entry(folder, entry);
    if (fd < 0)
        return -errno;
    /* Who waits for us is told by a signal; this one is ignored unless somebody wants it. */
    if (fstat(fd, &about) < 0 || about.st_ino != ipc->number || about.st_dev != ipc->device)
        result = -ESTALE;
    else if (fcntl(fd, F_SETSIG, SIGURG) < 0 || fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
        result = errno == EAGAIN ? -EBUSY : -errno;
    else
        return fd;
    close(fd);
    return result;
}

enum ipc_state judge_posix(const struct view *view, struct ipc *ipc, char proof[PROOF_MOST])
{
    char entry[NAME_MAX + 8];
    int folder = find_entry(view, ipc, entry), fd = open_alone(folder, entry, ipc);
    if (fd == -EBUSY)
        return IPC_HELD;
    if (fd < 0 && (fd == -EACCES || view->blind))
        return IPC_UNKNOWN;
    snprintf(proof, PROOF_MOST,
             fd < 0 ? "no process has it open or mapped"
                    : "no process has it open or mapped: the kernel gave a lease on it");
    if (fd >= 0)
        close(fd);
    return IPC_STALE;
}

static int rename_if_free(int folder, const char *from, const char *to)
{
    return syscall(SYS_renameat2, folder, from, folder, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

/* The file that the lease is on. While it stands nobody comes to have it open; who waits for that has broken it, and
 * finds the file by its name again. So it is moved aside before the last look, where its file system can do that: that
 * of queues cannot. Who had looked up the name right before, and got no further, finds it removed. Who kills us in
 * between leaves it aside, as stale as it was. */
static int remove_leased(int fd, int folder, const char *entry, const struct ipc *ipc)
{
    char aside[NAME_MAX + 32];
    struct stat about;
    snprintf(aside, sizeof aside, "%s.%d", entry, (int)getpid());
    bool moved = rename_if_free(folder, entry, aside) == 0;
    const char *name = moved ? aside : entry;
    if (fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) == 0 && about.st_ino == ipc->number &&
        fcntl(fd, F_GETLEASE) == F_WRLCK)
        return unlinkat(folder, name, 0) < 0 ? -errno : 0;
    if (moved)
        rename_if_free(folder, aside, entry);
    return -EBUSY;
}

int remove_posix(struct view *view, const struct ipc *ipc, bool forced)
{
    char entry[NAME_MAX + 8];
    int folder = find_entry(view, ipc, entry);
    if (forced)
        return unlinkat(folder, entry, 0) < 0 ? -errno : 0;
    int fd = open_alone(folder, entry, ipc);
    if (fd < 0)
        return fd;
    int result = remove_leased(fd, folder, entry, ipc);
    close(fd);
    return result;
}
