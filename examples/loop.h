/* What the examples of event loops serve: a queue of lines, and a lock, the door. Called with "hold", a program holds
 * the door until it is killed. It ends at a line "end" (kin send events). */
#include <kin/kin.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
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

static void open_both(bool hold)
{
    must(kin_queue_open(NULL, "events", NULL, &events));
    must(kin_lock_open(NULL, "door", NULL, &home, &door));
    if (!hold)
        return;
    must(kin_lock_acquire(home, door, KIN_FOREVER));
    puts("held");
    fflush(stdout);
    pause();
}

static void close_both(void)
{
    kin_segment_close(home);
    kin_queue_close(events);
}

/* All that is there. 1: "end" came. */
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

/* 1: we had it, and once is enough. */
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
