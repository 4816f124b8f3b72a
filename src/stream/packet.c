/* Sending and receiving: one way for bytes, descriptors and batches of both. */
#include "stream/socket.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include "sys/unix.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#define BATCH 64u
#define CONTROL_SIZE 8192u /* 64 packets of a few descriptors, or 7 of as many as may be */
#define NAP (MILLISECOND / 4)

/* What one call of the kernel takes. */
struct batch {
    unsigned count;
    size_t control_used;
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    union {
        char bytes[CONTROL_SIZE];
        struct cmsghdr align;
    } control;
};

/* The next message of the batch; NULL: it is full. */
static struct msghdr *add_message(struct batch *batch, void *data, size_t length, size_t control)
{
    size_t used = batch->control_used;
    if (batch->count == BATCH || used + control > CONTROL_SIZE)
        return NULL;
    struct iovec *part = &batch->parts[batch->count];
    struct msghdr *message = &batch->messages[batch->count++].msg_hdr;
    *part = (struct iovec){data, length};
    *message = (struct msghdr){.msg_iov = part, .msg_iovlen = 1};
    if (control) {
        message->msg_control = batch->control.bytes + used;
        message->msg_controllen = control;
        batch->control_used = used + CMSG_ALIGN(control);
    }
    return message;
}

static int check_packet(const kin_socket *socket, const struct kin_packet *packet)
{
    if (packet->fd_count > KIN_FDS_MAX)
        return reason(-EINVAL, "%s: %zu descriptors are too many for one message; send at most %d", socket->label,
                      packet->fd_count, KIN_FDS_MAX);
    if (packet->length > 0 || socket->type == SOCK_DGRAM)
        return 0;
    if (packet->fd_count)
        return reason(-EINVAL, "%s: descriptors travel with at least one byte; give the packet some", socket->label);
    if (socket->type == SOCK_SEQPACKET)
        return reason(-EINVAL, "%s: the peer would take an empty message for the end; send at least one byte",
                      socket->label);
    return 0;
}

/* As many packets as one call takes. */
static void load(struct batch *batch, const struct kin_packet *packets, size_t count)
{
    batch->count = 0;
    batch->control_used = 0;
    for (size_t i = 0; i < count; i++) {
        const struct kin_packet *packet = &packets[i];
        size_t bytes = packet->fd_count * sizeof *packet->fds;
        struct msghdr *message = add_message(batch, packet->data, packet->length, bytes ? CMSG_SPACE(bytes) : 0);
        if (!message)
            return;
        if (!bytes)
            continue;
        struct cmsghdr *rider = message->msg_control;
        *rider = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(bytes)};
        memcpy(CMSG_DATA(rider), packet->fds, bytes);
    }
}

/* How many messages went. That there are too many descriptors on their way shows on no descriptor: look again. */
static int send_some(const kin_socket *socket, struct mmsghdr *messages, unsigned count, kin_time until)
{
    for (;;) {
        int result = unix_send(socket->fd, messages, count, until == KIN_FOREVER ? 0 : MSG_DONTWAIT);
        if (result == -EAGAIN) {
            result = ready_one(socket->fd, POLLOUT, until);
        } else if (result == -ETOOMANYREFS && clock_left(until) > 0) {
            ready_until(NULL, 0, kin_after(NAP));
            result = 0;
        } else {
            return result;
        }
        if (result < 0)
            return result;
    }
}

