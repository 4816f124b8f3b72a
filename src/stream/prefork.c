/* Owner and worker talk over a seqpacket pair, one pair a worker:
 *
 *     worker  ASKS      I am waiting for a connection. A take that ended without one is followed by another ASKS.
 *     owner   GIVES     with the connection's descriptor; the owner keeps its copy
 *     worker  TAKES     it is mine: the owner closes its copy
 *             REFUSES   I had no room for it: the owner gives it to another
 *
 * So a connection is at any moment in the backlog, or in the owner's hands, or with a worker that has said TAKES. The
 * pair's end tells a death; what the dead one had said before is read first. Its connection, if it said neither,
 * waits for the next worker that asks, before those in the backlog. */
#include "stream/socket.h"
#include "sys/file.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include "sys/unix.h"
#include <errno.h>
#include <kin/prefork.h>
#include <stdlib.h>

enum { ASKS = 'a', GIVES = 'g', TAKES = 't', REFUSES = 'r' };
#define EVENTS 16

struct worker {
    kin_socket *post;       /* our end of the pair */
    kin_socket *connection; /* given, and not taken yet; or NULL */
    bool asks;
};

struct kin_prefork {
    kin_socket *listener;
    int events;          /* epoll: the posts, and the listener while somebody asks */
    bool listens;        /* it is watched */
    kin_socket *waiting; /* connections that were given in vain */
    size_t count, room, turn;
    struct worker **workers;
};

int kin_prefork_create(kin_socket *listener, kin_prefork **out)
{
    if (unix_option(listener->fd, SO_ACCEPTCONN) <= 0)
        return reason(-EINVAL, "%s: it does not listen, so nobody can be accepted", listener->label);
    kin_prefork *self = calloc(1, sizeof *self);
    if (!self)
        return reason(-ENOMEM, "%s: no memory for its workers", listener->label);
    struct epoll_event event = {.events = 0, .data.ptr = NULL};
    self->listener = listener;
    self->events = epoll_create1(EPOLL_CLOEXEC);
    if (self->events < 0 || epoll_ctl(self->events, EPOLL_CTL_ADD, listener->fd, &event) < 0) {
        int result = reason_errno("%s: cannot watch for connections", listener->label);
        kin_prefork_destroy(self);
        return result;
    }
    *out = self;
    return 0;
}

static int make_room(kin_prefork *self)
{
    size_t room = self->room ? 2 * self->room : 8;
    if (self->count < self->room)
        return 0;
    struct worker **workers = realloc(self->workers, room * sizeof(struct worker *));
    if (!workers)
        return reason(-ENOMEM, "no memory for worker %zu", self->count + 1);
    self->workers = workers;
    self->room = room;
    return 0;
}

int kin_prefork_add(kin_prefork *prefork, kin_socket **out)
{
    kin_socket *ends[2];
    int result = make_room(prefork);
    if (result == 0)
        result = kin_socket_pair(KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), ends);
    if (result < 0)
        return result;
    struct worker *worker = calloc(1, sizeof *worker);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = worker};
    if (worker && epoll_ctl(prefork->events, EPOLL_CTL_ADD, ends[0]->fd, &event) == 0) {
        worker->post = ends[0];
        prefork->workers[prefork->count++] = worker;
        *out = ends[1];
        return 0;
    }
    result = reason_errno("cannot watch worker %zu", prefork->count + 1);
    free(worker);
    kin_socket_close(ends[0]);
    kin_socket_close(ends[1]);
    return result;
}

size_t kin_prefork_workers(const kin_prefork *prefork)
{
    return prefork->count;
}

int kin_prefork_fd(const kin_prefork *prefork)
{
    return prefork->events;
}

static void keep_waiting(kin_prefork *self, kin_socket *connection)
{
    if (!connection)
        return;
    connection->next = self->waiting;
    self->waiting = connection;
}

/* The one that is next to be given; -ETIMEDOUT: there is none. */
static int next_connection(kin_prefork *self, kin_socket **out)
{
    *out = self->waiting;
    if (!*out)
        return kin_socket_accept(self->listener, KIN_NOW, out);
    self->waiting = (*out)->next;
    return 0;
}

/* The next one that asks, beginning behind the one that was served last. */
static struct worker *next_worker(kin_prefork *self)
{
    for (size_t i = 0; i < self->count; i++) {
        size_t number = (self->turn + i) % self->count;
        if (self->workers[number]->asks) {
            self->turn = number + 1;
            return self->workers[number];
        }
    }
    return NULL;
}

/* A worker that has gone asks no more; its end is noticed as that of all. */
static int give(kin_prefork *self, struct worker *worker, kin_socket *connection)
{
    struct kin_packet packet = {.data = (char[]){GIVES}, .length = 1, .fds = &connection->fd, .fd_count = 1};
    int result = (int)kin_socket_send_packets(worker->post, &packet, 1, KIN_NOW);
    bool given = result > 0, gone = result == -EPIPE || result == -ECONNRESET;
    if (given)
        worker->connection = connection;
    else
        keep_waiting(self, connection);
    worker->asks = !given && !gone;
    return given || gone ? 0 : result;
}

