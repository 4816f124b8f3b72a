/* Pairs and connections: both ways, whole messages, the end, deadlines, who the peer is. */
#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <kin/socket.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOON kin_after(20 * INT64_C(1000000))

static const enum kin_socket_kind kinds[] = {KIN_SOCKET_STREAM, KIN_SOCKET_SEQPACKET, KIN_SOCKET_DATAGRAM};
#define KINDS (sizeof kinds / sizeof *kinds)

static void pair(enum kin_socket_kind kind, kin_socket **ends)
{
    check_is(kin_socket_pair(KIN_SOCKET(.kind = kind), ends), 0);
}

static void say(kin_socket *socket, const char *words)
{
    check_is(kin_socket_send(socket, words, strlen(words), KIN_FOREVER), strlen(words));
}

static void hear(kin_socket *socket, const char *words)
{
    char text[256];
    check_is(kin_socket_receive(socket, text, sizeof text, KIN_FOREVER), strlen(words));
    check(memcmp(text, words, strlen(words)) == 0);
}

static void hear_end(kin_socket *socket)
{
    char byte;
    check_is(kin_socket_receive(socket, &byte, 1, KIN_FOREVER), 0);
}

static int answer_in_capitals(void *context)
{
    kin_socket **ends = context;
    char text[64];
    kin_socket_close(ends[0]);
    for (ssize_t length; (length = kin_socket_receive(ends[1], text, sizeof text, KIN_FOREVER)) > 0;) {
        for (ssize_t i = 0; i < length; i++)
            text[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
        check_is(kin_socket_send(ends[1], text, (size_t)length, KIN_FOREVER), length);
    }
    return 0;
}

static void a_pair_talks_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        kin_socket *ends[2];
        pair(kinds[i], ends);
        pid_t child = test_child(answer_in_capitals, ends);
        kin_socket_close(ends[1]);
        say(ends[0], "hello");
        hear(ends[0], "HELLO");
        kin_socket_close(ends[0]);
        check_is(test_end(child), 0);
    }
}

static void messages_stay_whole_but_on_a_stream(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        kin_socket *ends[2];
        pair(kinds[i], ends);
        say(ends[0], "one");
        say(ends[0], "two");
        if (kinds[i] == KIN_SOCKET_STREAM) {
            hear(ends[1], "onetwo");
        } else {
            hear(ends[1], "one");
            hear(ends[1], "two");
        }
        kin_socket_close(ends[0]);
        kin_socket_close(ends[1]);
    }
}

static void the_end_is_a_result_and_no_signal(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_DFL);
    for (size_t i = 0; i < 2; i++) {
        kin_socket *ends[2];
        pair(kinds[i], ends);
        say(ends[0], "last");
        kin_socket_close(ends[0]);
        hear(ends[1], "last");
        hear_end(ends[1]);
        hear_end(ends[1]);
        check_refused(kin_socket_send(ends[1], "x", 1, KIN_FOREVER), -EPIPE, "the peer has closed");
        struct kin_packet packet = {.data = "x", .length = 1};
        check_is(kin_socket_send_packets(ends[1], &packet, 1, KIN_FOREVER), -EPIPE);
        kin_socket_close(ends[1]);
    }
}

static void unread_words_are_told_once(void **state)
{
    (void)state;
    kin_socket *ends[2];
    char byte;
    pair(KIN_SOCKET_STREAM, ends);
    say(ends[1], "unread");
    kin_socket_close(ends[0]);
    check_refused(kin_socket_receive(ends[1], &byte, 1, KIN_FOREVER), -ECONNRESET, "not read all");
    hear_end(ends[1]);
    kin_socket_close(ends[1]);
}

static int keep_copies(void *context)
{
    kin_socket **ends = context;
    hear(ends[1], "go"); /* it has copies of both ends */
    return 0;
}

