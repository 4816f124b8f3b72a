/* The keeper's loop. */
#include "keeper.h"
#include "station.h"
#include <err.h>
#include <errno.h>
#include <kin/process.h>
#include <kin/signal.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A station's process: number below `workers` with workers, else the slot it serves. */
struct post {
    kin_process *process;
    kin_socket *socket; /* to a worker */
    uint32_t clients;
};

struct keeper {
    struct chat_hall *hall;
    int epoll, listening;
    kin_process *listener;
    kin_socket *arrivals;
    kin_signals *signals;
    struct post *post;
    uint32_t posts;
    int *store; /* by slot: our copy of the connection that a worker serves; -1 */
    bool ending;
};

enum { ARRIVALS, SIGNALS, LISTENER, ENDED, HEARD }; /* the last two with a post's number */
#define TAG(kind, number) ((uint64_t)(kind) << 32 | (number))

static void watch(struct keeper *keeper, int fd, uint64_t tag)
{
    if (epoll_ctl(keeper->epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.u64 = tag}) < 0)
        err(1, "epoll_ctl");
}

struct work {
    const struct chat_settings *settings;
    uint32_t number;
    int socket, slot, fd;
};

/* In the new process: everything of kin's is opened anew, as a child has no life of its parent's. */
static int run_station(void *context)
{
    const struct work *work = context;
    kin_domain *domain;
    struct chat_hall *hall;
    kin_socket *socket = NULL;
    if (kin_domain_open(NULL, NULL, &domain) < 0 || chat_hall_open(domain, work->settings, &hall) < 0 ||
        (work->socket >= 0 && kin_socket_adopt(work->socket, NULL, &socket) < 0))
        errx(1, "%s", kin_reason());
    return chat_station_run(hall, work->number, socket, work->slot, work->fd);
}

/* Starts a process. One that `must` be there is tried again, if it was killed before it began, or there is no room for
 * it now. */
static kin_process *start(int (*run)(void *context), void *context, const struct kin_fd_map *fds, size_t count,
                          bool must)
{
    kin_process *process = NULL;
    while (kin_process_fork(run, context, KIN_SPAWN(.fds = fds, .fd_count = count, .flags = KIN_SPAWN_LIFELINE),
                            &process) < 0) {
        warnx("%s%s", kin_reason(), must ? "; it is tried again" : "");
        if (!must)
            break;
        poll(NULL, 0, 100);
    }
    return process;
}

static void start_station(struct keeper *keeper, uint32_t number, int slot, int fd)
{
    struct post *post = &keeper->post[number];
    struct work work = {&keeper->hall->settings, number, -1, slot, fd};
    kin_socket *pair[2] = {NULL, NULL};
    if (fd < 0 && kin_socket_pair(KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), pair) < 0)
        errx(1, "%s", kin_reason());
    work.socket = pair[1] ? kin_socket_fd(pair[1]) : -1;
    int keep = fd < 0 ? work.socket : fd;
    const struct kin_fd_map map = {.to = keep, .from = keep};
    post->process = start(run_station, &work, &map, 1, fd < 0);
    kin_socket_close(pair[1]);
    if (!post->process)
        return;
    post->socket = pair[0];
    watch(keeper, kin_process_fd(post->process), TAG(ENDED, number));
    if (post->socket)
        watch(keeper, kin_socket_fd(post->socket), TAG(HEARD, number));
}

static void start_listener(struct keeper *keeper)
{
    kin_socket *pair[2];
    if (kin_socket_pair(KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), pair) < 0)
        errx(1, "%s", kin_reason());
    struct chat_listener listener = {keeper->listening, kin_socket_fd(pair[1])};
    const struct kin_fd_map map[] = {{listener.socket, listener.socket}, {listener.post, listener.post}};
    keeper->listener = start(chat_listen_run, &listener, map, 2, true);
    kin_socket_close(pair[1]);
    keeper->arrivals = pair[0];
    watch(keeper, kin_process_fd(keeper->listener), TAG(LISTENER, 0));
    watch(keeper, kin_socket_fd(keeper->arrivals), TAG(ARRIVALS, 0));
}

