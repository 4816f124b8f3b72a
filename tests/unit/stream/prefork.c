/* One listener, many workers, and workers that die when it hurts: every client is served. */
#include "support.h"
#include <dirent.h>
#include <errno.h>
#include <kin/prefork.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATH "socket"

static kin_prefork *prefork;
static kin_socket *listener;
static volatile int *flag; /* of a worker: it has come so far */

static void begin(void **state)
{
    check_is(chdir(*state), 0);
    check_is(kin_socket_listen(PATH, NULL, KIN_FOREVER, &listener), 0);
    check_is(kin_prefork_create(listener, &prefork), 0);
}

static void end(void)
{
    kin_prefork_destroy(prefork);
    kin_socket_close(listener);
}

/* A fork has copies of the owner's ends and of the listener: it lets go of them. */
static pid_t start(int (*run)(void *context))
{
    kin_socket *post;
    check_is(kin_prefork_add(prefork, &post), 0);
    pid_t child = test_child(run, post);
    kin_socket_close(post);
    return child;
}

static void let_go(void)
{
    end();
    prefork = NULL;
    listener = NULL;
}

static int serve(void *context)
{
    kin_socket *client;
    int result;
    let_go();
    while ((result = kin_prefork_take(context, KIN_FOREVER, &client)) == 0) {
        pid_t self = getpid();
        check_is(kin_socket_send(client, &self, sizeof self, KIN_FOREVER), sizeof self);
        kin_socket_close(client);
    }
    return result == -EPIPE ? 0 : 1;
}

static kin_socket *client_of(void)
{
    kin_socket *client;
    check_is(kin_socket_connect(PATH, NULL, KIN_FOREVER, &client), 0);
    return client;
}

/* Who has served the client; 0: it was dropped. */
static pid_t served_by(kin_socket *client)
{
    pid_t by = 0;
    struct pollfd answer = {.fd = kin_socket_fd(client), .events = POLLIN};
    while (poll(&answer, 1, 0) == 0)
        kin_prefork_run(prefork, kin_after(1000000));
    ssize_t result = kin_socket_receive(client, &by, sizeof by, KIN_FOREVER);
    check(result == 0 || result == -ECONNRESET || result == sizeof by);
    kin_socket_close(client);
    return by;
}

static void workers_share_the_clients(void **state)
{
    pid_t workers[3];
    int served[3] = {0};
    begin(state);
    for (int i = 0; i < 3; i++)
        workers[i] = start(serve);
    check_is(kin_prefork_workers(prefork), 3);
    for (int turn = 0; turn < 60; turn++) {
        pid_t by = served_by(client_of());
        for (int i = 0; i < 3; i++)
            served[i] += by == workers[i];
    }
    check_is(served[0] + served[1] + served[2], 60);
    check(served[0] && served[1] && served[2]);
    end();
    for (int i = 0; i < 3; i++)
        check_is(test_end(workers[i]), 0);
}

/* Asks, and dies with the connection in its hand: received, but not said so. */
static int die_before_taking(void *context)
{
    char byte = 'a';
    int fd;
    struct kin_packet packet = {.data = &byte, .room = 1, .fds = &fd, .fd_room = 1};
    let_go();
    check_is(kin_socket_send(context, &byte, 1, KIN_FOREVER), 1);
    check_is(kin_socket_receive_packets(context, &packet, 1, KIN_FOREVER), 1);
    check_is(packet.fd_count, 1);
    raise(SIGKILL);
    return 0;
}

static void a_death_before_taking_loses_nothing(void **state)
{
    begin(state);
    pid_t dying[3];
    kin_socket *clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = client_of();
        dying[i] = start(die_before_taking);
        check_is(kin_prefork_run(prefork, KIN_FOREVER), 0); /* it has gone */
        check_is(test_end(dying[i]), -SIGKILL);
        check_is(kin_prefork_workers(prefork), 0);
    }
    pid_t worker = start(serve);
    for (int i = 0; i < 3; i++)
        check_is(served_by(clients[i]), worker);
    end();
    check_is(test_end(worker), 0);
}

