/* A way to hand over messages between processes, and the contests that every one of them can be driven through. */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include "common/placement.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRANSPORT_LENGTH 64

/* Channel 0 leads from the first processes to the second ones, channel 1 back. */
struct transport {
    size_t length;                 /* of a message; 0: TRANSPORT_LENGTH */
    bool bare;                     /* wakes only, carries no bytes */
    void *(*create)(void);         /* before the processes are forked */
    void (*join)(void *self, unsigned number); /* in each process; may be NULL */
    /* data is aligned to 64, and the 64 bytes in front of it are the transport's to use. */
    void (*send)(void *self, unsigned channel, void *data, size_t length);
    void (*receive)(void *self, unsigned channel, void *data, size_t length);
    void (*leave)(void *self);     /* in each process; may be NULL */
    void (*destroy)(void *self);
};

/* ns of a send and a receive in one process, nobody else there. */
double transport_pair(const struct transport *transport, double nanoseconds);

/* ns of one way of a message that goes to and fro between two processes. */
double transport_latency(const struct transport *transport, enum placement placement, double nanoseconds);

/* Messages a second from so many producers to as many consumers. */
double transport_stream(const struct transport *transport, unsigned producers, enum placement placement,
                        double nanoseconds);

/* Calls a second of two processes that each send to and receive from the same queue; and the smaller one's count
 * divided by the larger one's. */
double transport_hammer(const struct transport *transport, enum placement placement, double nanoseconds,
                        double *fairness);

#ifdef __cplusplus
}
#endif
#endif
