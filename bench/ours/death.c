/* A worker is killed with a message on lease: how soon another has the message, with much queued and many asleep. */
#include "common/clock.h"
#include "common/death.h"
#include "common/require.h"
#include "ours/ours.h"
#include "ours/lives.h"
#include <time.h>

#define WORK 7
#define OTHER 1

/* The work comes first, so that it is not looked for behind all the others. */
static void send(kin_queue *queue, int64_t type)
{
    static const char data[TRANSPORT_LENGTH];
    must(kin_queue_send(queue, data, sizeof data, KIN_SEND(.type = type, .priority = type == WORK), KIN_NOW));
}

static void hold(void *queue, struct death *death)
{
    struct kin_message message;
    must(kin_queue_take(queue, KIN_RECEIVE(.type = WORK), KIN_FOREVER, &message));
    death_await(death);
}

static void inherit(void *queue, struct death *death)
{
    char data[TRANSPORT_LENGTH];
    struct kin_message message;
    must(kin_queue_receive(queue, data, sizeof data, KIN_RECEIVE(.type = WORK), KIN_FOREVER, &message));
    death_inherited(death);
    require(message.attempts == 1);
    send(queue, WORK);
}

/* A queue with one message of WORK and so many others. */
static kin_queue *fill(kin_domain *domain, unsigned long number)
{
    kin_queue *queue;
    must(kin_queue_open(domain, "jobs", KIN_QUEUE(.messages = (uint32_t)number + 1, .message_max = TRANSPORT_LENGTH),
                        &queue));
    send(queue, WORK);
    for (unsigned long i = 0; i < number; i++)
        send(queue, OTHER);
    return queue;
}

static double after_death(unsigned long number, double nanoseconds)
{
    return death_measure(&(struct death_contest){hold, inherit, fill(domain_fresh(), number), NULL}, nanoseconds);
}

static void sleep_on(void *queue)
{
    char data[TRANSPORT_LENGTH];
    must(kin_queue_receive(queue, data, sizeof data, NULL, KIN_FOREVER, NULL));
}

/* Sleepers that wait for messages of a queue which has nothing to do with the death. */
static kin_queue *fill_with_sleepers(unsigned long number)
{
    kin_domain *domain = domain_fresh();
    kin_queue *idle;
    must(kin_queue_open(domain, "idle", KIN_QUEUE(.messages = 16, .message_max = TRANSPORT_LENGTH), &idle));
    lives_start(number, sleep_on, idle);
    return fill(domain, 10);
}

static double among_sleepers(unsigned long number, double nanoseconds)
{
    return death_measure(&(struct death_contest){hold, inherit, fill_with_sleepers(number), lives_settle}, nanoseconds);
}

/* The processor time of the sleepers for one death, less what they use in the same time without a death. */
static double woken(unsigned long number, double nanoseconds)
{
    (void)nanoseconds;
    struct death_contest contest = {hold, inherit, fill_with_sleepers(number), lives_settle};
    uint64_t begun = clock_now(), used = lives_time();
    death_measure(&contest, 0);
    lives_settle();
    uint64_t taken = clock_now() - begun, used_after = lives_time();
    struct timespec as_long = {(time_t)(taken / 1000000000), (long)(taken % 1000000000)};
    nanosleep(&as_long, NULL);
    double idle = (double)(lives_time() - used_after);
    return ((double)(used_after - used) - idle) / DEATHS_MIN;
}

const struct contest_special death_specials[] = {
    {"death-", after_death}, {"sleepers-", among_sleepers}, {"woken-", woken}, {0}};
