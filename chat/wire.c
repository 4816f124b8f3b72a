/* A connection, of which the kernel counts every byte: whoever takes it over asks, and goes on with the very next one.
 * The six headings are in chat/hall.h. */
#include "station.h"
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ESTABLISHED = 1 };

/* Bytes read and written so far by anybody, as the kernel counts them. The two parts of each are asked for until no
 * acknowledgement and no byte came in between. false: not a TCP connection, or a dead one. */
static bool ask(int fd, uint64_t *got, uint64_t *put)
{
    struct tcp_info before, after;
    int waiting, unsent;
    do {
        socklen_t size = sizeof before, again = sizeof after;
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &before, &size) < 0 || ioctl(fd, SIOCINQ, &waiting) < 0 ||
            ioctl(fd, SIOCOUTQ, &unsent) < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &after, &again) < 0)
            return false;
    } while (before.tcpi_bytes_received != after.tcpi_bytes_received ||
             before.tcpi_bytes_acked != after.tcpi_bytes_acked || before.tcpi_state != after.tcpi_state);
    /* The end of what came counts as a byte that can never be read. */
    *got = after.tcpi_bytes_received - (uint64_t)waiting - (after.tcpi_state != ESTABLISHED);
    *put = after.tcpi_bytes_acked + (uint64_t)unsent;
    return true;
}

bool chat_wire_measure(struct chat_guest *guest)
{
    struct chat_slot *slot = guest->client.slot;
    uint64_t got, put;
    if (!ask(guest->fd, &got, &put))
        return !slot->measured;
    if (!slot->measured) {
        /* An end that is there before the first read was taken off above, and will be again. */
        slot->in_origin = got;
        slot->out_origin = put;
        CHAT_STORE(slot->measured, 1);
    }
    uint64_t have = got - slot->in_origin - slot->consumed, written = put - slot->out_origin;
    if (have > CHAT_INPUT || written > slot->out_end || slot->out_end - written > CHAT_OUTPUT)
        return false;
    guest->have = (uint32_t)have;
    slot->written = written;
    return true;
}

/* The part of a ring that begins at a count of bytes, in two pieces. */
static void pieces(unsigned char *ring, size_t size, uint64_t from, size_t length, struct iovec out[2])
{
    size_t at = from % size, first = length < size - at ? length : size - at;
    out[0] = (struct iovec){ring + at, first};
    out[1] = (struct iovec){ring, length - first};
}

void chat_wire_read(struct chat_guest *guest)
{
    struct chat_slot *slot = guest->client.slot;
    struct iovec parts[2];
    size_t room = CHAT_INPUT - guest->have;
    if (!room || guest->ended)
        return;
    pieces(slot->input, CHAT_INPUT, slot->consumed + guest->have, room, parts);
    ssize_t count = recvmsg(guest->fd, &(struct msghdr){.msg_iov = parts, .msg_iovlen = 2}, MSG_DONTWAIT);
    if (count > 0)
        guest->have += (uint32_t)count;
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        guest->ended = true;
    if (count < 0 && guest->ended)
        guest->broken = true;
}

void chat_wire_write(struct chat_guest *guest)
{
    struct chat_slot *slot = guest->client.slot;
    struct iovec parts[2];
    while (slot->written < slot->out_end && !guest->broken) {
        pieces(slot->output, CHAT_OUTPUT, slot->written, (size_t)(slot->out_end - slot->written), parts);
        ssize_t count =
            sendmsg(guest->fd, &(struct msghdr){.msg_iov = parts, .msg_iovlen = 2}, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN)
            return;
        if (count < 0 && errno != EINTR)
            guest->broken = true;
        if (count > 0) {
            slot->written += (uint64_t)count;
            guest->wrote = guest->client.now;
        }
    }
    if (slot->written == slot->out_end)
        guest->wrote = guest->client.now;
}

size_t chat_wire_look(const struct chat_guest *guest, char *bytes, size_t size)
{
    struct iovec parts[2];
    size_t length = guest->have < size ? guest->have : size;
    pieces(guest->client.slot->input, CHAT_INPUT, guest->client.slot->consumed, length, parts);
    __builtin_memcpy(bytes, parts[0].iov_base, parts[0].iov_len);
    __builtin_memcpy(bytes + parts[0].iov_len, parts[1].iov_base, parts[1].iov_len);
    return length;
}
