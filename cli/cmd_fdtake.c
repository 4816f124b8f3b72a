#include "command.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIRST = 3 }; /* as sd_listen_fds(3) has it */

struct taking {
    const struct call *call;
    const char *name;
    kin_time until;
    unsigned mode;
    size_t count;
    int fds[KIN_FDS_MAX];
};

static int read_options(struct taking *taking)
{
    int64_t wait = 0;
    int code = duration_of(taking->call, OPTION_WAIT, &wait);
    if (code == EXIT_OK)
        code = mode_of(taking->call, &taking->mode);
    taking->until = is_given(taking->call, OPTION_WAIT) ? kin_after(wait) : KIN_FOREVER;
    return code;
}

/* Connections that end without a word are those of others who ask whether somebody listens here. */
static int receive(struct taking *taking, kin_socket *listener)
{
    char bytes[4096];
    struct kin_packet packet = {.data = bytes, .room = sizeof bytes, .fds = taking->fds, .fd_room = KIN_FDS_MAX};
    ssize_t result = 0;
    while (result == 0 || result == -ECONNRESET) {
        kin_socket *sender;
        result = kin_socket_accept(listener, taking->until, &sender);
        if (result < 0)
            break;
        result = kin_socket_receive_packets(sender, &packet, 1, taking->until);
        kin_socket_close(sender);
    }
    taking->count = result > 0 ? packet.fd_count : 0;
    return result < 0 ? (int)result : 0;
}

static int take(struct taking *taking)
{
    char what[300];
    kin_socket *listener;
    int result = kin_socket_listen(taking->name, KIN_SOCKET(.mode = taking->mode), taking->until, &listener);
    if (result < 0)
        return failed(taking->call, result);
    result = receive(taking, listener);
    kin_socket_close(listener);
    snprintf(what, sizeof what, "nobody has passed descriptors to \"%.240s\"", taking->name);
    if (result < 0)
        return not_in_time(taking->call, result, what);
    if (taking->count > 0)
        return EXIT_OK;
    complain(taking->call, "what came to \"%.240s\" brought no descriptors; pass some by: kin fdpass", taking->name);
    return EXIT_FAILED;
}

/* First away from the numbers that they are to get, then to these, in their order. */
static int set_numbers(const struct taking *taking)
{
    int moved[KIN_FDS_MAX];
    char text[16];
    for (size_t i = 0; i < taking->count; i++)
        if ((moved[i] = fcntl(taking->fds[i], F_DUPFD_CLOEXEC, FIRST + (int)taking->count)) < 0) {
            complain(taking->call, "no numbers left for %zu descriptors: %m; raise RLIMIT_NOFILE", taking->count);
            return EXIT_FAILED;
        }
    for (size_t i = 0; i < taking->count; i++)
        dup2(moved[i], FIRST + (int)i);
    snprintf(text, sizeof text, "%zu", taking->count);
    setenv("LISTEN_FDS", text, 1);
    snprintf(text, sizeof text, "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    unsetenv("LISTEN_FDNAMES");
    return EXIT_OK;
}

/* CMD takes our place: LISTEN_PID is its own. */
int cmd_fdtake(struct call *call)
{
    struct taking taking = {.call = call, .name = call->operands[0]};
    int code = read_options(&taking);
    if (code == EXIT_OK)
        code = take(&taking);
    if (code == EXIT_OK)
        code = set_numbers(&taking);
    if (code != EXIT_OK)
        return code;
    execvp(call->cmd[0], call->cmd);
    code = errno == ENOENT ? EXIT_NO_COMMAND : EXIT_NOT_EXECUTABLE;
    complain(call, "cannot execute \"%s\": %m", call->cmd[0]);
    return code;
}
