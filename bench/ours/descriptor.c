/* Descriptors through a socket pair, in one process: so many with one message, or so many messages with one each. */
#include "ours/ours.h"
#include "common/clock.h"
#include "common/measure.h"
#include "common/require.h"
#include <fcntl.h>
#include <unistd.h>

#define MOST 64

struct passing {
    kin_socket *ends[2];
    int fd, fds[MOST], came[MOST];
    char bytes[MOST];
    struct kin_packet out[MOST], in[MOST];
    size_t packets, descriptors;
};

static double rounds(void *context, uint64_t count)
{
    struct passing *passing = context;
    uint64_t begun = clock_now();
    for (uint64_t i = 0; i < count; i++) {
        size_t got = 0;
        require(kin_socket_send_packets(passing->ends[0], passing->out, passing->packets, KIN_FOREVER) ==
                (ssize_t)passing->packets);
        while (got < passing->packets) {
            ssize_t result = kin_socket_receive_packets(passing->ends[1], passing->in + got, passing->packets - got,
                                                        KIN_FOREVER);
            require(result > 0);
            got += (size_t)result;
        }
        for (size_t j = 0; j < passing->descriptors; j++)
            close(passing->came[j]);
    }
    return (double)(clock_now() - begun);
}

static double pass(size_t packets, size_t each, double nanoseconds)
{
    static struct passing passing;
    require(packets * each <= MOST);
    passing.packets = packets;
    passing.descriptors = packets * each;
    must(kin_socket_pair(NULL, passing.ends));
    require((passing.fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0);
    for (size_t i = 0; i < MOST; i++)
        passing.fds[i] = passing.fd;
    for (size_t i = 0; i < packets; i++) {
        passing.out[i] = (struct kin_packet){.data = "x", .length = 1, .fds = passing.fds, .fd_count = each};
        passing.in[i] = (struct kin_packet){
            .data = &passing.bytes[i], .room = 1, .fds = &passing.came[i * each], .fd_room = each};
    }
    double result = measure_alone(rounds, &passing, nanoseconds) / (double)(packets * each);
    kin_socket_close(passing.ends[0]);
    kin_socket_close(passing.ends[1]);
    close(passing.fd);
    return result;
}

static double together(unsigned long number, double nanoseconds)
{
    return pass(1, number, nanoseconds);
}

static double in_turn(unsigned long number, double nanoseconds)
{
    return pass(number, 1, nanoseconds);
}

const struct contest_special descriptor_specials[] = {{"fd-batch-", in_turn}, {"fd-", together}, {0}};
