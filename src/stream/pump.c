/* The pump. A relay that cannot get rid of what it has read reads no further: its writer waits, nobody else does. */
#include <kin/pump.h>
#include "stream/transfer.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define PIECE ((size_t)65536)
#define KNOWN_FLAGS KIN_FLOW_KEEP

static bool is_relay(const struct kin_flow *flow)
{
    return flow->from >= 0 && flow->to >= 0;
}

/* What is still to be written, and how much. In a relay, which may be left by a deadline and taken up again, it is in
 * `text`, from `size` to `length`. */
static const char *rest_of(const struct kin_flow *flow, size_t *count)
{
    if (flow->from < 0) {
        *count = flow->size - (size_t)flow->moved;
        return (const char *)flow->data + flow->moved;
    }
    *count = flow->to < 0 ? 0 : flow->length - flow->size;
    return flow->text + flow->size;
}

static bool has_rest(const struct kin_flow *flow)
{
    size_t count;
    rest_of(flow, &count);
    return count > 0;
}

static void end(struct kin_flow *flow, int error)
{
    flow->ended = true;
    flow->error = error;
    if (is_relay(flow)) {
        free(flow->text);
        flow->text = NULL;
        flow->length = 0;
    }
    if (flow->flags & KIN_FLOW_KEEP)
        return;
    file_close(flow->from);
    if (flow->to != flow->from)
        file_close(flow->to);
    flow->from = flow->to = KIN_MEMORY;
}

static bool is_for_later(ssize_t result)
{
    return result == -EAGAIN || result == -EINTR;
}

static void write_some(struct kin_flow *flow)
{
    size_t count;
    const char *rest = rest_of(flow, &count);
    ssize_t result = pipe_write(flow->to, rest, count < PIECE ? count : PIECE, false);
    if (is_for_later(result))
        return;
    if (result < 0) {
        end(flow, (int)result);
        return;
    }
    flow->moved += (uint64_t)result;
    if (is_relay(flow))
        flow->size += (size_t)result;
    else if (!has_rest(flow))
        end(flow, 0);
}

/* Room for one more piece and a NUL; in memory `size` is how much room there is, and it doubles. */
static bool make_room(struct kin_flow *flow)
{
    bool relay = is_relay(flow);
    if (relay ? flow->text != NULL : flow->size > flow->length + PIECE)
        return true;
    size_t room = relay ? PIECE : 2 * flow->size + PIECE + 1;
    char *text = room > flow->size ? realloc(flow->text, room) : NULL;
    if (!text)
        return false;
    flow->text = text;
    if (!relay)
        flow->size = room;
    return true;
}

static void collect(struct kin_flow *flow, size_t count)
{
    bool too_much = flow->most && count > flow->most - flow->length;
    flow->length = too_much ? flow->most : flow->length + count;
    flow->text[flow->length] = '\0';
    flow->moved = flow->length;
    if (too_much)
        end(flow, -EMSGSIZE);
}

static void read_some(struct kin_flow *flow)
{
    if (!make_room(flow)) {
        end(flow, -ENOMEM);
        return;
    }
    size_t start = is_relay(flow) ? 0 : flow->length;
    ssize_t result = pipe_read(flow->from, flow->text + start, PIECE, false);
    if (is_for_later(result))
        return;
    if (result <= 0) {
        end(flow, (int)result);
    } else if (is_relay(flow)) {
        flow->size = 0;
        flow->length = (size_t)result;
        write_some(flow);
    } else {
        collect(flow, (size_t)result);
    }
}

/* A source that nobody asks is not watched, as its end would be told again and again. A target always is: that nobody
 * reads it ends the flow, though nothing is to be written. */
static size_t watch(const struct kin_flow *flows, size_t count, struct pollfd *watched)
{
    size_t going = 0;
    for (size_t i = 0; i < count; i++) {
        const struct kin_flow *flow = &flows[i];
        bool writes = !flow->ended && has_rest(flow);
        watched[2 * i] = (struct pollfd){.fd = flow->ended || writes ? -1 : flow->from, .events = POLLIN};
        watched[2 * i + 1] = (struct pollfd){.fd = flow->ended ? -1 : flow->to, .events = writes ? POLLOUT : 0};
        going += !flow->ended;
    }
    return going;
}

