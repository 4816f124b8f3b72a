/* Descriptors on their way: how many, whose, and what becomes of those that cannot arrive. */
#include "support.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <kin/socket.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOON kin_after(20 * INT64_C(1000000))

static const enum kin_socket_kind kinds[] = {KIN_SOCKET_STREAM, KIN_SOCKET_SEQPACKET, KIN_SOCKET_DATAGRAM};
#define KINDS (sizeof kinds / sizeof *kinds)

static void pair(enum kin_socket_kind kind, kin_socket **ends)
{
    check_is(kin_socket_pair(KIN_SOCKET(.kind = kind, .credentials = true), ends), 0);
}

static void close_pair(kin_socket **ends)
{
    kin_socket_close(ends[0]);
    kin_socket_close(ends[1]);
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

static bool same_file(int one, int other)
{
    struct stat left, right;
    check_is(fstat(one, &left), 0);
    check_is(fstat(other, &right), 0);
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

/* The read ends of as many pipes, each another file. */
static void make_files(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int ends[2];
        check_is(pipe2(ends, O_CLOEXEC), 0);
        fds[i] = ends[0];
        close(ends[1]);
    }
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_is(close(fds[i]), 0);
}

static void from_one_to_all_arrive_close_on_exec(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 3, 64, KIN_FDS_MAX};
    int files[KIN_FDS_MAX], came[KIN_FDS_MAX];
    make_files(files, KIN_FDS_MAX);
    int before = open_count();
    for (size_t i = 0; i < KINDS; i++)
        for (size_t j = 0; j < sizeof counts / sizeof *counts; j++) {
            kin_socket *ends[2];
            char text[8];
            struct kin_packet packet = {.data = "files", .length = 5, .fds = files, .fd_count = counts[j]};
            pair(kinds[i], ends);
            check_is(kin_socket_send_packets(ends[0], &packet, 1, KIN_FOREVER), 1);
            packet = (struct kin_packet){.data = text, .room = sizeof text, .fds = came, .fd_room = counts[j]};
            check_is(kin_socket_receive_packets(ends[1], &packet, 1, KIN_FOREVER), 1);
            check_is(packet.length, 5);
            check_is(packet.fd_count, counts[j]);
            for (size_t k = 0; k < counts[j]; k++) {
                check(same_file(came[k], files[k]));
                check_is(fcntl(came[k], F_GETFD), FD_CLOEXEC);
            }
            close_all(came, packet.fd_count);
            close_pair(ends);
        }
    check_is(open_count(), before);
    close_all(files, KIN_FDS_MAX);
}

static void what_has_no_room_is_closed_and_told(void **state)
{
    (void)state;
    int files[4], came[4];
    make_files(files, 4);
    int before = open_count();
    for (size_t i = 0; i < KINDS; i++)
        for (size_t room = 0; room < 4; room++) {
            kin_socket *ends[2];
            char text[8];
            struct kin_packet packet = {.data = "x", .length = 1, .fds = files, .fd_count = 4};
            pair(kinds[i], ends);
            check_is(kin_socket_send_packets(ends[0], &packet, 1, KIN_FOREVER), 1);
            packet = (struct kin_packet){.data = text, .room = sizeof text, .fds = came, .fd_room = room};
            check_refused(kin_socket_receive_packets(ends[1], &packet, 1, KIN_FOREVER), -EMSGSIZE,
                          "more descriptors than there was room for");
            check_is(packet.result, -EMSGSIZE);
            check_is(packet.fd_count, 0);
            close_pair(ends);
            check_is(open_count(), before);
        }
    close_all(files, 4);
}

/* A receive that wants bytes alone takes no descriptor by the way. */
static void unwanted_descriptors_do_not_stay(void **state)
{
    (void)state;
    kin_socket *ends[2];
    char text[8];
    pair(KIN_SOCKET_STREAM, ends);
    int before = open_count(), fd = 0;
    struct kin_packet packet = {.data = "x", .length = 1, .fds = &fd, .fd_count = 1};
    check_is(kin_socket_send_packets(ends[0], &packet, 1, KIN_FOREVER), 1);
    check_is(kin_socket_receive(ends[1], text, sizeof text, KIN_FOREVER), -EMSGSIZE);
    packet.fd_count = 0;
    check_is(kin_socket_send_packets(ends[0], &packet, 1, KIN_FOREVER), 1);
    check_is(kin_socket_receive(ends[1], text, sizeof text, KIN_FOREVER), 1);
    check_is(open_count(), before);
    close_pair(ends);
}

