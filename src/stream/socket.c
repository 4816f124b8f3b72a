#include "stream/socket.h"
#include "stream/address.h"
#include "sys/file.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include "sys/unix.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_MODE 0600
#define LABEL_MAX 160

static const char *const kind_names[] = {"a stream", "a seqpacket", "a datagram"};
static const int kind_types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
#define KINDS (sizeof kind_types / sizeof *kind_types)

static int read_options(const struct kin_socket_options *options, struct kin_socket_options *out)
{
    *out = (struct kin_socket_options){.size = sizeof *out};
    if (options)
        memcpy(out, options, options->size < sizeof *out ? options->size : sizeof *out);
    if ((unsigned)out->kind >= KINDS)
        return reason(-EINVAL, "there is no kind %d of socket; see enum kin_socket_kind", (int)out->kind);
    if (out->mode > 0777)
        return reason(-EINVAL, "mode 0%o: a socket has permissions up to 0777", out->mode);
    if (out->backlog > INT32_MAX)
        return reason(-EINVAL, "a backlog of %u is too long; the system allows net.core.somaxconn", out->backlog);
    return 0;
}

static int make(int type)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    return fd < 0 ? reason_errno("cannot make a socket") : fd;
}

static int wrap(int fd, int type, bool credentials, const char *label, kin_socket **out)
{
    int on = 1;
    size_t length = strnlen(label, LABEL_MAX);
    kin_socket *self = malloc(sizeof *self + length + 1);
    if (!self)
        return reason(-ENOMEM, "no memory for a socket");
    *self = (kin_socket){.fd = fd, .type = type, .credentials = credentials};
    memcpy(self->label, label, length);
    self->label[length] = 0;
    if (credentials && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) {
        int result = reason_errno("%s: senders cannot be told", self->label);
        free(self);
        return result;
    }
    *out = self;
    return 0;
}

/* The same for a new socket, which nobody else would close. */
static int wrap_new(int fd, int type, bool credentials, const char *label, kin_socket **out)
{
    int result = wrap(fd, type, credentials, label, out);
    if (result < 0)
        file_close(fd);
    return result;
}

int kin_socket_pair(const struct kin_socket_options *options, kin_socket **out)
{
    int ends[2];
    kin_socket *pair[2];
    struct kin_socket_options wish;
    int result = read_options(options, &wish);
    if (result < 0)
        return result;
    if (socketpair(AF_UNIX, kind_types[wish.kind] | SOCK_CLOEXEC, 0, ends) < 0)
        return reason_errno("cannot make a pair of sockets");
    result = wrap_new(ends[0], kind_types[wish.kind], wish.credentials, "a pair", &pair[0]);
    if (result < 0) {
        file_close(ends[1]);
        return result;
    }
    result = wrap_new(ends[1], kind_types[wish.kind], wish.credentials, "a pair", &pair[1]);
    if (result < 0) {
        kin_socket_close(pair[0]);
        return result;
    }
    memcpy(out, pair, sizeof pair);
    return 0;
}

static int claim_abstract(const char *name, int fd, int backlog)
{
    struct address address;
    int result = address_of(name, &address);
    if (result < 0)
        return result;
    if (bind(fd, (struct sockaddr *)&address.name, address.length) < 0)
        return errno == EADDRINUSE ? bound_in_use(name) : reason_errno("cannot take the name \"%s\"", name);
    return backlog >= 0 && listen(fd, backlog) < 0 ? reason_errno("cannot listen at \"%s\"", name) : 0;
}

/* Non-blocking: of two who wait for one connection, the second must not sleep in accept(). */
static int listen_at(kin_socket *self, const char *name, const struct kin_socket_options *wish, kin_time until)
{
    int backlog = self->type == SOCK_DGRAM ? -1 : wish->backlog ? (int)wish->backlog : INT32_MAX;
    if (backlog >= 0)
        fcntl(self->fd, F_SETFL, O_NONBLOCK);
    if (!address_is_abstract(name))
        return bound_claim(name, self->fd, wish->mode ? wish->mode : DEFAULT_MODE, backlog, until, &self->bound);
    if (wish->mode)
        return reason(-EINVAL, "\"%s\" is an abstract name: it has no permissions; give no mode, and ask who connects",
                      name);
    return claim_abstract(name, self->fd, backlog);
}

static int check_name(const char *name)
{
    return name && *name ? 0 : reason(-EINVAL, "the name of a socket is empty; give a path, or @ and an abstract name");
}

int kin_socket_listen(const char *name, const struct kin_socket_options *options, kin_time until, kin_socket **out)
{
    kin_socket *self;
    struct kin_socket_options wish;
    int result = check_name(name);
    if (result == 0)
        result = read_options(options, &wish);
    if (result == 0)
        result = make(kind_types[wish.kind]);
    if (result >= 0)
        result = wrap_new(result, kind_types[wish.kind], wish.credentials, name, &self);
    if (result < 0)
        return result;
    result = listen_at(self, name, &wish, until);
    if (result < 0)
        kin_socket_close(self);
    else
        *out = self;
    return result;
}

