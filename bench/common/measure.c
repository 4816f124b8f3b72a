#include "common/measure.h"
#include "common/party.h"
#include <stdlib.h>

#define FIRST_COUNT 64

double measure(measure_rounds rounds, void *context, double nanoseconds)
{
    uint64_t count = FIRST_COUNT;
    for (;;) {
        double taken = rounds(context, count);
        if (taken > nanoseconds / 20) {
            count = (uint64_t)((double)count * nanoseconds / taken) + 1;
            return rounds(context, count) / (double)count;
        }
        count *= taken < nanoseconds / 200 ? 8 : 3;
    }
}

struct alone {
    measure_rounds rounds;
    void *context;
    double nanoseconds, *result;
};

static void be_alone(void *context)
{
    const struct alone *alone = context;
    placement_take(PLACEMENT_SAME, 0, false);
    *alone->result = measure(alone->rounds, alone->context, alone->nanoseconds);
}

double measure_alone(measure_rounds rounds, void *context, double nanoseconds)
{
    double *result = party_memory(sizeof *result);
    struct alone alone = {rounds, context, nanoseconds, result};
    party_join(party_fork(be_alone, &alone));
    return *result;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double measure_median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}
