/* One listener, four workers, and now and then one of them is killed: every client is answered. A client whose worker
 * died after it had taken the connection sees the end, and asks again. */
#include <kin/prefork.h>
#include <kin/process.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKERS 4
#define CLIENTS 200

static int work(void *post)
{
    kin_socket *client;
    int result;
    while ((result = kin_prefork_take(post, KIN_FOREVER, &client)) == 0) {
        kin_socket_send(client, "done", 4, KIN_FOREVER);
        kin_socket_close(client);
    }
    return result == -EPIPE ? 0 : 1; /* the owner has gone */
}

static kin_process *start(kin_prefork *prefork)
{
    kin_socket *post;
    kin_process *process;
    if (kin_prefork_add(prefork, &post) < 0)
        errx(1, "%s", kin_reason());
    int fd = kin_socket_fd(post);
    const struct kin_fd_map map = {.to = fd, .from = fd};
    if (kin_process_fork(work, post, KIN_SPAWN(.fds = &map, .fd_count = 1), &process) < 0)
        errx(1, "%s", kin_reason());
    kin_socket_close(post);
    return process;
}

/* A client of our own: the owner works on until there is an answer. */
static int ask(kin_prefork *prefork, const char *path, kin_process *victim)
{
    char text[8];
    kin_socket *client;
    if (kin_socket_connect(path, NULL, KIN_FOREVER, &client) < 0)
        errx(1, "%s", kin_reason());
    if (victim)
        kin_process_signal(victim, SIGKILL);
    for (struct pollfd answer = {.fd = kin_socket_fd(client), .events = POLLIN}; poll(&answer, 1, 0) == 0;)
        kin_prefork_run(prefork, kin_after(1000000));
    ssize_t length = kin_socket_receive(client, text, sizeof text, KIN_FOREVER);
    kin_socket_close(client);
    return length == 4;
}

int main(int argc, char **argv)
{
    kin_socket *listener;
    kin_prefork *prefork;
    kin_process *workers[WORKERS];
    unsigned answered = 0, killed = 0, again = 0;
    if (argc != 2)
        errx(2, "usage: 13-prefork PATH");
    if (kin_socket_listen(argv[1], NULL, KIN_FOREVER, &listener) < 0 || kin_prefork_create(listener, &prefork) < 0)
        errx(1, "%s", kin_reason());
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start(prefork);
    while (answered < CLIENTS) {
        kin_process **victim = answered % 10 == 9 && killed < CLIENTS / 10 ? &workers[killed % WORKERS] : NULL;
        int good = ask(prefork, argv[1], victim ? *victim : NULL);
        answered += good != 0;
        again += good == 0;
        if (victim) {
            kin_process_wait(*victim, 0, KIN_FOREVER, NULL);
            kin_process_close(*victim);
            *victim = start(prefork);
            killed++;
        }
    }
    printf("%u clients answered, %u workers killed, asked again: %s\n", answered, killed,
           again <= killed ? "no more than that" : "more than that");
    kin_prefork_destroy(prefork);
    kin_socket_close(listener);
    for (int i = 0; i < WORKERS; i++) {
        kin_process_wait(workers[i], 0, KIN_FOREVER, NULL);
        kin_process_close(workers[i]);
    }
    return 0;
}