static void a_limit_of_descriptors_is_told(void **state)
{
    (void)state;
    int files[8], came[8];
    struct rlimit limit, low;
    kin_socket *ends[2], *listener, *client, *accepted;
    char text[8];
    check_is(chdir(*state), 0);
    make_files(files, 8);
    pair(KIN_SOCKET_SEQPACKET, ends);
    check_is(kin_socket_listen("socket", NULL, KIN_FOREVER, &listener), 0);
    check_is(kin_socket_connect("socket", NULL, KIN_FOREVER, &client), 0);
    int before = open_count(), next = dup(0);
    close(next);
    check_is(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct kin_packet packet = {.data = "x", .length = 1, .fds = files, .fd_count = 8};
    check_is(kin_socket_send_packets(ends[0], &packet, 1, KIN_FOREVER), 1);
    low = (struct rlimit){(rlim_t)next + 3, limit.rlim_max};
    check_is(setrlimit(RLIMIT_NOFILE, &low), 0);
    packet = (struct kin_packet){.data = text, .room = sizeof text, .fds = came, .fd_room = 8};
    check_refused(kin_socket_receive_packets(ends[1], &packet, 1, KIN_FOREVER), -EMFILE, "RLIMIT_NOFILE");
    low.rlim_cur = (rlim_t)next;
    check_is(setrlimit(RLIMIT_NOFILE, &low), 0);
    check_refused(kin_socket_accept(listener, KIN_NOW, &accepted), -EMFILE, "RLIMIT_NOFILE");
    check_is(setrlimit(RLIMIT_NOFILE, &limit), 0);
    check_is(kin_socket_accept(listener, KIN_NOW, &accepted), 0); /* it has waited */
    kin_socket_close(accepted);
    check_is(open_count(), before);
    close_pair(ends);
    kin_socket_close(client);
    kin_socket_close(listener);
    close_all(files, 8);
}

static int fill_the_way(void *context)
{
    kin_socket **ends = context;
    int fds[100], last = -1;
    struct kin_packet packet = {.data = "x", .length = 1, .fds = fds, .fd_count = 100};
    struct rlimit low = {150, 150};
    for (int i = 0; i < 100; i++)
        fds[i] = 0;
    check_is(setrlimit(RLIMIT_NOFILE, &low), 0);
    check_is(setgid(65533), 0);
    check_is(setuid(65533), 0);
    for (int i = 0; i < 10 && (last = (int)kin_socket_send_packets(ends[0], &packet, 1, SOON)) == 1; i++)
        ;
    check_refused(last, -ETIMEDOUT, "RLIMIT_NOFILE allows");
    return 0;
}

static void too_many_on_their_way_are_told(void **state)
{
    (void)state;
    kin_socket *ends[2];
    if (geteuid() != 0)
        test_skip("only root may become a user for whom this limit holds");
    pair(KIN_SOCKET_SEQPACKET, ends);
    check_is(test_end(test_child(fill_the_way, ends)), 0);
    close_pair(ends);
}

static void bad_lists_are_a_sentence(void **state)
{
    (void)state;
    kin_socket *ends[2];
    static int many[KIN_FDS_MAX + 1];
    int list[] = {0, 1, 1000, 2};
    struct kin_packet packet = {.data = "x", .length = 1, .fds = list, .fd_count = 4};
    pair(KIN_SOCKET_STREAM, ends);
    check_refused(kin_socket_send_packets(ends[0], &packet, 1, KIN_FOREVER), -EBADF,
                  "descriptor 1000, number 3 of the 4");
    list[2] = -1;
    check_refused(kin_socket_send_packets(ends[0], &packet, 1, KIN_FOREVER), -EBADF, "descriptor -1, number 3");
    packet.fds = many;
    packet.fd_count = KIN_FDS_MAX + 1;
    check_refused(kin_socket_send_packets(ends[0], &packet, 1, KIN_FOREVER), -EINVAL, "254 descriptors");
    packet.fd_count = 1;
    packet.length = 0;
    check_refused(kin_socket_send_packets(ends[0], &packet, 1, KIN_FOREVER), -EINVAL, "at least one byte");
    char text[8];
    check_is(kin_socket_receive(ends[1], text, sizeof text, KIN_NOW), -ETIMEDOUT);
    close_pair(ends);
}

/* More packets than one call takes, each with its own file and its own length. */
static void batches_keep_their_order(void **state)
{
    (void)state;
    enum { COUNT = 150 };
    static int files[COUNT], came[COUNT][2];
    static char texts[COUNT][16];
    static struct kin_packet out[COUNT], in[COUNT];
    make_files(files, COUNT);
    int before = open_count();
    for (size_t i = 0; i < KINDS; i++) {
        kin_socket *ends[2];
        size_t sent = 0, done = 0;
        pair(kinds[i], ends);
        for (int j = 0; j < COUNT; j++) {
            size_t length = (size_t)j % 9 + 1;
            out[j] = (struct kin_packet){.data = "0123456789", .length = length, .fds = &files[j], .fd_count = 1};
            in[j] = (struct kin_packet){.data = texts[j], .room = 16, .fds = came[j], .fd_room = 2};
        }
        while (done < COUNT) {
            ssize_t part = kin_socket_send_packets(ends[0], out + sent, COUNT - sent, KIN_NOW);
            check(part > 0 || part == -ETIMEDOUT || sent == COUNT);
            sent += part > 0 ? (size_t)part : 0;
            ssize_t result = kin_socket_receive_packets(ends[1], in + done, COUNT - done, KIN_FOREVER);
            check(result > 0 && result <= 64);
            size_t received = (size_t)result;
            for (size_t j = done; j < done + received; j++) {
                check_is(in[j].result, 0);
                check_is(in[j].length, out[j].length);
                check_is(in[j].fd_count, 1);
                check(same_file(came[j][0], files[j]));
                close(came[j][0]);
            }
            done += received;
        }
        close_pair(ends);
    }
    check_is(open_count(), before);
    close_all(files, COUNT);
}

static void one_lost_packet_leaves_its_neighbours(void **state)
{
    (void)state;
    kin_socket *ends[2];
    int files[2], came[3][1];
    char texts[3][4];
    make_files(files, 2);
    pair(KIN_SOCKET_SEQPACKET, ends);
    int before = open_count();
    struct kin_packet out[] = {{.data = "a", .length = 1, .fds = files, .fd_count = 1},
                               {.data = "b", .length = 1, .fds = files, .fd_count = 2},
                               {.data = "c", .length = 1, .fds = files, .fd_count = 1}};
    struct kin_packet in[3];
    for (int i = 0; i < 3; i++)
        in[i] = (struct kin_packet){.data = texts[i], .room = 4, .fds = came[i], .fd_room = 1};
    check_is(kin_socket_send_packets(ends[0], out, 3, KIN_FOREVER), 3);
    check_is(kin_socket_receive_packets(ends[1], in, 3, KIN_FOREVER), 3);
    check_is(in[0].result, 0);
    check_is(in[1].result, -EMSGSIZE);
    check_is(in[2].result, 0);
    check_is(texts[2][0], 'c');
    close(came[0][0]);
    close(came[2][0]);
    check_is(open_count(), before);
    close_pair(ends);
    close_all(files, 2);
}

static void a_batch_ends_with_the_peer(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        kin_socket *ends[2];
        char texts[4][4];
        struct kin_packet out = {.data = "x", .length = 1}, in[4];
        for (int j = 0; j < 4; j++)
            in[j] = (struct kin_packet){.data = texts[j], .room = 4};
        pair(kinds[i], ends);
        check_is(kin_socket_send_packets(ends[0], &out, 1, KIN_FOREVER), 1);
        kin_socket_close(ends[0]);
        check_is(kin_socket_receive_packets(ends[1], in, 4, KIN_FOREVER), 1);
        check_is(kin_socket_receive_packets(ends[1], in, 4, KIN_FOREVER), 0);
        kin_socket_close(ends[1]);
    }
}