/* Asks, and looks away. */
static int ask_and_sleep(void *context)
{
    let_go();
    check_is(kin_socket_send(context, "a", 1, KIN_FOREVER), 1);
    *flag = 1;
    for (;;)
        pause();
    return 0;
}

static void a_death_before_looking_loses_nothing(void **state)
{
    begin(state);
    flag = test_shared(sizeof *flag);
    pid_t sleeper = start(ask_and_sleep), worker = start(serve);
    test_until(*flag);
    kin_socket *clients[8];
    for (int i = 0; i < 8; i++)
        clients[i] = client_of();
    struct pollfd served[8];
    int count = 0;
    while (count < 7) { /* one is the sleeper's */
        check_is(kin_prefork_run(prefork, kin_after(1000000)), -ETIMEDOUT);
        for (int i = 0; i < 8; i++)
            served[i] = (struct pollfd){.fd = kin_socket_fd(clients[i]), .events = POLLIN};
        count = poll(served, 8, 0);
    }
    check_is(kin_prefork_run(prefork, kin_after(20000000)), -ETIMEDOUT);
    check_is(poll(served, 8, 0), 7);
    test_kill(sleeper);
    for (int i = 0; i < 8; i++)
        check_is(served_by(clients[i]), worker);
    check_is(kin_prefork_workers(prefork), 1);
    end();
    check_is(test_end(worker), 0);
}

static int take_and_die(void *context)
{
    kin_socket *client;
    let_go();
    check_is(kin_prefork_take(context, KIN_FOREVER, &client), 0);
    raise(SIGKILL);
    return 0;
}

/* What was taken ends with its taker: its client sees the end, nobody else is bothered with half a conversation. */
static void what_was_taken_ends_with_its_taker(void **state)
{
    begin(state);
    pid_t dying = start(take_and_die);
    kin_socket *client = client_of();
    check_is(kin_prefork_run(prefork, KIN_FOREVER), 0);
    check_is(test_end(dying), -SIGKILL);
    pid_t worker = start(serve);
    check_is(served_by(client), 0);
    check_is(served_by(client_of()), worker);
    end();
    check_is(test_end(worker), 0);
}

static int take_too_late(void *context)
{
    kin_socket *client;
    let_go();
    for (int i = 0; i < 5; i++)
        check_is(kin_prefork_take(context, KIN_NOW, &client), -ETIMEDOUT);
    *flag = 1;
    return serve(context);
}

static void a_take_that_ended_is_asked_again(void **state)
{
    begin(state);
    flag = test_shared(sizeof *flag);
    pid_t worker = start(take_too_late);
    test_until(*flag);
    for (int i = 0; i < 10; i++)
        check_is(served_by(client_of()), worker);
    end();
    check_is(test_end(worker), 0);
}

static int have_no_room(void *context)
{
    kin_socket *client;
    let_go();
    struct rlimit none = {3, 3};
    check_is(setrlimit(RLIMIT_NOFILE, &none), 0);
    check_is(kin_prefork_take(context, KIN_FOREVER, &client), -EMFILE);
    return 0;
}

static void a_worker_without_room_gives_back(void **state)
{
    begin(state);
    kin_socket *client = client_of();
    pid_t full = start(have_no_room);
    check_is(kin_prefork_run(prefork, KIN_FOREVER), 0);
    check_is(test_end(full), 0);
    pid_t worker = start(serve);
    check_is(served_by(client), worker);
    end();
    check_is(test_end(worker), 0);
}

static int wait_and_serve(void *context)
{
    return serve(context);
}

