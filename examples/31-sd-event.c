/* A queue and a lock in the event loop of systemd. First clear the descriptor, then try until nothing is left. */
#include "loop.h"
#include <sys/epoll.h>
#include <systemd/sd-event.h>

static int on_queue(sd_event_source *source, int fd, uint32_t events_seen, void *loop)
{
    (void)source, (void)fd, (void)events_seen;
    must(kin_queue_clear(events, KIN_CAN_RECEIVE));
    return serve_queue() ? sd_event_exit(loop, 0) : 0;
}

static int on_door(sd_event_source *source, int fd, uint32_t events_seen, void *loop)
{
    (void)fd, (void)events_seen, (void)loop;
    must(kin_lock_clear(home, door));
    return serve_door() ? sd_event_source_set_enabled(source, SD_EVENT_OFF) : 0;
}

int main(int argc, char **argv)
{
    (void)argv;
    open_both(argc > 1);
    sd_event *loop;
    if (sd_event_default(&loop) < 0 ||
        sd_event_add_io(loop, NULL, must(kin_queue_fd(events, KIN_CAN_RECEIVE)), EPOLLIN, on_queue, loop) < 0 ||
        sd_event_add_io(loop, NULL, must(kin_lock_fd(home, door)), EPOLLIN, on_door, loop) < 0 ||
        sd_event_loop(loop) < 0)
        errx(1, "sd-event failed");
    sd_event_unref(loop);
    close_both();
    return 0;
}