static int give_all(kin_prefork *self)
{
    struct worker *worker;
    kin_socket *connection;
    int result = 0;
    while (result == 0 && (worker = next_worker(self)))
        if ((result = next_connection(self, &connection)) == 0)
            result = give(self, worker, connection);
    bool wanted = next_worker(self);
    struct epoll_event event = {.events = wanted ? EPOLLIN : 0, .data.ptr = NULL};
    if (wanted != self->listens && epoll_ctl(self->events, EPOLL_CTL_MOD, self->listener->fd, &event) == 0)
        self->listens = wanted;
    return result == -ETIMEDOUT ? 0 : result;
}

/* Whether the worker is still there. */
static bool hear(kin_prefork *self, struct worker *worker)
{
    char word;
    ssize_t result;
    while ((result = kin_socket_receive(worker->post, &word, 1, KIN_NOW)) > 0) {
        if (word == ASKS)
            worker->asks = !worker->connection;
        else if (word == TAKES)
            kin_socket_close(worker->connection);
        else
            keep_waiting(self, worker->connection);
        if (word != ASKS)
            worker->connection = NULL;
    }
    return result == -ETIMEDOUT;
}

static void bury(kin_prefork *self, struct worker *worker)
{
    size_t number = 0;
    while (self->workers[number] != worker)
        number++;
    self->workers[number] = self->workers[--self->count];
    keep_waiting(self, worker->connection);
    kin_socket_close(worker->post);
    free(worker);
}

/* A close alone does not end the watch while a fork of the owner has a copy of the descriptor. Not part of bury(): the
 * fork that destroys its copy would end the owner's watch. */
static void forget(kin_prefork *self, const struct worker *worker)
{
    epoll_ctl(self->events, EPOLL_CTL_DEL, worker->post->fd, NULL);
}

/* How many workers have gone. */
static int hear_all(kin_prefork *self)
{
    struct epoll_event events[EVENTS];
    int gone = 0, count = unix_events(self->events, events, EVENTS);
    if (count < 0)
        return reason(count, "%s: cannot watch the workers; was a descriptor closed by hand?", self->listener->label);
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr && !hear(self, events[i].data.ptr)) {
            forget(self, events[i].data.ptr);
            bury(self, events[i].data.ptr);
            gone++;
        }
    return gone;
}

int kin_prefork_run(kin_prefork *prefork, kin_time until)
{
    for (;;) {
        int gone = hear_all(prefork), result = gone < 0 ? gone : give_all(prefork);
        if (gone || result < 0)
            return result;
        result = ready_one(prefork->events, POLLIN, until);
        if (result == -ETIMEDOUT)
            return reason(result, "%s: no worker has gone in time", prefork->listener->label);
        if (result < 0)
            return reason(result, "%s: cannot wait: %s", prefork->listener->label, kin_strerror(result));
    }
}

void kin_prefork_destroy(kin_prefork *prefork)
{
    if (!prefork)
        return;
    while (prefork->count)
        bury(prefork, prefork->workers[0]);
    while (prefork->waiting) {
        kin_socket *connection = prefork->waiting;
        prefork->waiting = connection->next;
        kin_socket_close(connection);
    }
    file_close(prefork->events);
    free(prefork->workers);
    free(prefork);
}

static bool has_gone(ssize_t result)
{
    return result == 0 || result == -EPIPE || result == -ECONNRESET;
}

/* The connection is ours when TAKES is said; or when there is nobody left who could give it to another. */
static int take(kin_socket *post, int fd, kin_socket **out)
{
    int result = kin_socket_adopt(fd, NULL, out);
    if (result < 0)
        file_close(fd);
    kin_socket_send(post, (char[]){result < 0 ? REFUSES : TAKES}, 1, KIN_FOREVER);
    return result;
}

int kin_prefork_take(kin_socket *post, kin_time until, kin_socket **out)
{
    char word;
    int fd;
    struct kin_packet packet = {.data = &word, .room = 1, .fds = &fd, .fd_room = 1};
    ssize_t result = kin_socket_send(post, (char[]){ASKS}, 1, KIN_FOREVER);
    if (result > 0)
        result = kin_socket_receive_packets(post, &packet, 1, until);
    if (has_gone(result))
        return reason(-EPIPE, "%s: the owner of the workers has gone", post->label);
    if (result == -EMFILE)
        kin_socket_send(post, (char[]){REFUSES}, 1, KIN_FOREVER);
    if (result < 0)
        return (int)result;
    if (word != GIVES || packet.fd_count != 1)
        return reason(-EPROTO, "%s: the other end is no owner of workers", post->label);
    return take(post, fd, out);
}
