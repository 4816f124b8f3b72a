/* A worker that is killed now and then, and tried again: the supervisor holds its listening socket meanwhile, so that
 * nobody who connects is refused. */
#include <kin/socket.h>
#include <kin/supervise.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS 50

static int work(void *context)
{
    kin_socket *listener, *client;
    (void)context;
    if (!getenv("LISTEN_FDS") || kin_socket_adopt(3, NULL, &listener) < 0)
        return 1;
    while (kin_socket_accept(listener, KIN_FOREVER, &client) == 0) {
        kin_socket_send(client, "done", 4, KIN_FOREVER);
        kin_socket_close(client);
    }
    return 1;
}

/* Lets the supervisor work until the answer is there; a worker that dies with our connection answers nothing. */
static int ask(kin_supervisor *supervisor, const char *path, int kill_it)
{
    kin_socket *client;
    char answer[4];
    ssize_t length;
    if (kin_socket_connect(path, NULL, KIN_NOW, &client) < 0)
        errx(1, "%s", kin_reason());
    if (kill_it)
        kin_supervisor_signal(supervisor, "worker", SIGKILL);
    while ((length = kin_socket_receive(client, answer, sizeof answer, kin_after(1000000))) == -ETIMEDOUT)
        kin_supervisor_wait(supervisor, KIN_NOW);
    kin_socket_close(client);
    return length == 4;
}

static int count_restarts(void *context, const struct kin_instance *instance)
{
    *(unsigned *)context = instance->restarts;
    return 0;
}

int main(int argc, char **argv)
{
    kin_socket *listener;
    kin_supervisor *supervisor;
    unsigned restarts = 0;
    if (argc != 2)
        errx(2, "usage: 38-supervise PATH");
    if (kin_socket_listen(argv[1], NULL, KIN_FOREVER, &listener) < 0)
        errx(1, "%s", kin_reason());
    const struct kin_handed handed = {"web", kin_socket_fd(listener)};
    if (kin_supervisor_open(NULL, NULL, KIN_SUPERVISOR(.intensity = UINT32_MAX), &supervisor) < 0 ||
        kin_supervisor_add(supervisor, KIN_PROGRAM(.name = "worker", .run = work, .handed = &handed, .handed_count = 1,
                                                   .pause_min = 1000000, .pause_max = 1000000)) < 0 ||
        kin_supervisor_start(supervisor, NULL) < 0)
        errx(1, "%s", kin_reason());
    for (int i = 0; i < CLIENTS; i++)
        while (!ask(supervisor, argv[1], i % 10 == 5))
            ;
    kin_supervisor_each(supervisor, count_restarts, &restarts);
    printf("%d clients answered, none refused; the worker was killed and tried again %u times\n", CLIENTS, restarts);
    kin_supervisor_stop(supervisor, NULL);
    while (kin_supervisor_wait(supervisor, KIN_FOREVER) == 0)
        ;
    kin_supervisor_close(supervisor);
    kin_socket_close(listener);
    return 0;
}
