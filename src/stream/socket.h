/* A Unix socket of the caller's. */
#ifndef STREAM_SOCKET_H
#define STREAM_SOCKET_H

#include "stream/bound.h"
#include <kin/socket.h>

struct kin_socket {
    int fd;
    int type; /* SOCK_STREAM … */
    bool credentials;
    struct bound *bound; /* the path at which it listens, or NULL */
    kin_socket *next;    /* in a list of connections that wait for a worker */
    char label[];        /* what sentences call it */
};

#endif