/* The trap: an end that is still open somewhere else is not at its end. */
static void shutdown_is_seen_whoever_has_copies(void **state)
{
    (void)state;
    kin_socket *ends[2], *other[2];
    pair(KIN_SOCKET_STREAM, ends);
    pair(KIN_SOCKET_STREAM, other);
    kin_socket *all[2] = {ends[0], other[1]};
    pid_t child = test_child(keep_copies, all);
    check_is(kin_socket_shutdown(ends[0]), 0);
    hear_end(ends[1]);
    say(ends[1], "back"); /* the other way stays open */
    hear(ends[0], "back");
    say(other[0], "go");
    check_is(test_end(child), 0);
    kin_socket_close(ends[1]);
    hear_end(ends[0]);
    kin_socket_close(ends[0]);
    kin_socket_close(other[0]);
    kin_socket_close(other[1]);
}

/* The trap: each waits until the other reads. */
static void both_full_is_a_sentence_not_a_deadlock(void **state)
{
    (void)state;
    size_t size = 4 << 20;
    char *much = calloc(1, size);
    check(much);
    for (size_t i = 0; i < KINDS; i++) {
        kin_socket *ends[2];
        pair(kinds[i], ends);
        size_t piece = kinds[i] == KIN_SOCKET_STREAM ? size : 4096;
        for (int side = 0; side < 2; side++) {
            ssize_t result, sent = 0;
            while ((result = kin_socket_send(ends[side], much, piece, SOON)) > 0)
                sent += result;
            check_refused(result, -ETIMEDOUT, "receive first");
            check(sent > 0 && sent < (ssize_t)size);
        }
        kin_socket_close(ends[0]);
        kin_socket_close(ends[1]);
    }
    free(much);
}

static int read_slowly(void *context)
{
    kin_socket **ends = context;
    char text[1000];
    ssize_t length, count = 0;
    kin_socket_close(ends[0]);
    while ((length = kin_socket_receive(ends[1], text, sizeof text, KIN_FOREVER)) > 0) {
        for (ssize_t i = 0; i < length; i++)
            check_is(text[i], (char)((count + i) % 251));
        count += length;
    }
    return length == 0 && count == 1 << 20 ? 0 : 1;
}

static void ring(int signal)
{
    (void)signal;
}

/* In pieces, with a signal in between now and then. */
static void a_long_stream_arrives_in_order(void **state)
{
    (void)state;
    kin_socket *ends[2];
    char *data = malloc(1 << 20);
    check(data);
    for (size_t i = 0; i < 1 << 20; i++)
        data[i] = (char)(i % 251);
    for (int forever = 0; forever < 2; forever++) {
        pair(KIN_SOCKET_STREAM, ends);
        pid_t child = test_child(read_slowly, ends);
        kin_socket_close(ends[1]);
        struct sigaction action = {.sa_handler = ring};
        sigaction(SIGALRM, &action, NULL);
        ualarm(200, 200);
        kin_time until = forever ? KIN_FOREVER : kin_after(TEST_HANG * INT64_C(1000000000));
        check_is(kin_socket_send(ends[0], data, 1 << 20, until), 1 << 20);
        ualarm(0, 0);
        kin_socket_close(ends[0]);
        check_is(test_end(child), 0);
    }
    free(data);
}

static void deadlines_end_the_waiting(void **state)
{
    check_is(chdir(*state), 0);
    kin_socket *ends[2], *listener, *client;
    char byte;
    struct timespec now;
    pair(KIN_SOCKET_SEQPACKET, ends);
    check_refused(kin_socket_receive(ends[0], &byte, 1, KIN_NOW), -ETIMEDOUT, "nothing has come");
    check_is(kin_socket_receive(ends[0], &byte, 1, SOON), -ETIMEDOUT);
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_nsec = now.tv_nsec < 900000000 ? now.tv_nsec + 50000000 : now.tv_nsec;
    check_is(kin_socket_receive(ends[0], &byte, 1, kin_at(&now)), -ETIMEDOUT);
    check_is(kin_socket_listen("socket", NULL, KIN_NOW, &listener), 0);
    check_refused(kin_socket_accept(listener, KIN_NOW, &client), -ETIMEDOUT, "nobody has connected");
    check_is(kin_socket_accept(listener, SOON, &client), -ETIMEDOUT);
    check_refused(kin_socket_accept(ends[0], SOON, &client), -EINVAL, "does not listen");
    check_refused(kin_socket_receive(listener, &byte, 1, SOON), -EINVAL, "connected to nobody");
    kin_socket_close(listener);
    kin_socket_close(ends[0]);
    kin_socket_close(ends[1]);
}

