/* How a path is claimed.
 *
 * A socket file outlives its socket: a killed server's path stays, and connecting to it is refused. It may be replaced
 * if nobody is bound to it, which the kernel tells (address_is_bound). Two starters may both get that answer, and the
 * second would replace the first one's new path; so look and replacement are done under a lock on the directory. It is
 * an flock: the kernel gives it back when its holder dies, it needs no file that somebody would have to remove, and it
 * excludes across PID and network namespaces.
 *
 * The new socket is bound to a name of its own, given its mode, set to listen, and only then put in place by one
 * rename or link: nobody ever meets a path that refuses connections while its owner lives, or one with another mode. A
 * starter that is killed on the way leaves that other name, which the next one to start there removes, under the lock.
 *
 * A path that is free is taken by link(), which fails if somebody who does not know of the lock took it first. Only
 * one who binds by hand to a path that we are replacing, after we have proved it stale, can still be replaced. */
#include "stream/bound.h"
#include "stream/address.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include "sys/unix.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONGEST_NAP (8 * MILLISECOND)

struct claim {
    const char *path;      /* as the caller wrote it */
    const char *directory; /* of it */
    char young[64];        /* the entry under which the socket is born */
    struct bound *bound;
    int fd, backlog;
    unsigned mode;
};

static int cannot(const char *what, const struct claim *claim)
{
    return reason_errno("cannot %s \"%.250s\"", what, claim->path);
}

int bound_in_use(const char *name)
{
    struct address address;
    int result = address_of(name, &address);
    if (result < 0)
        return result;
    pid_t pid = address_listener(&address);
    address_end(&address);
    if (pid > 0)
        return reason(-EADDRINUSE, "\"%.250s\" is in use: process %d listens there; end it, or choose another name",
                      name, (int)pid);
    return reason(-EADDRINUSE,
                  "\"%.250s\" is in use: a socket is bound there, and the kernel does not tell whose (ss -xp may); end "
                  "its process, or choose another name", name);
}

