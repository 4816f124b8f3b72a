#include "channels.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

kin_channel *channel_of(uint32_t messages, uint32_t message_max)
{
    kin_channel *channel;
    check_is(kin_channel_open(NULL, "c", KIN_CHANNEL(.messages = messages, .message_max = message_max), &channel), 0);
    return channel;
}

struct dice dice_new(void)
{
    const char *given = getenv("KIN_SEED");
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)now.tv_nsec << 20 ^ (uint64_t)getpid();
    print_message("# KIN_SEED=%llu\n", (unsigned long long)seed);
    return (struct dice){seed * 2 + 1};
}

uint64_t dice_roll(struct dice *dice, uint64_t below)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return dice->state % below;
}

static void fill(unsigned char *data, uint32_t length, uint64_t number)
{
    struct dice bytes = {number * UINT64_C(0x9e3779b97f4a7c15) + 1};
    for (uint32_t i = 0; i < length; i++)
        data[i] = (unsigned char)dice_roll(&bytes, 256);
}

int send_numbered(kin_channel *channel, uint64_t number, uint32_t length, kin_time until)
{
    static unsigned char data[LENGTH_MOST];
    fill(data, length, number);
    return kin_channel_send(channel, data, length, until);
}

int receive_numbered(kin_channel *channel, uint64_t number, uint32_t length, kin_time until)
{
    static unsigned char data[LENGTH_MOST + 1], wanted[LENGTH_MOST];
    data[length] = 0x5a;
    int result = kin_channel_receive(channel, data, length, until);
    if (result < 0)
        return result;
    check_is(result, length);
    fill(wanted, length, number);
    check(memcmp(data, wanted, length) == 0);
    check(data[length] == 0x5a);
    return result;
}

int send_number(kin_channel *channel, uint64_t number, kin_time until)
{
    return kin_channel_send(channel, &number, sizeof number, until);
}

int64_t receive_number(kin_channel *channel, kin_time until)
{
    uint64_t number;
    int result = kin_channel_receive(channel, &number, sizeof number, until);
    return result < 0 ? result : (int64_t)number;
}

void run_on(unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    check(sched_setaffinity(0, sizeof set, &set) == 0);
}