static void serve(struct kin_flow *flow, const struct pollfd watched[2])
{
    if (watched[1].revents && !has_rest(flow))
        end(flow, -EPIPE);
    else if (watched[1].revents)
        write_some(flow);
    else if (watched[0].revents)
        read_some(flow);
}

static int pump(struct kin_flow *flows, size_t count, struct pollfd *watched, kin_time until)
{
    size_t going;
    while ((going = watch(flows, count, watched)) > 0) {
        int result = ready_until(watched, 2 * count, until);
        if (result == -ETIMEDOUT)
            return reason(result, "%zu of %zu flows have not come to their end in time", going, count);
        if (result < 0) {
            errno = -result;
            return reason_errno("cannot watch %zu flows", count);
        }
        for (size_t i = 0; i < count; i++)
            serve(&flows[i], &watched[2 * i]);
    }
    return 0;
}

static int check_descriptor(int fd, bool writing)
{
    if (fd == KIN_MEMORY)
        return 0;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == (writing ? O_RDONLY : O_WRONLY))
        return transfer_failed(fd, writing, -EBADF);
    return 0;
}

static bool would_close(const struct kin_flow *flow, int fd)
{
    return !flow->ended && !(flow->flags & KIN_FLOW_KEEP) && (flow->from == fd || flow->to == fd);
}

/* A descriptor that two flows close would be somebody else's the second time. */
static int check_shared(const struct kin_flow *flows, size_t number)
{
    const struct kin_flow *flow = &flows[number];
    for (size_t i = 0; i < number; i++)
        for (int side = 0; side < 2; side++) {
            int fd = side ? flow->to : flow->from;
            bool shared = !flows[i].ended && (flows[i].from == fd || flows[i].to == fd);
            if (fd != KIN_MEMORY && shared && (would_close(flow, fd) || would_close(&flows[i], fd)))
                return reason(-EINVAL,
                              "descriptor %d is in flows %zu and %zu, and the first to end would close it; give both "
                              "KIN_FLOW_KEEP",
                              fd, i, number);
        }
    return 0;
}

static int check_flow(const struct kin_flow *flows, size_t number)
{
    const struct kin_flow *flow = &flows[number];
    if (flow->flags & ~(unsigned)KNOWN_FLAGS)
        return reason(-EINVAL, "flow %zu: unknown flags 0x%x; see enum kin_flow_flag", number, flow->flags);
    if (flow->from == KIN_MEMORY && flow->to == KIN_MEMORY)
        return reason(-EINVAL, "flow %zu leads from memory to memory; memcpy() does that", number);
    if (flow->from != KIN_MEMORY && !flow->text && (flow->size || flow->length))
        return reason(-EINVAL,
                      "flow %zu: size and length are kin's own where it does not lead from memory; begin with 0",
                      number);
    int result = check_descriptor(flow->from, false);
    if (result == 0)
        result = check_descriptor(flow->to, true);
    return result == 0 ? check_shared(flows, number) : result;
}

int kin_pump(struct kin_flow *flows, size_t count, kin_time until)
{
    for (size_t i = 0; i < count; i++) {
        int result = flows[i].ended ? 0 : check_flow(flows, i);
        if (result < 0)
            return result;
    }
    struct pollfd *watched = calloc(count ? count : 1, 2 * sizeof *watched);
    if (!watched)
        return reason(-ENOMEM, "no memory for %zu flows", count);
    for (size_t i = 0; i < count; i++)
        if (!flows[i].ended && flows[i].from == KIN_MEMORY && !has_rest(&flows[i]))
            end(&flows[i], 0);
    int result = pump(flows, count, watched, until);
    free(watched);
    return result;
}
