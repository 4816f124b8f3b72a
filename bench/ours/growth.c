/* What a send and a receive cost when there is much of something: messages queued, queues, lives. */
#include "ours/ours.h"
#include "common/clock.h"
#include "common/measure.h"
#include "common/require.h"
#include "ours/lives.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct growth {
    kin_queue **queues;
    uint64_t count, next; /* queues to be used in turn, and whose turn it is */
};

static double pair_rounds(void *context, uint64_t count)
{
    struct growth *growth = context;
    static _Alignas(64) char data[TRANSPORT_LENGTH];
    uint64_t begun = clock_now();
    for (uint64_t i = 0; i < count; i++) {
        kin_queue *queue = growth->queues[growth->next];
        growth->next = growth->next + 1 == growth->count ? 0 : growth->next + 1;
        must(kin_queue_send(queue, data, sizeof data, NULL, KIN_FOREVER));
        must(kin_queue_receive(queue, data, sizeof data, NULL, KIN_FOREVER, NULL));
    }
    return (double)(clock_now() - begun);
}

/* In the process that made everything, so that its first touch of each page is not what is measured. */
static double measure_here(struct growth *growth, double nanoseconds)
{
    placement_take(PLACEMENT_SAME, 0, false);
    return measure(pair_rounds, growth, nanoseconds);
}

static kin_queue *open_queue(kin_domain *domain, unsigned long number, uint32_t messages)
{
    char name[32];
    kin_queue *queue;
    snprintf(name, sizeof name, "queue-%lu", number);
    must(kin_queue_open(domain, name, KIN_QUEUE(.messages = messages, .message_max = TRANSPORT_LENGTH), &queue));
    return queue;
}

static double queued(unsigned long number, double nanoseconds)
{
    static const char data[TRANSPORT_LENGTH];
    kin_queue *queue = open_queue(domain_fresh(), 0, (uint32_t)number + 1);
    struct growth growth = {&queue, 1, 0};
    for (unsigned long i = 0; i < number; i++)
        must(kin_queue_send(queue, data, sizeof data, NULL, KIN_NOW));
    return measure_here(&growth, nanoseconds);
}

static double with_queues(unsigned long number, bool in_turn, double nanoseconds)
{
    kin_domain *domain = domain_fresh();
    kin_queue **queues = calloc(number, sizeof *queues);
    struct growth growth = {queues, number, 0};
    require(queues);
    for (unsigned long i = 0; i < number; i++)
        queues[i] = open_queue(domain, i, 16);
    pair_rounds(&growth, number); /* each was used */
    growth.count = in_turn ? number : 1;
    return measure_here(&growth, nanoseconds);
}

static double queues(unsigned long number, double nanoseconds)
{
    return with_queues(number, false, nanoseconds);
}

static double turns(unsigned long number, double nanoseconds)
{
    return with_queues(number, true, nanoseconds);
}

static void use_once(void *context)
{
    char data[TRANSPORT_LENGTH];
    require(kin_queue_receive(context, data, sizeof data, NULL, KIN_NOW, NULL) == -ETIMEDOUT);
}

static double lives(unsigned long number, double nanoseconds)
{
    kin_queue *queue = open_queue(domain_fresh(), 0, 16);
    struct growth growth = {&queue, 1, 0};
    lives_start(number, use_once, queue);
    return measure_here(&growth, nanoseconds);
}

const struct contest_special growth_specials[] = {
    {"queued-", queued}, {"queues-", queues}, {"turns-", turns}, {"lives-", lives}, {0}};
