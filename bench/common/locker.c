#include "common/locker.h"
#include "common/atomic.h"
#include "common/clock.h"
#include "common/measure.h"
#include "common/party.h"
#include "common/require.h"

#define HAMMER_ROUNDS 32

struct contest {
    const struct locker *locker;
    void *self;
    volatile uint64_t *number; /* what the lock guards */
};

static struct contest contest_begin(const struct locker *locker)
{
    return (struct contest){locker, locker->create(), party_memory(128)};
}

static void contest_end(const struct contest *contest)
{
    if (contest->locker->destroy)
        contest->locker->destroy(contest->self);
}

static void join(const struct contest *contest)
{
    if (contest->locker->join)
        contest->locker->join(contest->self);
}

static double pair_rounds(void *context, uint64_t count)
{
    const struct contest *contest = context;
    static bool joined;
    if (!joined)
        join(contest);
    joined = true;
    uint64_t begun = clock_now();
    for (uint64_t i = 0; i < count; i++) {
        contest->locker->acquire(contest->self);
        contest->locker->release(contest->self);
    }
    return (double)(clock_now() - begun);
}

double locker_pair(const struct locker *locker, double nanoseconds)
{
    struct contest contest = contest_begin(locker);
    double result = measure_alone(pair_rounds, &contest, nanoseconds);
    contest_end(&contest);
    return result;
}

static void contended_role(void *context, struct party *party, unsigned number)
{
    const struct contest *contest = context;
    uint64_t count = 0;
    join(contest);
    party_start(party, number);
    while (!LOAD(party->stop)) {
        for (unsigned i = 0; i < HAMMER_ROUNDS; i++) {
            contest->locker->acquire(contest->self);
            ++*contest->number;
            contest->locker->release(contest->self);
        }
        count += HAMMER_ROUNDS;
    }
    party->members[number].count = count;
    party_end(party, number);
}

double locker_contended(const struct locker *locker, enum placement placement, double nanoseconds, double *fairness)
{
    struct contest contest = contest_begin(locker);
    const struct party *party = party_run(2, placement, contended_role, &contest, (uint64_t)nanoseconds);
    uint64_t total = 0;
    for (unsigned i = 0; i < party->count; i++)
        total += party->members[i].count;
    require(*contest.number == total); /* else it was no lock */
    double rate = party_rate(party, fairness);
    contest_end(&contest);
    return rate;
}

static void shared_role(void *context, struct party *party, unsigned number)
{
    const struct contest *contest = context;
    uint64_t count = 0;
    join(contest);
    party_start(party, number);
    while (!LOAD(party->stop)) {
        for (unsigned i = 0; i < HAMMER_ROUNDS; i++) {
            contest->locker->acquire(contest->self);
            contest->locker->release(contest->self);
        }
        count += HAMMER_ROUNDS;
    }
    party->members[number].count = count;
    party_end(party, number);
}

double locker_shared(const struct locker *locker, double nanoseconds)
{
    double fairness;
    struct contest contest = contest_begin(locker);
    const struct party *party = party_run(2, PLACEMENT_APART, shared_role, &contest, (uint64_t)nanoseconds);
    double rate = party_rate(party, &fairness);
    contest_end(&contest);
    return rate;
}