/* 1: there is a path of a dead one; 0: there is none. */
static int look(const struct claim *claim)
{
    struct stat about;
    struct address address;
    if (fstatat(claim->bound->directory, claim->bound->entry, &about, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : cannot("look at", claim);
    if (!S_ISSOCK(about.st_mode))
        return reason(-EEXIST, "\"%.250s\" exists and is no socket; choose another name, or remove it yourself",
                      claim->path);
    int result = address_of(claim->path, &address);
    if (result < 0)
        return result;
    result = address_is_bound(&address);
    address_end(&address);
    if (result > 0)
        return bound_in_use(claim->path);
    if (result == 0)
        return 1;
    errno = -result;
    return reason_errno("\"%.250s\" exists, and it cannot be proved that nobody listens there", claim->path);
}

/* What a starter that was killed here has left: the lock is ours, so nobody is at it. */
static void remove_leftover(const struct claim *claim)
{
    struct stat about;
    int directory = claim->bound->directory;
    if (fstatat(directory, claim->young, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(about.st_mode))
        unlinkat(directory, claim->young, 0);
}

/* Mode 0 until the right one is set: the file is born with what the socket itself has, less the umask. */
static int give_birth(const struct claim *claim)
{
    struct address address;
    struct stat about;
    struct bound *bound = claim->bound;
    remove_leftover(claim);
    if (address_in(bound->directory, claim->directory, claim->young, &address) < 0)
        return reason(-ENAMETOOLONG, "\"%.250s\" is too long", claim->path);
    if (fchmod(claim->fd, 0) < 0 || bind(claim->fd, (struct sockaddr *)&address.name, address.length) < 0)
        return cannot("make a socket beside", claim);
    if (fchmodat(bound->directory, claim->young, claim->mode, 0) < 0 ||
        (claim->backlog >= 0 && listen(claim->fd, claim->backlog) < 0) ||
        fstatat(bound->directory, claim->young, &about, AT_SYMLINK_NOFOLLOW) < 0) {
        int result = cannot("prepare", claim);
        unlinkat(bound->directory, claim->young, 0);
        return result;
    }
    bound->device = about.st_dev;
    bound->inode = about.st_ino;
    return 0;
}

/* -EEXIST, without a sentence: somebody has just taken the path that was free. */
static int put_in_place(const struct claim *claim, bool replace)
{
    int directory = claim->bound->directory;
    const char *entry = claim->bound->entry;
    if (replace ? renameat(directory, claim->young, directory, entry) == 0
                : linkat(directory, claim->young, directory, entry, 0) == 0)
        return 0;
    return errno == EEXIST ? -EEXIST : cannot(replace ? "replace" : "make", claim);
}

static int claim_locked(const struct claim *claim)
{
    int stale = look(claim);
    int result = stale < 0 ? stale : give_birth(claim);
    if (result < 0)
        return result;
    result = put_in_place(claim, stale > 0);
    unlinkat(claim->bound->directory, claim->young, 0);
    if (result != -EEXIST)
        return result;
    stale = look(claim);
    return stale < 0 ? stale : reason(-EADDRINUSE, "\"%.250s\" was taken and left meanwhile; try again", claim->path);
}

static int lock_directory(const struct claim *claim, kin_time until)
{
    int64_t nap = MILLISECOND / 16;
    for (int result; (result = unix_lock_directory(claim->bound->directory)) < 0;) {
        errno = -result;
        if (result != -EAGAIN)
            return cannot("lock the directory of", claim);
        if (clock_left(until) <= 0)
            return reason(-ETIMEDOUT, "somebody keeps the directory of \"%.250s\" locked (flock; see lslocks)",
                          claim->path);
        ready_until(NULL, 0, kin_after(nap));
        nap = nap < LONGEST_NAP ? 2 * nap : nap;
    }
    return 0;
}

static int open_directory(struct claim *claim)
{
    struct bound *bound = claim->bound;
    bound->directory = file_open(claim->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    return bound->directory < 0 ? cannot("open the directory of", claim) : 0;
}

static int claim_path(struct claim *claim, kin_time until)
{
    struct bound *bound = claim->bound;
    int result = open_directory(claim);
    if (result == 0)
        result = lock_directory(claim, until);
    if (result == 0)
        result = claim_locked(claim);
    if (bound->directory >= 0)
        unix_unlock_directory(bound->directory); /* not by closing: a child forked meanwhile has a copy */
    if (result < 0)
        file_close(bound->directory);
    return result;
}

int bound_claim(const char *path, int fd, unsigned mode, int backlog, kin_time until, struct bound **out)
{
    const char *slash = strrchr(path, '/'), *entry = slash ? slash + 1 : path;
    size_t length = strlen(entry);
    if (length == 0 || length > NAME_MAX || strlen(path) >= PATH_MAX)
        return reason(length ? -ENAMETOOLONG : -EINVAL, length ? "\"%.60s…\" is too long" : "\"%.250s\" is a directory",
                      path);
    struct bound *bound = malloc(sizeof *bound + length + 1);
    char *directory = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    struct claim claim = {
        .path = path, .directory = directory, .bound = bound, .fd = fd, .backlog = backlog, .mode = mode};
    int result = -ENOMEM;
    if (bound && directory) {
        memcpy(bound->entry, entry, length + 1);
        bound->owner = getpid();
        snprintf(claim.young, sizeof claim.young, ".%.40s.kin", entry);
        result = claim_path(&claim, until);
    } else {
        reason(result, "no memory for the name of a socket");
    }
    free(directory);
    if (result < 0)
        free(bound);
    else
        *out = bound;
    return result;
}

void bound_end(struct bound *bound)
{
    struct stat about;
    if (!bound)
        return;
    if (bound->owner == getpid() && fstatat(bound->directory, bound->entry, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
        about.st_dev == bound->device && about.st_ino == bound->inode)
        unlinkat(bound->directory, bound->entry, 0);
    file_close(bound->directory);
    free(bound);
}
