/* A queue in an event loop: epoll tells when it is worth while to try. Run it, and send lines with `kin send events`;
 * it ends at a line "end". */
#include <kin/queue.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

int main(void)
{
    kin_queue *queue;
    char text[1024];
    if (kin_queue_open(NULL, "events", NULL, &queue) < 0)
        errx(1, "%s", kin_reason());
    int loop = epoll_create1(EPOLL_CLOEXEC), fd = kin_queue_fd(queue, KIN_CAN_RECEIVE);
    struct epoll_event event = {.events = EPOLLIN};
    if (loop < 0 || fd < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "cannot watch the queue");
    for (;;) {
        if (epoll_wait(loop, &event, 1, -1) < 0)
            err(1, "epoll_wait");
        kin_queue_clear(queue, KIN_CAN_RECEIVE); /* first clear, then try until nothing is left */
        struct kin_message message;
        int result;
        while ((result = kin_queue_receive(queue, text, sizeof text, NULL, KIN_NOW, &message)) == 0) {
            printf("%.*s\n", (int)message.length, text);
            if (message.length == 3 && memcmp(text, "end", 3) == 0) {
                kin_queue_close(queue);
                return 0;
            }
        }
        if (result != -ETIMEDOUT)
            errx(1, "%s", kin_reason());
    }
}
