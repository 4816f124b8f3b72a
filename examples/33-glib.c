/* A queue and a lock in the main loop of GLib. Run it with "hold" first: that one holds the door until it is killed. It
 * ends at a line "end" (kin send events). */
#include <kin/kin.h>
#include <err.h>
#include <errno.h>
#include <glib-unix.h>
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

static gboolean on_queue(gint fd, GIOCondition seen, gpointer loop)
{
    (void)fd, (void)seen;
    if (serve_queue())
        g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

static gboolean on_door(gint fd, GIOCondition seen, gpointer loop)
{
    (void)fd, (void)seen, (void)loop;
    return serve_door() ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
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
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    g_unix_fd_add(must(kin_queue_fd(events, KIN_CAN_RECEIVE)), G_IO_IN, on_queue, loop);
    g_unix_fd_add(must(kin_lock_fd(home, door)), G_IO_IN, on_door, loop);
    g_main_loop_run(loop);
    g_main_loop_unref(loop);
    kin_segment_close(home);
    kin_queue_close(events);
    return 0;
}