static int connect_to_full(void *context)
{
    kin_socket *socket;
    (void)context;
    check_is(kin_socket_connect("full", NULL, KIN_FOREVER, &socket), 0);
    return 0;
}

static void a_full_backlog_is_waited_for(void **state)
{
    check_is(chdir(*state), 0);
    kin_socket *listener, *clients[2], *more, *accepted;
    check_is(kin_socket_listen("full", KIN_SOCKET(.backlog = 1), KIN_NOW, &listener), 0);
    for (int i = 0; i < 2; i++)
        check_is(kin_socket_connect("full", NULL, KIN_NOW, &clients[i]), 0);
    check_refused(kin_socket_connect("full", NULL, KIN_NOW, &more), -ETIMEDOUT, "backlog is full");
    check_is(kin_socket_connect("full", NULL, SOON, &more), -ETIMEDOUT);
    pid_t child = test_child(connect_to_full, NULL);
    for (int i = 0; i < 3; i++) {
        check_is(kin_socket_accept(listener, KIN_FOREVER, &accepted), 0);
        kin_socket_close(accepted);
    }
    check_is(test_end(child), 0);
    for (int i = 0; i < 2; i++)
        kin_socket_close(clients[i]);
    kin_socket_close(listener);
}

static int connect_and_stay(void *context)
{
    kin_socket *socket;
    (void)context;
    check_is(kin_socket_connect("peer", NULL, KIN_FOREVER, &socket), 0);
    hear_end(socket);
    return 0;
}

static void the_peer_is_known(void **state)
{
    check_is(chdir(*state), 0);
    kin_socket *listener, *client, *ends[2];
    struct kin_peer peer;
    check_is(kin_socket_listen("peer", NULL, KIN_NOW, &listener), 0);
    pid_t child = test_child(connect_and_stay, NULL);
    check_is(kin_socket_accept(listener, KIN_FOREVER, &client), 0);
    check_is(kin_socket_peer(client, &peer), 0);
    check_is(peer.pid, child);
    check_is(peer.uid, geteuid());
    check_is(peer.gid, getegid());
    int pidfd = kin_socket_peer_pidfd(client);
    if (pidfd == -EOPNOTSUPP)
        print_message("# skip: SO_PEERPIDFD: %s\n", kin_reason());
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    if (pidfd >= 0) {
        check_is(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
        check_is(poll(&ended, 1, 0), 0);
    }
    kin_socket_close(client);
    check_is(test_end(child), 0);
    if (pidfd >= 0) {
        check_is(poll(&ended, 1, 0), 1);
        close(pidfd);
    }
    kin_socket_close(listener);
    pair(KIN_SOCKET_STREAM, ends);
    check_is(kin_socket_peer(ends[0], &peer), 0);
    check_is(peer.pid, getpid());
    kin_socket_close(ends[0]);
    kin_socket_close(ends[1]);
    check_is(kin_socket_listen("peer", KIN_SOCKET(.kind = KIN_SOCKET_DATAGRAM), KIN_NOW, &listener), 0);
    check_refused(kin_socket_peer(listener, &peer), -EOPNOTSUPP, "no peer");
    check_is(kin_socket_peer_pidfd(listener), -EOPNOTSUPP);
    kin_socket_close(listener);
}

static int die_in_the_middle(void *context)
{
    kin_socket **ends = context;
    kin_socket_close(ends[0]);
    say(ends[1], "half of the w");
    raise(SIGKILL);
    return 1;
}

static void a_killed_peer_is_an_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        kin_socket *ends[2];
        pair(kinds[i], ends);
        pid_t child = test_child(die_in_the_middle, ends);
        kin_socket_close(ends[1]);
        hear(ends[0], "half of the w");
        hear_end(ends[0]);
        check_is(test_end(child), -SIGKILL);
        kin_socket_close(ends[0]);
    }
}