/* A long stream packet goes in pieces; its descriptors with the first one only. */
static int send_long(void *context)
{
    kin_socket **ends = context;
    size_t size = 1 << 20;
    int fd = 0;
    struct kin_packet packets[2] = {{.data = calloc(1, size), .length = size, .fds = &fd, .fd_count = 1}};
    packets[1] = packets[0];
    kin_socket_close(ends[0]);
    check_is(kin_socket_send_packets(ends[1], packets, 2, kin_after(TEST_HANG * INT64_C(1000000000))), 2);
    return 0;
}

static void a_long_packet_brings_its_descriptors_once(void **state)
{
    (void)state;
    kin_socket *ends[2];
    static char text[100000];
    int came[4], count = 0;
    size_t bytes = 0;
    ssize_t result;
    pair(KIN_SOCKET_STREAM, ends);
    pid_t child = test_child(send_long, ends);
    kin_socket_close(ends[1]);
    struct kin_packet packet = {.data = text, .room = sizeof text, .fds = came, .fd_room = 4};
    while ((result = kin_socket_receive_packets(ends[0], &packet, 1, KIN_FOREVER)) == 1) {
        bytes += packet.length;
        close_all(came, packet.fd_count);
        count += (int)packet.fd_count;
    }
    check_is(result, 0);
    check_is(bytes, 2 << 20);
    check_is(count, 2);
    check_is(test_end(child), 0);
    kin_socket_close(ends[0]);
}

