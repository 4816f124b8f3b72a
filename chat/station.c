/* A station's loop: connections, topics, the keeper. */
#include "station.h"
#include <err.h>
#include <errno.h>
#include <kin/signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TOPICS = 1, KEEPER, SIGNALS, FIRST_GUEST };

static void watch_fd(struct chat_station *station, int fd, uint64_t what, uint32_t events, int operation)
{
    if (epoll_ctl(station->epoll, operation, fd, &(struct epoll_event){.events = events, .data.u64 = what}) < 0)
        err(1, "epoll_ctl");
}

/* Takes a client on, wherever it stands: new, or left by another station in the middle of anything. */
static void take_on(struct chat_station *station, uint32_t index, int fd)
{
    struct chat_guest *guest = calloc(1, sizeof *guest);
    if (!guest) {
        close(fd);
        return;
    }
    chat_client_make(station->hall, index, &guest->client);
    guest->fd = fd;
    guest->version = UINT64_MAX;
    guest->since = guest->heard = guest->filled = guest->wrote = guest->client.now;
    guest->tokens = station->hall->settings.burst;
    memset(guest->rooms, 0xff, sizeof guest->rooms);
    station->guest[index] = guest;
    station->guests++;
    if (!guest->client.slot->measured)
        CHAT_STORE(guest->client.slot->place[CHAT_INBOX].next, station->inbox.next);
    else
        guest->behind = 1u << CHAT_INBOX;
    if (!chat_wire_measure(guest)) {
        guest->broken = true;
        chat_close(&guest->client, "lost");
    }
    guest->waits = guest->client.face && guest->client.face->more;
    guest->events = EPOLLIN;
    watch_fd(station, fd, FIRST_GUEST + index, guest->events, EPOLL_CTL_ADD);
    chat_guest_rooms(station, guest);
    chat_mark(station, guest);
}

/* The client goes for good. */
static void send_off(struct chat_station *station, struct chat_guest *guest)
{
    uint32_t index = guest->client.index;
    struct chat_word word = {.slot = index, .serial = guest->client.slot->serial};
    chat_slot_leave(station->hall, index, guest->client.reason);
    chat_guest_rooms(station, guest);
    shutdown(guest->fd, SHUT_RDWR);
    close(guest->fd);
    station->guest[index] = NULL;
    station->guests--;
    free(guest);
    if (station->keeper)
        kin_socket_send(station->keeper, &word, sizeof word, KIN_FOREVER);
}

static void settle(struct chat_station *station, struct chat_guest *guest)
{
    struct chat_client *client = &guest->client;
    chat_guest_work(station, guest);
    if (client->closing && !guest->broken && client->face && client->face->close && !guest->said_goodbye) {
        guest->said_goodbye = true;
        client->face->close(client, client->reason);
        chat_commit(client);
        chat_wire_write(guest);
    }
    bool pending = client->slot->written < client->slot->out_end;
    if (guest->broken || (client->closing && (!pending || client->overflow || guest->ended))) {
        chat_close(client, "connection lost");
        send_off(station, guest);
        return;
    }
    uint32_t events = (guest->have < CHAT_INPUT && !guest->ended ? EPOLLIN : 0) | (pending ? EPOLLOUT : 0);
    if (events != guest->events)
        watch_fd(station, guest->fd, FIRST_GUEST + client->index, events, EPOLL_CTL_MOD);
    guest->events = events;
}

/* Looks at everybody for whom something has changed, until nothing does. */
static void settle_all(struct chat_station *station)
{
    int rounds = 0;
    do {
        chat_deliver(station);
        struct chat_guest *list = station->dirty, *next;
        station->dirty = NULL;
        for (; list; list = next) {
            next = list->next_dirty;
            list->dirty = false;
            settle(station, list);
        }
    } while (station->dirty && rounds++ < 4);
}

static void hear_keeper(struct chat_station *station)
{
    struct chat_word word;
    int fd = -1;
    struct kin_packet packet = {.data = &word, .room = sizeof word, .fds = &fd, .fd_room = 1};
    ssize_t count;
    while ((count = kin_socket_receive_packets(station->keeper, &packet, 1, KIN_NOW)) == 1) {
        if (packet.result == 0 && packet.fd_count == 1)
            take_on(station, word.slot, fd);
        packet = (struct kin_packet){.data = &word, .room = sizeof word, .fds = &fd, .fd_room = 1};
    }
    if (count == 0 || (count < 0 && count != -ETIMEDOUT))
        station->leaving = true;
}

static void tick(struct chat_station *station)
{
    for (uint32_t i = 0; i < station->hall->shared->clients_max; i++)
        if (station->guest[i])
            chat_guest_tick(station, station->guest[i]);
}

static void loop(struct chat_station *station, kin_signals *signals)
{
    struct epoll_event event[64];
    struct kin_signal signal;
    int64_t ticked = chat_now();
    bool only = station->keeper == NULL;
    while (!station->leaving && (!only || station->guests)) {
        settle_all(station);
        int count = epoll_wait(station->epoll, event, 64, station->dirty ? 0 : 1000);
        for (int i = 0; i < count; i++) {
            if (event[i].data.u64 == KEEPER)
                hear_keeper(station);
            else if (event[i].data.u64 == SIGNALS)
                station->leaving = kin_signals_next(signals, KIN_NOW, &signal) == 0;
            else if (event[i].data.u64 >= FIRST_GUEST && station->guest[event[i].data.u64 - FIRST_GUEST])
                chat_mark(station, station->guest[event[i].data.u64 - FIRST_GUEST]);
        }
        if (chat_now() - ticked > INT64_C(900000000)) {
            tick(station);
            ticked = chat_now();
        }
    }
}

int chat_station_run(struct chat_hall *hall, uint32_t number, kin_socket *keeper, int slot, int fd)
{
    struct chat_station *station = calloc(1, sizeof *station);
    kin_signals *signals;
    if (!station || !(station->guest = calloc(hall->shared->clients_max, sizeof *station->guest)))
        return 1;
    station->hall = hall;
    station->number = number;
    station->keeper = keeper;
    station->epoll = epoll_create1(EPOLL_CLOEXEC);
    kin_topic *inbox = chat_inbox_open(hall, number);
    if (station->epoll < 0 || !inbox || kin_poll_create(&station->poll) < 0 ||
        chat_watch_open(station, &station->inbox, inbox, kin_topic_position(inbox)) < 0 ||
        kin_signals_open(KIN_SIGNALS(SIGTERM), &signals) < 0) {
        warnx("%s", kin_reason());
        return 1;
    }
    watch_fd(station, kin_poll_fd(station->poll), TOPICS, EPOLLIN, EPOLL_CTL_ADD);
    watch_fd(station, kin_signals_fd(signals), SIGNALS, EPOLLIN, EPOLL_CTL_ADD);
    if (keeper)
        watch_fd(station, kin_socket_fd(keeper), KEEPER, EPOLLIN, EPOLL_CTL_ADD);
    else
        take_on(station, (uint32_t)slot, fd);
    loop(station, signals);
    return 0;
}