static void a_pollable_owner(void **state)
{
    begin(state);
    struct pollfd ready = {.fd = kin_prefork_fd(prefork), .events = POLLIN};
    kin_socket *client = client_of();
    check_is(poll(&ready, 1, 0), 0); /* nobody asks: the client waits in the backlog */
    pid_t worker = start(wait_and_serve);
    check_is(poll(&ready, 1, TEST_HANG * 1000), 1);
    check_is(served_by(client), worker);
    end();
    check_is(test_end(worker), 0);
}

static void bad_input_is_a_sentence(void **state)
{
    (void)state;
    kin_socket *ends[2];
    kin_prefork *none;
    check_is(kin_socket_pair(KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), ends), 0);
    check_refused(kin_prefork_create(ends[0], &none), -EINVAL, "does not listen");
    check_is(kin_socket_send(ends[1], "x", 1, KIN_NOW), 1);
    kin_socket *client;
    check_refused(kin_prefork_take(ends[0], KIN_NOW, &client), -EPROTO, "no owner of workers");
    kin_socket_close(ends[1]);
    check_refused(kin_prefork_take(ends[0], KIN_NOW, &client), -EPIPE, "owner of the workers has gone");
    kin_socket_close(ends[0]);
    kin_prefork_destroy(NULL);
}

static int open_count(void)
{
    int count = 0;
    DIR *list = opendir("/proc/self/fd");
    check(list);
    while (readdir(list))
        count++;
    closedir(list);
    return count - 3;
}

/* A fork of the owner that lets go of nothing. */
static int keep_all(void *context)
{
    (void)context;
    for (;;)
        pause();
    return 0;
}

static void a_gone_worker_is_told_once(void **state)
{
    begin(state);
    pid_t worker = start(serve), fork = test_child(keep_all, NULL);
    test_kill(worker);
    check_is(kin_prefork_run(prefork, KIN_FOREVER), 0);
    check_is(kin_prefork_workers(prefork), 0);
    struct pollfd owner = {.fd = kin_prefork_fd(prefork), .events = POLLIN};
    check_is(poll(&owner, 1, 0), 0);
    check_is(kin_prefork_run(prefork, KIN_NOW), -ETIMEDOUT);
    test_kill(fork);
    end();
}

/* A worker is killed at any moment, over and over: each kill costs at most the one client that it had taken. */
static void random_kills_cost_what_was_taken(void **state)
{
    enum { WORKERS = 4, CLIENTS = 400 };
    pid_t workers[WORKERS];
    int kills = 0, dropped = 0;
    unsigned seed = 7;
    int before = open_count();
    begin(state);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start(serve);
    for (int i = 0; i < CLIENTS; i++) {
        kin_socket *clients[3];
        for (int j = 0; j < 3; j++)
            clients[j] = client_of();
        if (i % 4 == 0) {
            int victim = rand_r(&seed) % WORKERS;
            for (volatile int turn = rand_r(&seed) % 20000; turn > 0; turn--)
                ;
            test_kill(workers[victim]);
            kills++;
            check_is(kin_prefork_run(prefork, KIN_FOREVER), 0);
            workers[victim] = start(serve);
            check_is(kin_prefork_workers(prefork), WORKERS);
        }
        for (int j = 0; j < 3; j++)
            dropped += served_by(clients[j]) == 0;
    }
    print_message("# %d workers killed, %d of %d clients dropped\n", kills, dropped, 3 * CLIENTS);
    check(dropped <= kills);
    end();
    for (int i = 0; i < WORKERS; i++)
        check_is(test_end(workers[i]), 0);
    check_is(open_count(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(workers_share_the_clients),           TEST(a_death_before_taking_loses_nothing),
        TEST(a_death_before_looking_loses_nothing), TEST(what_was_taken_ends_with_its_taker),
        TEST(a_take_that_ended_is_asked_again),    TEST(a_worker_without_room_gives_back),
        TEST(a_pollable_owner),                    TEST(bad_input_is_a_sentence),
        TEST(a_gone_worker_is_told_once),           TEST(random_kills_cost_what_was_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
