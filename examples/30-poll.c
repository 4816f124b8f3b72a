/* Waiting for any of several things, without a loop of somebody else's. */
#include "loop.h"

int main(int argc, char **argv)
{
    int which;
    kin_poll *poll;
    (void)argv;
    open_both(argc > 1);
    must(kin_poll_create(&poll));
    int of_queue = must(kin_poll_add_queue(poll, events, KIN_CAN_RECEIVE));
    int of_door = must(kin_poll_add_lock(poll, home, door));
    for (;;) {
        must(kin_poll_wait(poll, KIN_FOREVER, &which));
        if (which == of_queue && serve_queue())
            break;
        if (which == of_door && serve_door())
            must(kin_poll_remove(poll, of_door));
    }
    kin_poll_destroy(poll);
    close_both();
    return 0;
}
