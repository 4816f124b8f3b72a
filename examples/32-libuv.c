/* A queue and a lock in the event loop of libuv. Run it with "hold" first: that one holds the door until it is killed.
 * It ends at a line "end" (kin send events). */
#include <kin/kin.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

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

static void on_queue(uv_poll_t *watch, int status, int seen)
{
    (void)status, (void)seen;
    if (serve_queue())
        uv_stop(watch->loop);
}

static void on_door(uv_poll_t *watch, int status, int seen)
{
    (void)status, (void)seen;
    if (serve_door())
        uv_poll_stop(watch);
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
    uv_loop_t *loop = uv_default_loop();
    uv_poll_t queue_watch, door_watch;
    if (uv_poll_init(loop, &queue_watch, must(kin_queue_fd(events, KIN_CAN_RECEIVE))) < 0 ||
        uv_poll_init(loop, &door_watch, must(kin_lock_fd(home, door))) < 0 ||
        uv_poll_start(&queue_watch, UV_READABLE, on_queue) < 0 || uv_poll_start(&door_watch, UV_READABLE, on_door) < 0)
        errx(1, "libuv failed");
    uv_run(loop, UV_RUN_DEFAULT);
    kin_segment_close(home);
    kin_queue_close(events);
    return 0;
}