static void every_descriptor_is_close_on_exec(void **state)
{
    check_is(chdir(*state), 0);
    kin_socket *ends[2], *listener, *client, *accepted;
    pair(KIN_SOCKET_STREAM, ends);
    check_is(kin_socket_listen("exec", NULL, KIN_NOW, &listener), 0);
    check_is(kin_socket_connect("exec", NULL, KIN_NOW, &client), 0);
    check_is(kin_socket_accept(listener, KIN_NOW, &accepted), 0);
    for (int fd = 3; fd < 64; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && fd >= kin_socket_fd(ends[0]) && fd <= kin_socket_fd(accepted))
            check_is(flags, FD_CLOEXEC);
    }
    kin_socket *all[] = {ends[0], ends[1], listener, client, accepted};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        kin_socket_close(all[i]);
    kin_socket_close(NULL);
}

static void others_sockets_are_adopted(void **state)
{
    (void)state;
    int ends[2], pipes[2];
    kin_socket *ours, *theirs;
    check_is(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    check_is(kin_socket_adopt(ends[0], NULL, &ours), 0);
    check_is(kin_socket_adopt(ends[1], NULL, &theirs), 0);
    check_is(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
    say(ours, "one");
    say(ours, "two");
    hear(theirs, "one");
    hear(theirs, "two");
    kin_socket_close(ours);
    kin_socket_close(theirs);
    check_refused(kin_socket_adopt(ends[0], NULL, &ours), -EBADF, "is not open");
    check_is(pipe2(pipes, O_CLOEXEC), 0);
    check_refused(kin_socket_adopt(pipes[0], NULL, &ours), -ENOTSOCK, "no Unix socket");
    check_is(fcntl(pipes[0], F_GETFD), FD_CLOEXEC);
    close(pipes[0]);
    close(pipes[1]);
}

static void bad_input_is_a_sentence(void **state)
{
    check_is(chdir(*state), 0);
    kin_socket *ends[2], *listener, *client;
    char byte;
    check_refused(kin_socket_pair(KIN_SOCKET(.kind = 9), ends), -EINVAL, "no kind 9");
    check_refused(kin_socket_listen("", NULL, KIN_NOW, &listener), -EINVAL, "is empty");
    check_refused(kin_socket_listen(NULL, NULL, KIN_NOW, &listener), -EINVAL, "is empty");
    check_refused(kin_socket_listen("x", KIN_SOCKET(.mode = 01777), KIN_NOW, &listener), -EINVAL, "up to 0777");
    check_refused(kin_socket_connect("none", NULL, KIN_NOW, &client), -ENOENT, "cannot connect to \"none\"");
    pair(KIN_SOCKET_SEQPACKET, ends);
    check_refused(kin_socket_send(ends[0], "", 0, KIN_NOW), -EINVAL, "empty message");
    check_refused(kin_socket_receive(ends[0], &byte, 0, KIN_NOW), -EINVAL, "no room");
    size_t size = 64 << 20;
    char *much = calloc(1, size);
    check_refused(kin_socket_send(ends[0], much, size, KIN_NOW), -EMSGSIZE, "too long for one message");
    free(much);
    say(ends[0], "longer");
    check_refused(kin_socket_receive(ends[1], &byte, 1, KIN_NOW), -EMSGSIZE, "of 6 bytes came");
    say(ends[0], "next");
    hear(ends[1], "next");
    kin_socket_close(ends[0]);
    kin_socket_close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pair_talks_both_ways),          TEST(messages_stay_whole_but_on_a_stream),
        TEST(the_end_is_a_result_and_no_signal), TEST(unread_words_are_told_once),
        TEST(shutdown_is_seen_whoever_has_copies), TEST(both_full_is_a_sentence_not_a_deadlock),
        TEST(a_long_stream_arrives_in_order),  TEST(deadlines_end_the_waiting),
        TEST(a_full_backlog_is_waited_for),    TEST(the_peer_is_known),
        TEST(a_killed_peer_is_an_end),         TEST(every_descriptor_is_close_on_exec),
        TEST(others_sockets_are_adopted),      TEST(bad_input_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
