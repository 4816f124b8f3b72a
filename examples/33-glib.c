/* A queue and a lock in the main loop of GLib. First clear the descriptor, then try until nothing is left. */
#include "loop.h"
#include <glib-unix.h>

static gboolean on_queue(gint fd, GIOCondition seen, gpointer loop)
{
    (void)fd, (void)seen;
    must(kin_queue_clear(events, KIN_CAN_RECEIVE));
    if (serve_queue())
        g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

static gboolean on_door(gint fd, GIOCondition seen, gpointer loop)
{
    (void)fd, (void)seen, (void)loop;
    must(kin_lock_clear(home, door));
    return serve_door() ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    (void)argv;
    open_both(argc > 1);
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    g_unix_fd_add(must(kin_queue_fd(events, KIN_CAN_RECEIVE)), G_IO_IN, on_queue, loop);
    g_unix_fd_add(must(kin_lock_fd(home, door)), G_IO_IN, on_door, loop);
    g_main_loop_run(loop);
    g_main_loop_unref(loop);
    close_both();
    return 0;
}
