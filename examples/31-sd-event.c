/* A queue and a lock in the event loop of systemd. Run it with "hold" first: that one holds the door until it is
 * killed. It ends at a line "end" (kin send events). */
#include <kin/kin.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static kin_queue *events;
static kin_segment *home;
static kin_lock *door;

static int must(int result)
{
    if (result < 0)
        errx(1, "%s", kin_reason());
    return result;
}

/* First clear, then try until nothing is left. 1: "end" came. */
static int serve_queue(void)
{
    char text[1024];
    struct kin_message message;
    must(kin_queue_clear(events, KIN_CAN_RECEIVE));
    while (kin_queue_receive(events, text, sizeof text, NULL, KIN_NOW, &message) == 0) {
        printf("%.*s\n", (int)message.length, text);
        fflush(stdout);
        if (message.length == 3 && memcmp(text, "end", 3) == 0)
            return 1;
    }
    return 0;
}

/* 1: we had it, and once is enough. */
static int serve_door(void)
{
    must(kin_lock_clear(home, door));
    int result = kin_lock_acquire(home, door, KIN_NOW);
    if (result == -ETIMEDOUT)
        return 0; /* somebody was faster */
    puts(must(result) == KIN_RECOVERED ? "the door: its last owner died" : "the door");
    fflush(stdout);
    must(kin_lock_release(home, door));
    return 1;
}

static int on_queue(sd_event_source *source, int fd, uint32_t events_seen, void *loop)
{
    (void)source, (void)fd, (void)events_seen;
    return serve_queue() ? sd_event_exit(loop, 0) : 0;
}

static int on_door(sd_event_source *source, int fd, uint32_t events_seen, void *loop)
{
    (void)fd, (void)events_seen, (void)loop;
    return serve_door() ? sd_event_source_set_enabled(source, SD_EVENT_OFF) : 0;
}

int main(int argc, char **argv)
{
    (void)argv;
    must(kin_queue_open(NULL, "events", NULL, &events));
    must(kin_lock_open(NULL, "door", NULL, &home, &door));
    if (argc > 1) {
        must(kin_lock_acquire(home, door, KIN_FOREVER));
        puts("held");
        fflush(stdout);
        pause();
    }
    sd_event *loop;
    if (sd_event_default(&loop) < 0 ||
        sd_event_add_io(loop, NULL, must(kin_queue_fd(events, KIN_CAN_RECEIVE)), EPOLLIN, on_queue, loop) < 0 ||
        sd_event_add_io(loop, NULL, must(kin_lock_fd(home, door)), EPOLLIN, on_door, loop) < 0 ||
        sd_event_loop(loop) < 0)
        errx(1, "sd-event failed");
    sd_event_unref(loop);
    kin_segment_close(home);
    kin_queue_close(events);
    return 0;
}
