/* The calls on Unix sockets that may wait, as no cancellation points. Results are 0 (or what the call gives) or a
 * negative errno; an interrupted call is begun anew. */
#ifndef SYS_UNIX_H
#define SYS_UNIX_H

#include <kin/base.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A close-on-exec descriptor of the next connection. Waits unless the listener is non-blocking: -EAGAIN. */
int unix_accept(int listener);

/* Waits for room in a full backlog; -ETIMEDOUT. */
int unix_connect(int fd, const struct sockaddr_un *address, socklen_t length, kin_time until);

/* How many messages went or came. Flags as of sendmsg() and recvmsg(): MSG_DONTWAIT and its like. */
int unix_send(int fd, struct mmsghdr *messages, unsigned count, int flags);
int unix_receive(int fd, struct mmsghdr *messages, unsigned count, int flags);

/* How many events are there now, of an epoll descriptor. */
int unix_events(int epoll, struct epoll_event *events, int most);

/* An flock of the directory, or -EAGAIN. Of the open file description: unlocking is for all copies. */
int unix_lock_directory(int fd);
void unix_unlock_directory(int fd);

/* A whole number of the level SOL_SOCKET. */
int unix_option(int fd, int option);

/* A new pidfd of the peer. -EOPNOTSUPP: not on this kernel. */
int unix_peer_pidfd(int fd);

#endif
