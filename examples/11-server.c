/* A server at a path, and its clients: `11-server PATH` serves, `11-server PATH WORD...` asks. Kill the server by
 * SIGKILL: its path stays, and the next server replaces it. A second server beside a living one is told who that is. */
#include <kin/socket.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

static int serve(const char *path)
{
    kin_socket *listener, *client;
    if (kin_socket_listen(path, KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), KIN_FOREVER, &listener) < 0)
        errx(1, "%s", kin_reason());
    puts("serving");
    fflush(stdout);
    for (unsigned served = 1; kin_socket_accept(listener, KIN_FOREVER, &client) == 0; served++) {
        char text[200], answer[256];
        ssize_t length;
        struct kin_peer peer;
        while ((length = kin_socket_receive(client, text, sizeof text, KIN_FOREVER)) > 0) {
            kin_socket_peer(client, &peer);
            int size = snprintf(answer, sizeof answer, "%.*s, client %u of user %u", (int)length, text, served,
                                (unsigned)peer.uid);
            kin_socket_send(client, answer, (size_t)size, KIN_FOREVER);
        }
        kin_socket_close(client);
    }
    errx(1, "%s", kin_reason());
}

static int ask(const char *path, char **words)
{
    char answer[256];
    kin_socket *server;
    kin_time soon = kin_after(INT64_C(10000000000));
    if (kin_socket_connect(path, KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), soon, &server) < 0)
        errx(1, "%s", kin_reason());
    for (; *words; words++) {
        if (kin_socket_send(server, *words, strlen(*words), soon) < 0)
            errx(1, "%s", kin_reason());
        ssize_t length = kin_socket_receive(server, answer, sizeof answer, soon);
        if (length <= 0)
            errx(1, "%s", length ? kin_reason() : "the server has gone");
        printf("%.*s\n", (int)length, answer);
    }
    kin_socket_close(server);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        errx(2, "usage: 11-server PATH [WORD...]");
    return argc == 2 ? serve(argv[1]) : ask(argv[1], argv + 2);
}
