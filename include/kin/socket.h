/* kin/socket.h - Unix sockets: processes of one machine talk both ways, pass descriptors and know who the other is.
 *
 *     kin_socket *listener, *client;
 *     if (kin_socket_listen("/run/app/socket", NULL, KIN_FOREVER, &listener) < 0)
 *         errx(1, "%s", kin_reason());
 *     while (kin_socket_accept(listener, KIN_FOREVER, &client) == 0) {
 *         char text[512];
 *         for (ssize_t length; (length = kin_socket_receive(client, text, sizeof text, KIN_FOREVER)) > 0;)
 *             kin_socket_send(client, text, (size_t)length, KIN_FOREVER);
 *         kin_socket_close(client);
 *     }
 *
 * Kinds. A stream carries bytes, and no boundaries between them. A seqpacket carries whole messages over a connection:
 * take it where the choice is free. A datagram socket that listens receives whole messages of everybody; it accepts
 * nobody and cannot answer.
 *
 * Names. "/path" or "path" is a file in a directory, of any length; "@name" an abstract name, which needs no file, has
 * no permissions and serves the network namespace: ask kin_socket_peer() who comes. ("./@name" is a file.)
 *
 * A path whose owner has died is replaced, and only then: the kernel is asked whether any socket is bound there. That
 * takes a lock (flock) on the directory for a moment, so that of two starters one gets the path and the other is told
 * who has it. A path appears when its socket listens already, with the exact mode, and never gives "connection refused"
 * while its owner lives. Closing removes it, if it is still ours.
 *
 * Counts. What moves bytes or packets returns how many have moved, 0 for the end, or a negative errno when none have: a
 * count below what was asked is news, and the next call says of what kind. The end is that the peer has closed or died,
 * and that all it had sent is received. Nothing here raises SIGPIPE. Every descriptor is close-on-exec, received ones
 * too.
 *
 * Descriptors travel with a message, up to KIN_FDS_MAX: the receiver gets numbers of its own for the same open files.
 *
 * Fork: a child may use the handle; only the process that listened removes the path. A copy of an end that is left
 * open in another process keeps the peer from seeing the end: kin_socket_shutdown() tells it whoever has copies. */
#ifndef KIN_SOCKET_H
#define KIN_SOCKET_H

#include <kin/base.h>
#include <stdbool.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_socket kin_socket;

enum kin_socket_kind { KIN_SOCKET_STREAM, KIN_SOCKET_SEQPACKET, KIN_SOCKET_DATAGRAM };

/* The most descriptors that the kernel lets travel with one message. */
#define KIN_FDS_MAX 253

struct kin_socket_options {
    size_t size;
    enum kin_socket_kind kind; /* default: stream */
    unsigned mode;             /* permissions of the path: who may write may connect; default 0600 */
    unsigned backlog;          /* connections that wait to be accepted; default: as many as the system allows */
    bool credentials;          /* received packets tell their sender */
};
#define KIN_SOCKET(...) (&(struct kin_socket_options){.size = sizeof(struct kin_socket_options), __VA_ARGS__})

/* A process as the kernel vouches for it. pid 0: it is outside of our PID namespace, or there is none. */
struct kin_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/* Two connected sockets, both ways: out[0] and out[1]. */
int kin_socket_pair(const struct kin_socket_options *options, kin_socket **out);

/* Listens at the name (a datagram socket: receives there). The deadline is for the lock on the directory, which others
 * hold for microseconds.
 * -EADDRINUSE: somebody living has the name, and the sentence says who; -EEXIST: the path is no socket; -EACCES: no
 * permission, or the path is another user's and nothing can be proved; -ENAMETOOLONG; -ETIMEDOUT; -EINVAL. */
int kin_socket_listen(const char *name, const struct kin_socket_options *options, kin_time until, kin_socket **out);

/* The next connection. -ETIMEDOUT; -EMFILE, -ENFILE: no free descriptor, the connection goes on waiting. */
int kin_socket_accept(kin_socket *listener, kin_time until, kin_socket **out);

