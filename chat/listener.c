/* The listener: it accepts, and passes each connection on. */
#include "keeper.h"
#include <arpa/inet.h>
#include <errno.h>
#include <kin/socket.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static void name_of(const struct sockaddr_storage *address, struct chat_arrival *out)
{
    const void *bytes = address->ss_family == AF_INET6
                            ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
                            : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    *out = (struct chat_arrival){"unknown"};
    inet_ntop(address->ss_family, bytes, out->host, sizeof out->host);
}

int chat_listen_run(void *context)
{
    const struct chat_listener *listener = context;
    kin_socket *post;
    if (kin_socket_adopt(listener->post, NULL, &post) < 0)
        return 1;
    for (;;) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        struct chat_arrival arrival;
        int fd = accept4(listener->socket, (struct sockaddr *)&address, &size, SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
            poll(NULL, 0, 100); /* the connection goes on waiting */
        else if (fd < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = listener->socket, .events = POLLIN}, 1, -1);
        if (fd < 0)
            continue;
        name_of(&address, &arrival);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct kin_packet packet = {.data = &arrival, .length = sizeof arrival, .fds = &fd, .fd_count = 1};
        ssize_t sent = kin_socket_send_packets(post, &packet, 1, KIN_FOREVER);
        close(fd);
        if (sent < 0)
            return 0; /* the keeper has gone */
    }
}
