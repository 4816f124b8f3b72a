#include "guard.h"
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GUARD_END = 3 };

static int stand_guard(void *context)
{
    (void)context;
    pid_t group = 0, told;
    ssize_t length;
    while ((length = recv(GUARD_END, &told, sizeof told, 0)) == sizeof told || (length < 0 && errno == EINTR))
        if (length > 0)
            group = told;
    if (group > 0)
        kill(-group, SIGKILL);
    return 0;
}

/* A session of its own: what a terminal or a shell sends to the wrapper's group does not reach it. */
int guard_start(const struct call *call, struct guard *guard)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        complain(call, "cannot make a socket pair: %m");
        return EXIT_FAILED;
    }
    const struct kin_fd_map map = {.to = GUARD_END, .from = ends[0]};
    int result = kin_process_fork(stand_guard, NULL, KIN_SPAWN(.flags = KIN_SPAWN_SESSION, .fds = &map, .fd_count = 1),
                                  &guard->process);
    close(ends[0]);
    guard->end = ends[1];
    if (result == 0)
        return EXIT_OK;
    close(ends[1]);
    return failed(call, result);
}

/* A guard that is gone is no reason to stop. */
void guard_watch(const struct guard *guard, pid_t group)
{
    send(guard->end, &group, sizeof group, MSG_NOSIGNAL);
}

void guard_stop(struct guard *guard)
{
    struct kin_exit how;
    close(guard->end);
    kin_process_wait(guard->process, 0, KIN_FOREVER, &how);
    kin_process_close(guard->process);
}