/* The rest of a message of which a stream has taken the first part; the descriptors went with that. */
static int send_rest(const kin_socket *socket, struct mmsghdr *message, size_t *sent, kin_time until)
{
    struct msghdr *header = &message->msg_hdr;
    for (*sent = message->msg_len; message->msg_len < header->msg_iov->iov_len; *sent += message->msg_len) {
        header->msg_iov->iov_base = (char *)header->msg_iov->iov_base + message->msg_len;
        header->msg_iov->iov_len -= message->msg_len;
        header->msg_control = NULL;
        header->msg_controllen = 0;
        message->msg_len = 0;
        int result = send_some(socket, message, 1, until);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Which descriptor it was, the kernel does not say. */
static int not_open(const kin_socket *socket, const struct kin_packet *packet)
{
    for (size_t i = 0; i < packet->fd_count; i++)
        if (fcntl(packet->fds[i], F_GETFD) < 0)
            return reason(-EBADF, "%s: descriptor %d, number %zu of the %zu to be sent, is not open", socket->label,
                          packet->fds[i], i + 1, packet->fd_count);
    return reason(-EBADF, "%s: the socket's own descriptor is not open", socket->label);
}

static int cannot_send(const kin_socket *socket, int result, const struct kin_packet *packet)
{
    errno = -result;
    switch (result) {
    case -EPIPE:
    case -ECONNRESET:
    case -ECONNREFUSED:
        return reason(result, "%s: the peer has closed; nothing more can be sent to it", socket->label);
    case -ETIMEDOUT:
        return reason(result, "%s: the peer does not read; if it waits to send too, receive first", socket->label);
    case -ETOOMANYREFS:
        return reason(-ETIMEDOUT, "%s: more descriptors are on their way, not received yet, than RLIMIT_NOFILE allows",
                      socket->label);
    case -EMSGSIZE:
        return reason(result, "%s: %zu bytes are too long for one message; its SO_SNDBUF of %d must have room for it, "
                      "or use a stream", socket->label, packet->length, unix_option(socket->fd, SO_SNDBUF));
    case -ENOTCONN:
        return reason(result, "%s: it is connected to nobody; send on what connect, accept or a pair gave",
                      socket->label);
    case -EBADF:
        return not_open(socket, packet);
    }
    return reason_errno("%s: cannot send", socket->label);
}

ssize_t kin_socket_send(kin_socket *socket, const void *data, size_t length, kin_time until)
{
    struct kin_packet packet = {.data = (void *)data, .length = length};
    struct iovec part = {packet.data, length};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
    size_t sent = 0;
    int result = check_packet(socket, &packet);
    if (result < 0)
        return result;
    result = send_some(socket, &message, 1, until);
    if (result > 0)
        result = send_rest(socket, &message, &sent, until);
    return result < 0 && sent == 0 ? cannot_send(socket, result, &packet) : (ssize_t)sent;
}

/* How many packets of the batch went. Half a packet is nothing that the peer could use. */
static int send_batch(const kin_socket *socket, struct batch *batch, const struct kin_packet *packets, kin_time until)
{
    int count = send_some(socket, batch->messages, batch->count, until);
    if (count < 0)
        return cannot_send(socket, count, packets);
    size_t sent;
    if (socket->type != SOCK_STREAM || send_rest(socket, &batch->messages[count - 1], &sent, until) == 0)
        return count;
    return reason(-EPROTO, "%s: a packet was cut after %zu of %zu bytes, as the peer did not read in time; close it",
                  socket->label, sent, packets[count - 1].length);
}

ssize_t kin_socket_send_packets(kin_socket *socket, const struct kin_packet *packets, size_t count, kin_time until)
{
    struct batch batch;
    size_t sent = 0;
    for (size_t i = 0; i < count; i++) {
        int result = check_packet(socket, &packets[i]);
        if (result < 0)
            return result;
    }
    while (sent < count) {
        load(&batch, packets + sent, count - sent);
        int result = send_batch(socket, &batch, packets + sent, until);
        if (result < 0)
            return sent && result != -EPROTO ? (ssize_t)sent : result;
        sent += (size_t)result;
    }
    return (ssize_t)sent;
}

/* The kernel writes the sender first, then the descriptors. The room for these is exact, or
 * it would let one more in. */
static void load_room(const kin_socket *socket, struct batch *batch, struct kin_packet *packets, size_t count)
{
    batch->count = 0;
    batch->control_used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t fds = packets[i].fd_room < KIN_FDS_MAX ? packets[i].fd_room : KIN_FDS_MAX;
        size_t control = (socket->credentials ? CMSG_SPACE(sizeof(struct ucred)) : 0) +
                         (fds ? CMSG_LEN(fds * sizeof *packets->fds) : 0);
        if (!add_message(batch, packets[i].data, packets[i].room, control))
            return;
    }
}

static void take_rider(const struct cmsghdr *rider, struct kin_packet *packet)
{
    if (rider->cmsg_level == SOL_SOCKET && rider->cmsg_type == SCM_RIGHTS) {
        size_t bytes = rider->cmsg_len - CMSG_LEN(0);
        memcpy(packet->fds, CMSG_DATA(rider), bytes);
        packet->fd_count = bytes / sizeof *packet->fds;
    } else if (rider->cmsg_level == SOL_SOCKET && rider->cmsg_type == SCM_CREDENTIALS) {
        struct ucred sender;
        memcpy(&sender, CMSG_DATA(rider), sizeof sender);
        packet->sender = (struct kin_peer){sender.pid, sender.uid, sender.gid};
    }
}

/* What has come of a message that did not fit is closed: half of its descriptors is nothing to work with. */
static int refuse(const kin_socket *socket, const struct msghdr *header, struct kin_packet *packet)
{
    size_t came = packet->fd_count;
    struct rlimit limit = {0};
    for (size_t i = 0; i < came; i++)
        file_close(packet->fds[i]);
    packet->fd_count = 0;
    if (header->msg_flags & MSG_TRUNC)
        return reason(-EMSGSIZE, "%s: a message of %zu bytes came, there was room for %zu; it is lost", socket->label,
                      packet->length, packet->room);
    if (came < packet->fd_room) {
        getrlimit(RLIMIT_NOFILE, &limit);
        return reason(-EMFILE, "%s: a message came with more descriptors than RLIMIT_NOFILE (%llu) has numbers left; "
                      "it is lost, what had come of it is closed", socket->label, (unsigned long long)limit.rlim_cur);
    }
    return reason(-EMSGSIZE, "%s: a message came with more descriptors than there was room for, %zu; it is lost, all "
                  "of them are closed", socket->label, packet->fd_room);
}

/* False: this was no message but the end. */
static bool unload(const kin_socket *socket, struct mmsghdr *message, struct kin_packet *packet)
{
    struct msghdr *header = &message->msg_hdr;
    bool cut = header->msg_flags & (MSG_CTRUNC | MSG_TRUNC);
    packet->length = message->msg_len;
    packet->fd_count = 0;
    packet->sender = (struct kin_peer){0, (uid_t)-1, (gid_t)-1};
    packet->result = 0;
    if (header->msg_controllen)
        for (struct cmsghdr *rider = CMSG_FIRSTHDR(header); rider; rider = CMSG_NXTHDR(header, rider))
            take_rider(rider, packet);
    if (cut)
        packet->result = refuse(socket, header, packet);
    return message->msg_len > 0 || packet->fd_count > 0 || cut || socket->type == SOCK_DGRAM;
}

static int receive_some(const kin_socket *socket, struct batch *batch, kin_time until)
{
    int flags = socket->type == SOCK_STREAM ? 0 : MSG_TRUNC; /* else bytes would be thrown away */
    if (until != KIN_FOREVER)
        flags |= MSG_DONTWAIT;
    else if (batch->count > 1)
        flags |= MSG_WAITFORONE;
    for (;;) {
        int result = unix_receive(socket->fd, batch->messages, batch->count, flags);
        if (result != -EAGAIN)
            return result;
        result = ready_one(socket->fd, POLLIN, until);
        if (result < 0)
            return result;
    }
}

static int cannot_receive(const kin_socket *socket, int result)
{
    errno = -result;
    switch (result) {
    case -ETIMEDOUT:
        return reason(result, "%s: nothing has come in time", socket->label);
    case -ECONNRESET:
        return reason(result, "%s: the peer has closed, and not read all that we had sent", socket->label);
    case -EINVAL:
    case -ENOTCONN:
        return reason(result, "%s: it is connected to nobody; receive on what connect, accept or a pair gave",
                      socket->label);
    }
    return reason_errno("%s: cannot receive", socket->label);
}

ssize_t kin_socket_receive_packets(kin_socket *socket, struct kin_packet *packets, size_t count, kin_time until)
{
    struct batch batch;
    for (size_t i = 0; i < count; i++)
        if (packets[i].room == 0 && socket->type != SOCK_DGRAM)
            return reason(-EINVAL, "%s: no room for a single byte: it could not be told from the end", socket->label);
    load_room(socket, &batch, packets, count);
    int came = receive_some(socket, &batch, until), received = 0;
    if (came < 0)
        return cannot_receive(socket, came);
    while (received < came && unload(socket, &batch.messages[received], &packets[received]))
        received++; /* an end behind them will be seen again */
    return received == 1 && packets->result < 0 ? packets->result : received;
}

ssize_t kin_socket_receive(kin_socket *socket, void *buffer, size_t size, kin_time until)
{
    struct kin_packet packet = {.data = buffer, .room = size};
    ssize_t result = kin_socket_receive_packets(socket, &packet, 1, until);
    return result > 0 ? (ssize_t)packet.length : result;
}
