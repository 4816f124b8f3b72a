#include "stream/address.h"
#include "sys/file.h"
#include "sys/reason.h"
#include "sys/unix.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define ROOM sizeof((struct sockaddr_un *)0)->sun_path

static int set_text(struct address *out, const char *text)
{
    size_t length = strlen(text);
    if (length >= ROOM)
        return -ENAMETOOLONG;
    memset(out, 0, sizeof *out);
    out->name.sun_family = AF_UNIX;
    memcpy(out->name.sun_path, text, length);
    out->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    out->via = -1;
    return 0;
}

/* An abstract name begins with a NUL byte in place of our '@', and ends with its length. */
static int set_abstract(struct address *out, const char *name)
{
    if (!name[1])
        return reason(-EINVAL, "the abstract name \"@\" is empty; give it at least one letter");
    if (set_text(out, name) < 0)
        return reason(-ENAMETOOLONG, "\"%.60s…\" is too long: an abstract name has at most %zu bytes", name, ROOM - 2);
    out->name.sun_path[0] = 0;
    out->length--;
    return 0;
}

static void set_descriptor(struct address *out, int fd)
{
    char text[32];
    snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
    set_text(out, text);
    out->via = fd;
}

int address_of(const char *name, struct address *out)
{
    if (!name || !*name)
        return reason(-EINVAL, "the name of a socket is a path, or @ and an abstract name; this one is empty");
    if (address_is_abstract(name))
        return set_abstract(out, name);
    if (set_text(out, name) == 0)
        return 0;
    int fd = file_open(name, O_PATH | O_CLOEXEC, 0);
    if (fd < 0)
        return reason_errno("cannot reach the socket \"%.300s\"", name);
    set_descriptor(out, fd);
    return 0;
}

int address_in(int directory, const char *path, const char *entry, struct address *out)
{
    char text[ROOM];
    int length = snprintf(text, sizeof text, "%s/%s", path, entry);
    if (length >= (int)sizeof text)
        length = snprintf(text, sizeof text, "/proc/self/fd/%d/%s", directory, entry);
    return length >= (int)sizeof text ? -ENAMETOOLONG : set_text(out, text);
}

void address_end(struct address *address)
{
    file_close(address->via);
    address->via = -1;
}

/* A datagram socket asks without disturbing anybody: nothing is bound there (ECONNREFUSED), something of another kind
 * is, whether it listens yet or not (EPROTOTYPE), or something of its own kind, which does not notice. */
int address_is_bound(const struct address *address)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int result = unix_connect(fd, &address->name, address->length, KIN_NOW);
    file_close(fd);
    switch (result) {
    case 0:
    case -EPROTOTYPE:
    case -EPERM: /* a datagram socket that is connected to another */
        return 1;
    case -ECONNREFUSED:
    case -ENOENT:
        return 0;
    }
    return result;
}

pid_t address_listener(const struct address *address)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
    struct ucred peer = {0};
    for (size_t i = 0; i < sizeof types / sizeof *types && peer.pid == 0; i++) {
        socklen_t size = sizeof peer;
        int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
        if (fd >= 0 && (unix_connect(fd, &address->name, address->length, KIN_NOW) < 0 ||
                        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0))
            peer.pid = 0;
        file_close(fd);
    }
    return peer.pid;
}
