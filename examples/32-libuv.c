/* A queue and a lock in the event loop of libuv. First clear the descriptor, then try until nothing is left. */
#include "loop.h"
#include <uv.h>

static void on_queue(uv_poll_t *watch, int status, int seen)
{
    (void)status, (void)seen;
    must(kin_queue_clear(events, KIN_CAN_RECEIVE));
    if (serve_queue())
        uv_stop(watch->loop);
}

static void on_door(uv_poll_t *watch, int status, int seen)
{
    (void)status, (void)seen;
    must(kin_lock_clear(home, door));
    if (serve_door())
        uv_poll_stop(watch);
}

int main(int argc, char **argv)
{
    (void)argv;
    open_both(argc > 1);
    uv_loop_t *loop = uv_default_loop();
    uv_poll_t queue_watch, door_watch;
    if (uv_poll_init(loop, &queue_watch, must(kin_queue_fd(events, KIN_CAN_RECEIVE))) < 0 ||
        uv_poll_init(loop, &door_watch, must(kin_lock_fd(home, door))) < 0 ||
        uv_poll_start(&queue_watch, UV_READABLE, on_queue) < 0 || uv_poll_start(&door_watch, UV_READABLE, on_door) < 0)
        errx(1, "libuv failed");
    uv_run(loop, UV_RUN_DEFAULT);
    close_both();
    return 0;
}
