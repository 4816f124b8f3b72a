#include "common/transport.h"
#include "common/atomic.h"
#include "common/clock.h"
#include "common/measure.h"
#include "common/party.h"
#include "common/require.h"
#include <stdlib.h>
#include <string.h>

#define PAGE 4096
#define HEADROOM 64
#define WARM_UP_MAX 2000
#define HAMMER_ROUNDS 16

/* One contest of one transport. */
struct contest {
    const struct transport *transport;
    void *self;
    size_t length;
    unsigned producers;
    enum placement placement;
    uint64_t count;
};

static struct contest contest_begin(const struct transport *transport, enum placement placement)
{
    size_t length = transport->length ? transport->length : TRANSPORT_LENGTH;
    return (struct contest){transport, transport->create(), length, 1, placement, 0};
}

static void contest_end(const struct contest *contest)
{
    contest->transport->destroy(contest->self);
}

static char *join(const struct contest *contest, unsigned number)
{
    size_t bytes = (contest->length + HEADROOM + PAGE - 1) / PAGE * PAGE;
    char *buffer = aligned_alloc(PAGE, bytes);
    require(buffer);
    memset(buffer, 1, bytes);
    if (contest->transport->join)
        contest->transport->join(contest->self, number);
    return buffer + HEADROOM;
}

static void leave(const struct contest *contest)
{
    if (contest->transport->leave)
        contest->transport->leave(contest->self);
}

static double pair_rounds(void *context, uint64_t count)
{
    struct contest *contest = context;
    const struct transport *transport = contest->transport;
    static char *data;
    if (!data)
        data = join(contest, 0);
    uint64_t begun = clock_now();
    for (uint64_t i = 0; i < count; i++) {
        transport->send(contest->self, 0, data, contest->length);
        transport->receive(contest->self, 0, data, contest->length);
    }
    return (double)(clock_now() - begun);
}

double transport_pair(const struct transport *transport, double nanoseconds)
{
    struct contest contest = contest_begin(transport, PLACEMENT_SAME);
    double result = measure_alone(pair_rounds, &contest, nanoseconds);
    contest_end(&contest);
    return result;
}

/* Each message carries its number, so that a transport which loses or mixes up is no contestant. */
static void check_number(const struct contest *contest, const uint64_t *number, uint64_t expected)
{
    if (!contest->transport->bare)
        require(*number == expected);
}

static void play(struct contest *contest, uint64_t *data, uint64_t from, uint64_t to, bool serve)
{
    const struct transport *transport = contest->transport;
    for (uint64_t i = from; i < to; i++) {
        if (serve) {
            *data = i;
            transport->send(contest->self, 0, data, contest->length);
            transport->receive(contest->self, 1, data, contest->length);
            check_number(contest, data, i);
        } else {
            transport->receive(contest->self, 0, data, contest->length);
            transport->send(contest->self, 1, data, contest->length);
        }
    }
}

static void latency_role(void *context, struct party *party, unsigned number)
{
    struct contest *contest = context;
    uint64_t warm_up = contest->count / 20 < WARM_UP_MAX ? contest->count / 20 : WARM_UP_MAX;
    uint64_t *data = (uint64_t *)(void *)join(contest, number);
    party_start(party, number);
    play(contest, data, 0, warm_up, number == 0);
    party->members[number].begun = clock_now();
    play(contest, data, warm_up, warm_up + contest->count, number == 0);
    party_end(party, number);
    leave(contest);
}

static double latency_rounds(void *context, uint64_t count)
{
    struct contest *contest = context;
    contest->count = count;
    const struct party *party = party_run(2, contest->placement, latency_role, contest, 0);
    return (double)(party->members[0].ended - party->members[0].begun);
}

double transport_latency(const struct transport *transport, enum placement placement, double nanoseconds)
{
    struct contest contest = contest_begin(transport, placement);
    double result = measure(latency_rounds, &contest, nanoseconds) / 2;
    contest_end(&contest);
    return result;
}

/* contest->count is what each producer sends and each consumer receives. */
static void stream_role(void *context, struct party *party, unsigned number)
{
    struct contest *contest = context;
    const struct transport *transport = contest->transport;
    uint64_t *data = (uint64_t *)(void *)join(contest, number);
    party_start(party, number);
    if (number < contest->producers) {
        for (uint64_t i = 0; i < contest->count; i++) {
            *data = i;
            transport->send(contest->self, 0, data, contest->length);
        }
    } else {
        for (uint64_t i = 0; i < contest->count; i++) {
            transport->receive(contest->self, 0, data, contest->length);
            if (contest->producers == 1)
                check_number(contest, data, i);
        }
    }
    party_end(party, number);
    leave(contest);
}

static double stream_rounds(void *context, uint64_t count)
{
    struct contest *contest = context;
    unsigned producers = contest->producers;
    contest->count = (count + producers - 1) / producers;
    const struct party *party = party_run(2 * producers, contest->placement, stream_role, contest, 0);
    uint64_t begun = UINT64_MAX, ended = 0;
    for (unsigned i = 0; i < producers; i++) {
        const struct party_member *producer = &party->members[i], *consumer = &party->members[producers + i];
        begun = producer->begun < begun ? producer->begun : begun;
        ended = consumer->ended > ended ? consumer->ended : ended;
    }
    return (double)(ended - begun);
}

double transport_stream(const struct transport *transport, unsigned producers, enum placement placement,
                        double nanoseconds)
{
    struct contest contest = contest_begin(transport, placement);
    contest.producers = producers;
    double result = 1e9 / measure(stream_rounds, &contest, nanoseconds);
    contest_end(&contest);
    return result;
}

static void hammer_role(void *context, struct party *party, unsigned number)
{
    struct contest *contest = context;
    const struct transport *transport = contest->transport;
    char *data = join(contest, number);
    uint64_t calls = 0;
    party_start(party, number);
    while (!LOAD(party->stop)) {
        for (unsigned i = 0; i < HAMMER_ROUNDS; i++) {
            transport->send(contest->self, 0, data, contest->length);
            transport->receive(contest->self, 0, data, contest->length);
        }
        calls += 2 * HAMMER_ROUNDS;
    }
    party->members[number].count = calls;
    party_end(party, number);
    leave(contest);
}

double transport_hammer(const struct transport *transport, enum placement placement, double nanoseconds,
                        double *fairness)
{
    struct contest contest = contest_begin(transport, placement);
    const struct party *party = party_run(2, placement, hammer_role, &contest, (uint64_t)nanoseconds);
    double rate = party_rate(party, fairness);
    contest_end(&contest);
    return rate;
}
