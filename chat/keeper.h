/* keeper.h - the process that holds the chat together: it gives out slots, starts stations, and keeps a copy of each
 * connection that a worker serves, so that the next worker can go on with it. It reads nothing that a client sent. */
#ifndef CHAT_KEEPER_H
#define CHAT_KEEPER_H

#include "hall.h"

/* Serves at the listening socket until SIGTERM or SIGINT; calls `ready` once all processes are there. Returns the exit
 * status. */
int chat_keep(const struct chat_settings *settings, int listener, void (*ready)(int listener));

/* listener.c: accepts connections and passes each on, as a packet with the descriptor and the peer's address. */
int chat_listen_run(void *context);
struct chat_listener {
    int socket, post;
};
struct chat_arrival {
    char host[CHAT_HOST_MAX + 1];
};

#endif
