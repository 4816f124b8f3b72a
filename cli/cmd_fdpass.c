#include "command.h"
#include "descriptor.h"
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_NAP 32 /* milliseconds */

struct passing {
    const struct call *call;
    const char *name;
    bool waits;
    kin_time until;
    size_t count;
    int fds[KIN_FDS_MAX];
};

static int read_words(struct passing *passing)
{
    const struct call *call = passing->call;
    int64_t wait = 0;
    int code = duration_of(call, OPTION_WAIT, &wait);
    if (code == EXIT_OK && call->operand_count - 1 > KIN_FDS_MAX)
        code = usage_error(call, "%d descriptors are too many for one message; give at most %d",
                           call->operand_count - 1, KIN_FDS_MAX);
    for (int i = 1; code == EXIT_OK && i < call->operand_count; i++)
        code = descriptor_of(call, "", call->operands[i], &passing->fds[passing->count++]);
    if (code == EXIT_OK && passing->count == 0)
        code = descriptor_of(call, "standard input: ", "0", &passing->fds[passing->count++]);
    passing->waits = is_given(call, OPTION_WAIT);
    passing->until = passing->waits ? kin_after(wait) : KIN_FOREVER;
    return code;
}

static bool too_late(const struct passing *passing)
{
    return passing->until == KIN_NOW || kin_after(1) > passing->until;
}

/* With --wait, the receiver may come later than we do. */
static int connect_to(const struct passing *passing, kin_socket **out)
{
    for (;;) {
        int result = kin_socket_connect(passing->name, NULL, passing->until, out);
        if ((result != -ENOENT && result != -ECONNREFUSED) || !passing->waits)
            return result;
        if (too_late(passing))
            return -ETIMEDOUT;
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
}

/* What is sent is on its way until it is read, and closed if its receiver ends before. Nothing tells the reading, so it
 * is looked for; a receiver that ended without it is told by the next receive. */
static int await_taking(const struct passing *passing, kin_socket *socket)
{
    char byte;
    int unread = 1;
    for (int nap = 1; ioctl(kin_socket_fd(socket), SIOCOUTQ, &unread) == 0 && unread > 0;) {
        struct pollfd end = {.fd = kin_socket_fd(socket)};
        if (too_late(passing))
            return -ETIMEDOUT;
        poll(&end, 1, nap);
        nap = nap < LONGEST_NAP ? 2 * nap : nap;
    }
    return kin_socket_receive(socket, &byte, 1, KIN_NOW) == -ECONNRESET ? -ECONNRESET : 0;
}

static int pass(const struct passing *passing)
{
    char what[300];
    kin_socket *socket;
    struct kin_packet packet = {
        .data = "", .length = 1, .fds = (int *)passing->fds, .fd_count = passing->count};
    int result = connect_to(passing, &socket);
    snprintf(what, sizeof what, "nobody listens at \"%.250s\"", passing->name);
    if (result < 0)
        return passing->waits ? not_in_time(passing->call, result, what) : failed(passing->call, result);
    result = (int)kin_socket_send_packets(socket, &packet, 1, passing->until);
    if (result > 0)
        result = await_taking(passing, socket);
    kin_socket_close(socket);
    snprintf(what, sizeof what, "\"%.230s\": the descriptors were not taken", passing->name);
    if (result != -ECONNRESET)
        return result < 0 ? not_in_time(passing->call, result, what) : EXIT_OK;
    complain(passing->call, "%s; the receiver has ended", what);
    return EXIT_FAILED;
}

int cmd_fdpass(struct call *call)
{
    struct passing passing = {.call = call, .name = call->operands[0]};
    int code = read_words(&passing);
    return code == EXIT_OK ? pass(&passing) : code;
}
