#include "queues.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

kin_queue *queue_of(const char *name, uint32_t messages, uint64_t message_max, uint64_t bytes)
{
    kin_queue *queue;
    check_is(
        kin_queue_open(NULL, name, KIN_QUEUE(.messages = messages, .message_max = message_max, .bytes = bytes), &queue),
        0);
    return queue;
}

struct dice dice_new(void)
{
    const char *given = getenv("KIN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)kin_after(1) ^ (uint64_t)getpid() << 40;
    printf("# KIN_SEED=%#llx\n", (unsigned long long)seed);
    fflush(stdout);
    return (struct dice){seed ? seed : 1};
}

uint64_t dice_roll(struct dice *dice, uint64_t below)
{
    uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

static unsigned char byte_of(uint64_t number, uint64_t i)
{
    return i < 8 ? (unsigned char)(number >> 8 * i) : (unsigned char)(number * 31 + i * 7 + (i >> 8));
}

void payload_write(void *data, uint64_t length, uint64_t number)
{
    for (uint64_t i = 0; i < length; i++)
        ((unsigned char *)data)[i] = byte_of(number, i);
}

bool payload_is(const void *data, uint64_t length, uint64_t number)
{
    for (uint64_t i = 0; i < length; i++)
        if (((const unsigned char *)data)[i] != byte_of(number, i))
            return false;
    return true;
}

int send_number(kin_queue *queue, uint64_t number, const struct kin_send *how, kin_time until)
{
    return kin_queue_send(queue, &number, sizeof number, how, until);
}

int64_t receive_number(kin_queue *queue, const struct kin_receive *how, kin_time until)
{
    int64_t number = 0;
    int result = kin_queue_receive(queue, &number, sizeof number, how, until, NULL);
    return result < 0 ? result : number;
}

struct kin_queue_status status_of(kin_queue *queue)
{
    struct kin_queue_status status = {0};
    check_is(kin_queue_status(queue, &status), 0);
    return status;
}