static int send_one(void *context)
{
    struct kin_packet packet = {.data = "x", .length = 1};
    return (int)kin_socket_send_packets(context, &packet, 1, KIN_FOREVER);
}

/* Not who made the socket: who sent this message. */
static void each_message_tells_its_sender(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        kin_socket *ends[2];
        char text[4];
        struct kin_packet packet = {.data = text, .room = 4};
        pair(kinds[i], ends);
        for (int turn = 0; turn < 3; turn++) {
            pid_t child = turn == 1 ? getpid() : test_child(send_one, ends[0]);
            check_is(turn == 1 ? send_one(ends[0]) : test_end(child), 1);
            check_is(kin_socket_receive_packets(ends[1], &packet, 1, KIN_FOREVER), 1);
            check_is(packet.sender.pid, child);
            check_is(packet.sender.uid, geteuid());
            check_is(packet.sender.gid, getegid());
        }
        close_pair(ends);
    }
}

static int send_and_die(void *context)
{
    kin_socket **ends = context;
    int files[1];
    make_files(files, 1);
    struct kin_packet packet = {.data = "x", .length = 1, .fds = files, .fd_count = 1};
    kin_socket_close(ends[0]);
    check_is(kin_socket_send_packets(ends[1], &packet, 1, KIN_FOREVER), 1);
    raise(SIGKILL);
    return 0;
}

/* A descriptor outlives its sender on the way, and the way's end when nobody takes it. */
static void descriptors_outlive_their_sender(void **state)
{
    (void)state;
    kin_socket *ends[2];
    char text[4];
    int came, watched[2];
    pair(KIN_SOCKET_STREAM, ends);
    check_is(test_end(test_child(send_and_die, ends)), -SIGKILL);
    struct kin_packet packet = {.data = text, .room = 4, .fds = &came, .fd_room = 1};
    check_is(kin_socket_receive_packets(ends[0], &packet, 1, KIN_FOREVER), 1);
    check_is(packet.fd_count, 1);
    check_is(read(came, text, 1), 0); /* open, and at its end */
    close(came);
    check_is(pipe2(watched, O_CLOEXEC), 0);
    packet = (struct kin_packet){.data = "x", .length = 1, .fds = &watched[1], .fd_count = 1};
    check_is(kin_socket_send_packets(ends[0], &packet, 1, KIN_FOREVER), 1);
    close(watched[1]);
    struct pollfd end = {.fd = watched[0], .events = POLLIN};
    check_is(poll(&end, 1, 0), 0); /* on its way: open */
    close_pair(ends);
    check_is(poll(&end, 1, TEST_HANG * 1000), 1);
    check(end.revents & POLLHUP);
    close(watched[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(from_one_to_all_arrive_close_on_exec),  TEST(what_has_no_room_is_closed_and_told),
        TEST(unwanted_descriptors_do_not_stay),      TEST(a_limit_of_descriptors_is_told),
        TEST(too_many_on_their_way_are_told),        TEST(bad_lists_are_a_sentence),
        TEST(batches_keep_their_order),              TEST(one_lost_packet_leaves_its_neighbours),
        TEST(a_batch_ends_with_the_peer),            TEST(a_long_packet_brings_its_descriptors_once),
        TEST(each_message_tells_its_sender),         TEST(descriptors_outlive_their_sender),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
