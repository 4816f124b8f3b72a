/* An open file for a process that is no relative: `12-fdpass take PATH` waits at a socket and prints what it is given,
 * `12-fdpass give PATH FILE` opens the file and gives it. The taker needs no right to open the file itself. */
#include <kin/socket.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void give(const char *path, const char *file)
{
    kin_socket *socket;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        err(1, "cannot open %s", file);
    struct kin_packet packet = {.data = (void *)file, .length = strlen(file), .fds = &fd, .fd_count = 1};
    if (kin_socket_connect(path, NULL, KIN_FOREVER, &socket) < 0 ||
        kin_socket_send_packets(socket, &packet, 1, KIN_FOREVER) < 0)
        errx(1, "%s", kin_reason());
    kin_socket_close(socket); /* what is on its way outlives us */
    close(fd);
}

static void take(const char *path)
{
    kin_socket *listener, *socket;
    char name[256], text[4096];
    int fds[4];
    struct kin_packet packet = {.data = name, .room = sizeof name, .fds = fds, .fd_room = 4};
    if (kin_socket_listen(path, KIN_SOCKET(.credentials = true), KIN_FOREVER, &listener) < 0)
        errx(1, "%s", kin_reason());
    puts("waiting");
    fflush(stdout);
    if (kin_socket_accept(listener, KIN_FOREVER, &socket) < 0 ||
        kin_socket_receive_packets(socket, &packet, 1, KIN_FOREVER) <= 0)
        errx(1, "%s", kin_reason());
    for (size_t i = 0; i < packet.fd_count; i++) {
        ssize_t length = read(fds[i], text, sizeof text);
        printf("%.*s, given by user %u: %.*s", (int)packet.length, name, (unsigned)packet.sender.uid, (int)length,
               text);
        close(fds[i]);
    }
    kin_socket_close(socket);
    kin_socket_close(listener);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "take") == 0)
        take(argv[2]);
    else if (argc == 4 && strcmp(argv[1], "give") == 0)
        give(argv[2], argv[3]);
    else
        errx(2, "usage: 12-fdpass take PATH | give PATH FILE");
    return 0;
}
