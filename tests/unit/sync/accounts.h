/* A struct of the user's with a lock in it, in a segment. */
#ifndef TESTS_ACCOUNTS_H
#define TESTS_ACCOUNTS_H

#include "support.h"
#include <kin/lock.h>

#define LOCKS 20
#define SECOND INT64_C(1000000000)
#define SOON kin_after(TEST_HANG *SECOND)

struct account {
    kin_lock lock;
    int64_t balance, half_done;
    kin_lock others[LOCKS];
};

kin_segment *accounts_open(void);
struct account *account_of(kin_segment *segment);

#endif
