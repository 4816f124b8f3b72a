/* A pair of sockets talks both ways: the child answers in capitals. */
#include <kin/process.h>
#include <kin/socket.h>
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

static int answer(void *context)
{
    kin_socket *end = context;
    char text[256];
    for (ssize_t length; (length = kin_socket_receive(end, text, sizeof text, KIN_FOREVER)) > 0;) {
        for (ssize_t i = 0; i < length; i++)
            text[i] = (char)toupper((unsigned char)text[i]);
        kin_socket_send(end, text, (size_t)length, KIN_FOREVER);
    }
    return 0;
}

int main(void)
{
    static const char *const lines[] = {"hello", "this goes both ways", "and a closed end is a result, no signal"};
    kin_socket *ends[2];
    kin_process *child;
    struct kin_exit how;
    char text[256];
    if (kin_socket_pair(KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), ends) < 0)
        errx(1, "%s", kin_reason());
    int theirs = kin_socket_fd(ends[1]);
    const struct kin_fd_map map = {.to = theirs, .from = theirs}; /* of our end it has no copy */
    if (kin_process_fork(answer, ends[1], KIN_SPAWN(.fds = &map, .fd_count = 1), &child) < 0)
        errx(1, "%s", kin_reason());
    kin_socket_close(ends[1]);

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (kin_socket_send(ends[0], lines[i], strlen(lines[i]), KIN_FOREVER) < 0)
            errx(1, "%s", kin_reason());
        ssize_t length = kin_socket_receive(ends[0], text, sizeof text, KIN_FOREVER);
        printf("%s: %.*s\n", lines[i], (int)length, text);
    }
    kin_socket_close(ends[0]);
    kin_process_wait(child, 0, KIN_FOREVER, &how);
    printf("the child %s\n", kin_exit_text(&how, text, sizeof text));
    kin_process_close(child);
    return 0;
}
