/* kin/channel.h - one producer, one consumer, no lock: the shortest way between two processes.
 *
 * A ring of messages of a fixed greatest size. One thread at a time may be its producer and one its consumer; each end
 * is claimed by the first thread that uses it, and is free again when that thread closes the channel or dies.
 *
 * Close it in the thread that used it: another thread's close does not free the end, and a thread that ends without a
 * close counts as one that died. An end counts as one of the 16 things that a thread may hold (-ENOLCK beyond).
 * -EBADMSG: the ring was damaged; what could not be a message is dropped.
 *
 *     kin_channel *channel;
 *     kin_channel_open(NULL, "ticks", KIN_CHANNEL(.message_max = 64), &channel);
 *     kin_channel_send(channel, &tick, sizeof tick, KIN_FOREVER);
 */
#ifndef KIN_CHANNEL_H
#define KIN_CHANNEL_H

#include <kin/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_channel kin_channel;

struct kin_channel_options {
    size_t size;
    unsigned flags;       /* of enum kin_open */
    unsigned mode;        /* default 0600 */
    uint32_t messages;    /* of a new channel, rounded up to a power of two; default 1024 */
    uint32_t message_max; /* of a new channel; default 64 bytes */
};
#define KIN_CHANNEL(...) (&(struct kin_channel_options){.size = sizeof(struct kin_channel_options), __VA_ARGS__})

int kin_channel_open(kin_domain *domain, const char *name, const struct kin_channel_options *options,
                     kin_channel **out);
void kin_channel_close(kin_channel *channel);

/* Sends a copy. -EBUSY: another living thread is the producer; -EMSGSIZE; -ETIMEDOUT; -EIDRM; -EPIPE: the consumer
 * died and nobody took its place, and the ring is full.
 * Death: the message is there whole, or not at all. */
int kin_channel_send(kin_channel *channel, const void *data, uint32_t length, kin_time until);

/* Receives into buffer; the result is the length. -EBUSY: another living thread is the consumer; -E2BIG; -ETIMEDOUT;
 * -EIDRM; -EPIPE: the ring is empty and the producer has died.
 * Death: the message is still there for the next consumer, or had been received. */
int kin_channel_receive(kin_channel *channel, void *buffer, uint32_t capacity, kin_time until);

/* A descriptor for poll, epoll or an event loop, readable when it is worth while to try (KIN_NOW) to receive or send,
 * as kin_queue_fd. The calling thread takes that end, as by a first use (-EBUSY); it alone may clear. */
int kin_channel_fd(kin_channel *channel, enum kin_ready what);
int kin_channel_clear(kin_channel *channel, enum kin_ready what);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
