/* Opening and closing a channel, sending and receiving. The six headings are in channel/spsc.h. */
#include "channel/spsc.h"
#include "sys/file.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MESSAGES_DEFAULT 1024u
#define MESSAGES_MAX (UINT32_C(1) << 24)
#define LENGTH_DEFAULT 64u
#define LENGTH_MAX (UINT32_C(1) << 30)
#define BYTES_MAX (UINT64_C(1) << 46)

#define LINE 64u
#define PAIR 128u /* lines that processors fetch together */

static int check_options(const char *name, const struct kin_channel_options *options, struct kin_channel_options *out)
{
    *out = options ? *options : (struct kin_channel_options){0};
    if (out->messages == 0)
        out->messages = MESSAGES_DEFAULT;
    if (out->message_max == 0)
        out->message_max = LENGTH_DEFAULT;
    if (out->messages > MESSAGES_MAX)
        return reason(-EINVAL, "%s: %u messages are too many, %u are possible", name, out->messages, MESSAGES_MAX);
    if (out->message_max > LENGTH_MAX)
        return reason(-EINVAL, "%s: messages of %u bytes are too long, 1 GiB is possible", name, out->message_max);
    while (out->messages & (out->messages - 1))
        out->messages += out->messages & -out->messages; /* up to the next power of two */
    return 0;
}

/* A short message lies with its header in one pair of lines. The payload of a long one begins on a line of its own, as
 * copying to odd addresses is slow. */
static uint64_t stride_of(uint32_t message_max, uint32_t *payload)
{
    *payload = message_max <= PAIR - HEADER_BYTES ? HEADER_BYTES : LINE;
    uint64_t bytes = (uint64_t)*payload + message_max, stride = 2 * HEADER_BYTES;
    if (bytes > PAIR)
        return (bytes + PAIR - 1) & ~(uint64_t)(PAIR - 1);
    while (stride < bytes)
        stride *= 2;
    return stride;
}

static int fill(void *context, struct segment *segment)
{
    const struct kin_channel_options *options = context;
    struct channel_header *shared = (struct channel_header *)segment->header;
    uint32_t payload;
    uint64_t bytes = options->messages * stride_of(options->message_max, &payload);
    int result = bytes > BYTES_MAX ? -ENOSPC : file_reserve(segment->fd, segment->header_bytes, bytes);
    if (result < 0)
        return reason(result,
                      "no room for %s (%llu bytes): enlarge the tmpfs it is on or remove what is not needed (kin ls)",
                      segment->path, (unsigned long long)bytes);
    shared->messages = options->messages;
    shared->message_max = options->message_max;
    return 0;
}

static uint64_t slots_bytes(const kin_channel *channel)
{
    return channel->capacity * channel->stride;
}

/* This process's view: the numbers are read once and checked. */
static int view(kin_channel *channel)
{
    struct segment *segment = &channel->object.segment;
    struct stat about;
    channel->shared = (struct channel_header *)segment->header;
    channel->capacity = LOAD(channel->shared->messages);
    channel->message_max = LOAD(channel->shared->message_max);
    channel->stride = stride_of(channel->message_max, &channel->payload);
    int fd = segment_fd(segment);
    if (fd < 0)
        return fd;
    if (segment->header_bytes < sizeof *channel->shared || channel->capacity == 0 || channel->capacity > MESSAGES_MAX ||
        channel->capacity & (channel->capacity - 1) || channel->message_max == 0 || channel->message_max > LENGTH_MAX ||
        fstat(fd, &about) < 0 || slots_bytes(channel) > (uint64_t)about.st_size - segment->header_bytes)
        return reason(-EBADMSG, "%s is damaged or cut off: remove it and make it anew", segment->path);
    channel->slots = file_map(fd, segment->header_bytes, slots_bytes(channel));
    return channel->slots
               ? 0
               : reason_errno("cannot map %llu bytes of %s", (unsigned long long)slots_bytes(channel), segment->path);
}