/* Sends a client to its worker. If the worker has died, the next one gets it. */
static void hand_over(struct keeper *keeper, uint32_t slot)
{
    struct post *post = &keeper->post[keeper->hall->shared->slot[slot].station];
    struct chat_word word = {.slot = slot, .serial = keeper->hall->shared->slot[slot].serial};
    struct kin_packet packet = {.data = &word, .length = sizeof word, .fds = &keeper->store[slot], .fd_count = 1};
    if (post->socket)
        kin_socket_send_packets(post->socket, &packet, 1, KIN_FOREVER);
}

static void arrive(struct keeper *keeper)
{
    struct chat_arrival arrival;
    int fd;
    struct kin_packet packet = {.data = &arrival, .room = sizeof arrival, .fds = &fd, .fd_room = 1};
    if (kin_socket_receive_packets(keeper->arrivals, &packet, 1, KIN_NOW) != 1 || packet.result || !packet.fd_count)
        return;
    arrival.host[CHAT_HOST_MAX] = 0;
    uint32_t station = CHAT_OWN_STATION;
    if (keeper->hall->settings.workers) {
        station = 0;
        for (uint32_t i = 1; i < keeper->posts; i++)
            if (keeper->post[i].clients < keeper->post[station].clients)
                station = i;
    }
    int slot = chat_slot_give(keeper->hall, station, arrival.host);
    if (slot < 0) {
        static const char full[] = "*** the chat is full: try again later\n";
        send(fd, full, sizeof full - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        close(fd);
    } else if (station != CHAT_OWN_STATION) {
        keeper->post[station].clients++;
        keeper->store[slot] = fd;
        hand_over(keeper, (uint32_t)slot);
    } else {
        start_station(keeper, (uint32_t)slot, slot, fd);
        close(fd);
        if (!keeper->post[slot].process)
            chat_slot_leave(keeper->hall, (uint32_t)slot, "no process could be started");
    }
}

/* Closes our copy of a connection whose client has left. */
static void forget(struct keeper *keeper, uint32_t slot)
{
    close(keeper->store[slot]);
    keeper->store[slot] = -1;
    keeper->post[keeper->hall->shared->slot[slot].station].clients--;
}

static void hear(struct keeper *keeper, uint32_t number)
{
    struct chat_word word;
    while (keeper->post[number].socket &&
           kin_socket_receive(keeper->post[number].socket, &word, sizeof word, KIN_NOW) == sizeof word)
        if (word.slot < keeper->hall->shared->clients_max && keeper->store[word.slot] >= 0 &&
            keeper->hall->shared->slot[word.slot].state == CHAT_SLOT_FREE)
            forget(keeper, word.slot);
}

/* A station has ended. With workers its clients go to the next one; else its only client has gone with it. */
static void bury(struct keeper *keeper, uint32_t number)
{
    struct post *post = &keeper->post[number];
    kin_process_wait(post->process, 0, KIN_FOREVER, NULL);
    kin_process_close(post->process);
    post->process = NULL;
    if (!keeper->hall->settings.workers) {
        if (keeper->hall->shared->slot[number].state != CHAT_SLOT_FREE)
            chat_slot_leave(keeper->hall, number, "its process was killed");
        return;
    }
    hear(keeper, number);
    kin_socket_close(post->socket);
    post->socket = NULL;
    if (keeper->ending)
        return;
    start_station(keeper, number, -1, -1);
    for (uint32_t i = 0; i < keeper->hall->shared->clients_max; i++) {
        if (keeper->store[i] < 0 || keeper->hall->shared->slot[i].station != number)
            continue;
        if (keeper->hall->shared->slot[i].state == CHAT_SLOT_FREE)
            forget(keeper, i);
        else
            hand_over(keeper, i);
    }
}

static void bury_listener(struct keeper *keeper)
{
    kin_process_wait(keeper->listener, 0, KIN_FOREVER, NULL);
    kin_process_close(keeper->listener);
    for (struct chat_arrival last; kin_socket_receive(keeper->arrivals, &last, sizeof last, KIN_NOW) > 0;)
        ;
    kin_socket_close(keeper->arrivals);
    start_listener(keeper);
}

static void obey(struct keeper *keeper)
{
    struct kin_signal signal;
    while (kin_signals_next(keeper->signals, KIN_NOW, &signal) == 0) {
        if (signal.signal != SIGHUP)
            keeper->ending = true;
        /* Workers that are told to end leave their clients where they stand: the next ones take them over. */
        else if (keeper->hall->settings.workers)
            for (uint32_t i = 0; i < keeper->posts; i++)
                kin_process_signal(keeper->post[i].process, SIGTERM);
    }
}

static void end(struct keeper *keeper)
{
    kin_process_signal(keeper->listener, SIGKILL);
    kin_process_wait(keeper->listener, 0, KIN_FOREVER, NULL);
    kin_process_close(keeper->listener);
    for (uint32_t i = 0; i < keeper->posts; i++)
        if (keeper->post[i].process)
            kin_process_signal(keeper->post[i].process, SIGTERM);
    for (uint32_t i = 0; i < keeper->posts; i++)
        if (keeper->post[i].process) {
            kin_process_wait(keeper->post[i].process, 0, KIN_FOREVER, NULL);
            kin_process_close(keeper->post[i].process);
        }
    for (uint32_t i = 0; i < keeper->hall->shared->clients_max; i++)
        if (keeper->hall->shared->slot[i].state != CHAT_SLOT_FREE)
            chat_slot_leave(keeper->hall, i, "the server ends");
}

static void dispatch(struct keeper *keeper, uint64_t tag)
{
    uint32_t number = (uint32_t)tag;
    switch (tag >> 32) {
    case ARRIVALS:
        arrive(keeper);
        break;
    case SIGNALS:
        obey(keeper);
        break;
    case LISTENER:
        bury_listener(keeper);
        break;
    case ENDED:
        if (keeper->post[number].process && kin_process_wait(keeper->post[number].process, 0, KIN_NOW, NULL) == 0)
            bury(keeper, number);
        break;
    case HEARD:
        hear(keeper, number);
        break;
    }
}

int chat_keep(const struct chat_settings *settings, int listener, void (*ready)(int listener))
{
    struct keeper keeper = {.listening = listener, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    kin_domain *domain;
    struct epoll_event event[64];
    if (kin_domain_open(NULL, NULL, &domain) < 0 || chat_hall_open(domain, settings, &keeper.hall) < 0 ||
        kin_signals_open(KIN_SIGNALS(SIGTERM, SIGINT, SIGHUP), &keeper.signals) < 0)
        errx(1, "%s", kin_reason());
    uint32_t clients = keeper.hall->shared->clients_max;
    keeper.posts = settings->workers ? settings->workers : clients;
    keeper.post = calloc(keeper.posts, sizeof *keeper.post);
    keeper.store = malloc(clients * sizeof *keeper.store);
    if (!keeper.post || !keeper.store)
        errx(1, "no memory for %u clients", clients);
    memset(keeper.store, 0xff, clients * sizeof *keeper.store);
    /* What a keeper that was killed has left. Its stations died with it. */
    for (uint32_t i = 0; i < clients; i++)
        if (keeper.hall->shared->slot[i].state != CHAT_SLOT_FREE)
            chat_slot_leave(keeper.hall, i, "the server was killed");
    watch(&keeper, kin_signals_fd(keeper.signals), TAG(SIGNALS, 0));
    for (uint32_t i = 0; i < settings->workers; i++)
        start_station(&keeper, i, -1, -1);
    start_listener(&keeper);
    ready(listener);
    while (!keeper.ending) {
        int count = epoll_wait(keeper.epoll, event, 64, -1);
        for (int i = 0; i < count; i++)
            dispatch(&keeper, event[i].data.u64);
    }
    end(&keeper);
    chat_hall_close(keeper.hall);
    kin_domain_close(domain);
    return 0;
}