/* Connects to who listens at the name; waits while his backlog is full. The kind must be his. -ENOENT: there is no
 * such path; -ECONNREFUSED: nobody listens there; -EPROTOTYPE: he has another kind; -EACCES; -ETIMEDOUT. */
int kin_socket_connect(const char *name, const struct kin_socket_options *options, kin_time until, kin_socket **out);

/* A handle for a Unix socket that came otherwise: inherited, received, made by another library. The descriptor is the
 * handle's from now on. Of the options, `credentials` counts. A listening socket becomes non-blocking.
 * -EBADF; -ENOTSOCK: no Unix socket. */
int kin_socket_adopt(int fd, const struct kin_socket_options *options, kin_socket **out);

/* Sends the bytes: one message, or what a stream takes until the deadline. -EPIPE, -ECONNRESET: the peer has closed;
 * -ETIMEDOUT: it does not read; -EMSGSIZE: too long for one message; -EINVAL: an empty message, which a seqpacket's
 * peer would take for the end. */
ssize_t kin_socket_send(kin_socket *socket, const void *data, size_t length, kin_time until);

/* Receives one message or, of a stream, what is there. 0: the end (or an empty datagram). -ECONNRESET, once: the peer
 * has closed without reading all that we had sent; -EMSGSIZE: the message was longer than the buffer, or carried
 * descriptors; it is lost; -ETIMEDOUT. */
ssize_t kin_socket_receive(kin_socket *socket, void *buffer, size_t size, kin_time until);

/* Bytes and descriptors that travel together. On a stream, descriptors arrive with the first of their bytes, and a
 * receive that meets them ends there. */
struct kin_packet {
    void *data;
    size_t room;            /* received: how many bytes there is room for at `data` */
    size_t length;          /* sent: how many bytes; received: how many have come */
    int *fds;
    size_t fd_room;         /* received: how many descriptors there is room for at `fds` */
    size_t fd_count;        /* sent: how many; they stay open here. Received: how many have come */
    struct kin_peer sender; /* received with options->credentials: who sent it, when it was sent */
    int result;             /* received: 0, or why this one is lost */
};

/* Sends packets in order, 64 in one call of the kernel; returns how many went. Failures as of kin_socket_send(), and
 * -EBADF: one of the descriptors is not open, the sentence names it; -EINVAL: more than KIN_FDS_MAX, or none of the
 * bytes that must go with descriptors; nothing was sent then. -ETIMEDOUT also tells that more descriptors are on their
 * way, unreceived, than RLIMIT_NOFILE allows. -EPROTO: the deadline, or the peer's end, cut a stream's packet in its
 * middle; no more can be sent. */
ssize_t kin_socket_send_packets(kin_socket *socket, const struct kin_packet *packets, size_t count, kin_time until);

/* Receives packets: waits for the first, takes with it those that are there, 64 at most; returns how many came. A
 * packet that is lost counts, its `result` is negative and its descriptors are closed; when it is the only one that
 * came, that is returned. -EMSGSIZE: it had more bytes or more descriptors than there was room for; -EMFILE: this
 * process's RLIMIT_NOFILE leaves no numbers for them. */
ssize_t kin_socket_receive_packets(kin_socket *socket, struct kin_packet *packets, size_t count, kin_time until);

/* Tells the peer that nothing more will be sent, even if other processes have copies of this end. */
int kin_socket_shutdown(kin_socket *socket);

/* Who connected, listened or made the pair, at that moment; its children may have the socket now. -EOPNOTSUPP: a
 * datagram socket has no peer to be told, its packets have senders. */
int kin_socket_peer(const kin_socket *socket, struct kin_peer *out);

/* A new pidfd of that very process, to be closed by the caller; never of another one that has got its number.
 * -ESRCH: it has gone; -EOPNOTSUPP: this kernel (before Linux 6.5) does not keep it. */
int kin_socket_peer_pidfd(const kin_socket *socket);

/* For poll and epoll. Stays the handle's. */
int kin_socket_fd(const kin_socket *socket);

void kin_socket_close(kin_socket *socket);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