int kin_channel_open(kin_domain *domain, const char *name, const struct kin_channel_options *options, kin_channel **out)
{
    struct kin_channel_options checked;
    int result = check_options(name ? name : "", options, &checked);
    kin_channel *channel = result < 0 ? NULL : aligned_alloc(PAIR, sizeof *channel);
    if (!channel)
        return result < 0 ? result : reason(-ENOMEM, "no memory left in this process");
    memset(channel, 0, sizeof *channel);
    channel->fds = (struct poll_fds)POLL_FDS_INIT;
    struct object_birth birth = {
        .kind = KIN_KIND_CHANNEL,
        .layout =
            SEGMENT_LAYOUT(sizeof(struct channel_header), offsetof(struct channel_header, head), HEADER_BYTES, PAIR),
        .header_bytes = sizeof(struct channel_header),
        .flags = checked.flags,
        .mode = checked.mode,
        .fill = fill,
        .context = &checked,
    };
    result = object_open(domain, name, &birth, &channel->object);
    if (result < 0) {
        free(channel);
        return result;
    }
    result = view(channel);
    if (result < 0) {
        kin_channel_close(channel);
        return result;
    }
    *out = channel;
    return 0;
}

void kin_channel_close(kin_channel *channel)
{
    int result;
    if (!channel)
        return;
    if (channel->fds.close)
        channel->fds.close(&channel->fds);
    if (LOAD(channel->claims[PRODUCER].life) || LOAD(channel->claims[CONSUMER].life)) {
        struct seat *seat = life_enter(channel->object.domain, &result);
        for (enum side side = PRODUCER; seat && side <= CONSUMER; side++)
            end_release(channel, seat, side);
    }
    file_unmap(channel->slots, slots_bytes(channel));
    object_close(&channel->object);
    free(channel);
}

static int too_long(const kin_channel *channel, uint32_t length)
{
    return reason(-EMSGSIZE,
                  "a message of %u bytes is too long for %s, which takes %u: make it with a larger "
                  "message_max",
                  length, channel->object.segment.path, channel->message_max);
}

int kin_channel_send(kin_channel *channel, const void *data, uint32_t length, kin_time until)
{
    int result = 0;
    struct claim *claim = &channel->claims[PRODUCER];
    if (unlikely(length > channel->message_max))
        return too_long(channel, length);
    struct seat *seat = end_enter(channel, PRODUCER, &result);
    if (unlikely(!seat))
        return result;
    if (unlikely(claim->position - claim->head >= channel->capacity)) {
        result = channel_wait(channel, seat, PRODUCER, until);
        if (result < 0)
            return result;
    }
    unsigned char *slot = slot_at(channel, claim->position);
    uint64_t *header = (uint64_t *)(void *)slot;
    if (PLANTED(COMMIT_FIRST))
        STORE_RELEASE(*header, HEADER_MAKE(length, claim->position));
    KEEP_ORDER();
    if (likely(length))
        memcpy(slot + channel->payload, data, length);
    KEEP_ORDER();
    STORE_RELEASE(*header, HEADER_MAKE(length, claim->position));
    claim->position++;
    channel_wake(channel, PRODUCER);
    return 0;
}

/* The consumer goes on to the next message. */
static void pass(kin_channel *channel, struct claim *claim)
{
    KEEP_ORDER();
    STORE_RELEASE(channel->shared->head, claim->position + 1);
    claim->position++;
    channel_wake(channel, CONSUMER);
}

int kin_channel_receive(kin_channel *channel, void *buffer, uint32_t capacity, kin_time until)
{
    int result = 0;
    struct claim *claim = &channel->claims[CONSUMER];
    struct seat *seat = end_enter(channel, CONSUMER, &result);
    if (unlikely(!seat))
        return result;
    const unsigned char *slot = slot_at(channel, claim->position);
    uint64_t header = slot_header(slot);
    if (unlikely(HEADER_SEQUENCE(header) != (uint32_t)(claim->position + 1))) {
        result = channel_wait(channel, seat, CONSUMER, until);
        if (result < 0)
            return result;
        header = slot_header(slot);
    }
    uint32_t length = HEADER_LENGTH(header);
    if (unlikely(length > channel->message_max)) {
        pass(channel, claim);
        return reason(-EBADMSG, "a message of %s was damaged and is dropped", channel->object.segment.path);
    }
    if (unlikely(length > capacity))
        return reason(-E2BIG, "the next message of %s has %u bytes, the buffer %u: it stays in the channel",
                      channel->object.segment.path, length, capacity);
    if (likely(length))
        memcpy(buffer, slot + channel->payload, length);
    pass(channel, claim);
    return (int)length;
}