int kin_socket_accept(kin_socket *listener, kin_time until, kin_socket **out)
{
    for (;;) {
        int fd = unix_accept(listener->fd);
        if (fd >= 0)
            return wrap_new(fd, listener->type, listener->credentials, listener->label, out);
        int result = fd == -EAGAIN ? ready_one(listener->fd, POLLIN, until) : fd;
        errno = -result;
        if (result == -ETIMEDOUT)
            return reason(result, "%s: nobody has connected in time", listener->label);
        if (result == -EINVAL || result == -EOPNOTSUPP)
            return reason(-EINVAL, "%s: it does not listen, so nobody can be accepted", listener->label);
        if (result == -EMFILE)
            return reason_errno("%s: a connection waits, but this process's RLIMIT_NOFILE leaves no descriptor for it",
                                listener->label);
        if (result < 0)
            return reason_errno("%s: cannot accept", listener->label);
    }
}

static int cannot_connect(int result, const char *name, const struct kin_socket_options *wish)
{
    errno = -result;
    switch (result) {
    case -ETIMEDOUT:
        return reason(result, "\"%.250s\": the backlog is full, its owner has not accepted in time", name);
    case -ECONNREFUSED:
        return reason(result, "nobody listens at \"%.250s\"%s", name,
                      address_is_abstract(name) ? "" : "; its owner has ended, or it is no socket");
    case -EPROTOTYPE:
        return reason(result, "\"%.250s\" is not %s socket; connect with its own kind", name, kind_names[wish->kind]);
    }
    return reason_errno("cannot connect to \"%.250s\"", name);
}

int kin_socket_connect(const char *name, const struct kin_socket_options *options, kin_time until, kin_socket **out)
{
    struct address address;
    struct kin_socket_options wish;
    int result = check_name(name);
    if (result == 0)
        result = read_options(options, &wish);
    if (result == 0)
        result = address_of(name, &address);
    if (result < 0)
        return result;
    int fd = result = make(kind_types[wish.kind]);
    if (fd >= 0) {
        result = unix_connect(fd, &address.name, address.length, until);
        if (result < 0)
            cannot_connect(result, name, &wish);
    }
    address_end(&address);
    if (result == 0)
        return wrap_new(fd, kind_types[wish.kind], wish.credentials, name, out);
    file_close(fd);
    return result;
}

int kin_socket_adopt(int fd, const struct kin_socket_options *options, kin_socket **out)
{
    char label[32];
    struct kin_socket_options wish;
    int result = read_options(options, &wish);
    if (result < 0)
        return result;
    int domain = unix_option(fd, SO_DOMAIN), type = unix_option(fd, SO_TYPE);
    if (domain == -EBADF)
        return reason(-EBADF, "descriptor %d is not open", fd);
    if (domain != AF_UNIX || type < 0)
        return reason(-ENOTSOCK, "descriptor %d is no Unix socket", fd);
    if (unix_option(fd, SO_ACCEPTCONN) > 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    snprintf(label, sizeof label, "descriptor %d", fd);
    return wrap(fd, type, wish.credentials || unix_option(fd, SO_PASSCRED) > 0, label, out);
}

int kin_socket_shutdown(kin_socket *socket)
{
    if (shutdown(socket->fd, SHUT_WR) == 0 || errno == ENOTCONN)
        return 0;
    return reason_errno("%s: cannot tell the peer that nothing more is sent", socket->label);
}

int kin_socket_peer(const kin_socket *socket, struct kin_peer *out)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return reason_errno("%s: the kernel does not tell the peer", socket->label);
    if (peer.uid == (uid_t)-1)
        return reason(-EOPNOTSUPP, "%s: it has no peer that the kernel knows; its packets can tell their senders",
                      socket->label);
    *out = (struct kin_peer){peer.pid, peer.uid, peer.gid};
    return 0;
}

/* A number and a start time would prove nothing: between the peer's connect and our first look, its number may have
 * become another's. So where the kernel does not keep the process itself, nothing is told. */
int kin_socket_peer_pidfd(const kin_socket *socket)
{
    int result = unix_peer_pidfd(socket->fd);
    errno = -result;
    if (result == -ESRCH || result == -EINVAL)
        return reason(-ESRCH, "%s: the peer has gone", socket->label);
    if (result == -ENODATA)
        return reason(-EOPNOTSUPP, "%s: it has no peer that the kernel knows", socket->label);
    if (result == -EOPNOTSUPP)
        return reason(result, "%s: only from Linux 6.5 on the kernel keeps which process the peer is", socket->label);
    return result < 0 ? reason_errno("%s: no pidfd of the peer", socket->label) : result;
}

int kin_socket_fd(const kin_socket *socket)
{
    return socket->fd;
}

/* First the path, then the socket: see bound_end(). */
void kin_socket_close(kin_socket *socket)
{
    if (!socket)
        return;
    bound_end(socket->bound);
    file_close(socket->fd);
    free(socket);
}
