#include "accounts.h"

static int set_up(void *context, kin_segment *segment)
{
    struct account *account = kin_segment_data(segment);
    (void)context;
    int result = kin_lock_init(segment, &account->lock);
    for (unsigned i = 0; i < LOCKS && result == 0; i++)
        result = kin_lock_init(segment, &account->others[i]);
    return result;
}

kin_segment *accounts_open(void)
{
    kin_segment *segment;
    check_is(
        kin_segment_open(NULL, "accounts", KIN_SEGMENT(.bytes = sizeof(struct account), .setup = set_up), &segment), 0);
    return segment;
}

struct account *account_of(kin_segment *segment)
{
    return kin_segment_data(segment);
}
