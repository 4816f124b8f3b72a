/* Unix sockets, and paths of sockets that are gone. */
#include "see.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENS = 0x10000, UNCONNECTED = 1, CONNECTED = 3 };

static const char *type_name(unsigned type)
{
    return type == SOCK_STREAM ? "stream" : type == SOCK_DGRAM ? "datagram" : "seqpacket";
}

static void add_socket(struct view *view, const struct ipc_kind *kind, char *line)
{
    unsigned long fields[6]; /* references, protocol, flags, type, state; inode */
    char *path = strchr(line, ':');
    struct stat about;
    if (!path)
        return;
    path++;
    for (size_t i = 0; i < 6; i++)
        fields[i] = strtoul(path, &path, i < 5 ? 16 : 10);
    path += *path == ' ';
    struct ipc *ipc = fields[5] ? view_add(view, kind, 0, fields[5]) : NULL;
    if (!ipc)
        return;
    bool listens = fields[2] & LISTENS, own_path = *path && (listens || fields[4] == UNCONNECTED);
    const char *type = type_name((unsigned)fields[3]);
    const char *does = listens ? "listens" : fields[4] == CONNECTED ? "connected" : "not connected";
    ipc->name = own_path ? strdup(path) : text_of("%lu", fields[5]);
    ipc->detail = *path && !own_path ? text_of("%s, %s, at %s", type, does, path) : text_of("%s, %s", type, does);
    if (own_path && *path == '/' && lstat(path, &about) == 0 && S_ISSOCK(about.st_mode))
        ipc_set_stat(ipc, &about);
}

/* "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/service" below a line of headings. */
void list_sockets(struct view *view, const struct ipc_kind *kind)
{
    char *text = NULL, *end;
    size_t room = 0;
    if (proc_read(AT_FDCWD, "/proc/net/unix", &text, &room) >= 0)
        for (char *line = text; (end = strchr(line, '\n')); line = end + 1) {
            *end = '\0';
            if (line != text)
                add_socket(view, kind, line);
        }
    free(text);
}

struct ipc *add_socket_path(struct view *view, const char *path)
{
    struct stat about;
    if (lstat(path, &about) < 0 || !S_ISSOCK(about.st_mode))
        return NULL;
    const char *name;
    struct ipc *ipc = view_add(view, ipc_kind_of_name("socket:", &name), about.st_dev, about.st_ino);
    if (!ipc)
        return NULL;
    ipc_set_stat(ipc, &about);
    ipc->mine = about.st_uid == geteuid();
    ipc->name = strdup(path);
    ipc->detail = strdup("a path");
    return ipc->name ? ipc : NULL;
}

/* Connecting by a datagram socket tells whether a socket of any type is bound to the file, in whatever namespace, and
 * disturbs nobody: 0: none is; 1; or a negative errno. */
static int is_bound(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int result = connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
    close(fd);
    if (result == 0 || result == -EPROTOTYPE || result == -EPERM)
        return 1;
    return result == -ECONNREFUSED ? 0 : result;
}

enum ipc_state judge_socket(const struct view *view, struct ipc *ipc, char proof[PROOF_MOST])
{
    (void)view;
    int bound = ipc->device ? is_bound(ipc->name) : -EPERM; /* of a socket that lives, only its holder is not seen */
    if (bound)
        return bound > 0 ? IPC_HELD : IPC_UNKNOWN;
    snprintf(proof, PROOF_MOST, "no socket is bound to it: the kernel refuses to connect");
    return IPC_STALE;
}

/* Whoever makes sockets by kin replaces a stale path under this same lock. */
static int lock_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX) == 0)
        return fd;
    int result = -errno;
    if (fd >= 0)
        close(fd);
    return result;
}

static int rename_if_free(const char *from, const char *to)
{
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

/* Others know no lock and put their new socket where the old one was. So it is moved aside and looked at there: what
 * was bound meanwhile goes back. Who kills us in between leaves it aside, as stale as it was. */
static int remove_aside(const struct ipc *ipc)
{
    char aside[PATH_MAX];
    struct stat about;
    int result =
        snprintf(aside, sizeof aside, "%s.%d", ipc->name, (int)getpid()) < (int)sizeof aside ? 0 : -ENAMETOOLONG;
    if (result == 0)
        result = rename_if_free(ipc->name, aside);
    if (result < 0)
        return result;
    if (lstat(aside, &about) < 0 || about.st_ino != ipc->number || about.st_dev != ipc->device)
        result = -ESTALE;
    else
        result = is_bound(aside);
    if (result == 0)
        return unlink(aside) < 0 ? -errno : 0;
    rename_if_free(aside, ipc->name);
    return result > 0 ? -EBUSY : result;
}

int remove_socket(struct view *view, const struct ipc *ipc, bool forced)
{
    (void)view;
    struct stat about;
    int result, folder = lock_folder(ipc->name);
    if (folder < 0)
        return folder;
    if (!forced)
        result = is_bound(ipc->name) > 0 ? -EBUSY : remove_aside(ipc);
    else if (lstat(ipc->name, &about) < 0 || !S_ISSOCK(about.st_mode))
        result = -ESTALE;
    else
        result = unlink(ipc->name) < 0 ? -errno : 0;
    close(folder);
    return result;
}
