/* kin/prefork.h - one listener, many workers: accepted connections are handed to worker processes.
 *
 * The owner accepts a connection when a worker asks for one, hands it over, and keeps a copy of its own until the
 * worker says that it has taken it. A worker that dies before that, at any instruction, loses nothing: the connection
 * goes to another one. What a worker has taken is its own, and ends with it. While no worker asks, connections wait in
 * the backlog: the owner holds at most one for each worker.
 *
 *     owner:                                              worker, with its `post`:
 *     for (;;) {                                          while (kin_prefork_take(post, KIN_FOREVER, &client) == 0) {
 *         while (kin_prefork_workers(prefork) < 4)            serve(client);
 *             start_worker(prefork);                          kin_socket_close(client);
 *         kin_prefork_run(prefork, KIN_FOREVER);          }
 *     }                                                   exit(0);
 *
 * How a worker is started is the caller's choice: by kin_process_fork() or kin_process_spawn(), say, with the post's
 * descriptor in its map; a spawned program calls kin_socket_adopt(). No other process may keep a copy of that
 * descriptor, or the worker's death will not show.
 *
 * A worker that is stopped is not dead: the connection that it was handed waits for it. */
#ifndef KIN_PREFORK_H
#define KIN_PREFORK_H

#include <kin/socket.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_prefork kin_prefork;

/* For a listening socket, which stays the caller's and must outlive this. */
int kin_prefork_create(kin_socket *listener, kin_prefork **out);

/* A post for one more worker: *out is its end, to be given to the new process and closed here then. */
int kin_prefork_add(kin_prefork *prefork, kin_socket **out);

/* How many workers there are: those added, less those that have gone. */
size_t kin_prefork_workers(const kin_prefork *prefork);

/* Hands out connections. 0: a worker has gone; start another, or not. -ETIMEDOUT; -EMFILE, -ENFILE, -ENOMEM: a
 * connection waits that cannot be accepted now. One thread at a time. */
int kin_prefork_run(kin_prefork *prefork, kin_time until);

/* Readable when kin_prefork_run(prefork, KIN_NOW) has something to do: for poll and epoll. Stays the handle's. */
int kin_prefork_fd(const kin_prefork *prefork);

/* Every worker's next take is -EPIPE. Connections that are handed and not taken yet may be lost with it: first let
 * the workers end. */
void kin_prefork_destroy(kin_prefork *prefork);

/* In a worker: the next connection. -EPIPE: there will be none, the owner has gone; -ETIMEDOUT: none came, and the
 * next one that does may wait for this worker's next take; -EMFILE: no free descriptor, another worker gets it. */
int kin_prefork_take(kin_socket *post, kin_time until, kin_socket **out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
