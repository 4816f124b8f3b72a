/* Waiting for any of several things: a queue, a lock, and a child's end. Run it with "hold" first: that one holds the
 * door until it is killed. It ends at a line "end" (kin send events). */
#include <kin/kin.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
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

/* 1: "end" came. */
static int serve_queue(void)
{
    char text[1024];
    struct kin_message message;
    while (kin_queue_receive(events, text, sizeof text, NULL, KIN_NOW, &message) == 0) {
        printf("%.*s\n", (int)message.length, text);
        fflush(stdout);
        if (message.length == 3 && memcmp(text, "end", 3) == 0)
            return 1;
    }
    return 0;
}

static int serve_door(void)
{
    int result = kin_lock_acquire(home, door, KIN_NOW);
    if (result == -ETIMEDOUT)
        return 0; /* somebody was faster */
    puts(must(result) == KIN_RECOVERED ? "the door: its last owner died" : "the door");
    fflush(stdout);
    must(kin_lock_release(home, door));
    return 1;
}

int main(int argc, char **argv)
{
    int which;
    kin_poll *poll;
    (void)argv;
    must(kin_queue_open(NULL, "events", NULL, &events));
    must(kin_lock_open(NULL, "door", NULL, &home, &door));
    if (argc > 1) {
        must(kin_lock_acquire(home, door, KIN_FOREVER));
        puts("held");
        fflush(stdout);
        pause();
    }
    must(kin_poll_create(&poll));
    int of_queue = must(kin_poll_add_queue(poll, events, KIN_CAN_RECEIVE));
    int of_door = must(kin_poll_add_lock(poll, home, door));
    for (;;) {
        must(kin_poll_wait(poll, KIN_FOREVER, &which));
        if (which == of_queue && serve_queue())
            break;
        if (which == of_door && serve_door())
            must(kin_poll_remove(poll, of_door)); /* once is enough */
    }
    kin_poll_destroy(poll);
    kin_segment_close(home);
    kin_queue_close(events);
    return 0;
}
