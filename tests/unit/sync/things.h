/* One of each thing, in a segment. */
#ifndef TESTS_THINGS_H
#define TESTS_THINGS_H

#include "support.h"
#include <kin/kin.h>

#define SECOND INT64_C(1000000000)
#define SOON kin_after(TEST_HANG *SECOND)
#define PARTIES 3
#define COUNT 4

struct things {
    kin_rwlock rwlock;
    kin_lock lock;
    kin_condition condition;
    kin_barrier barrier;
    kin_latch latch;
    kin_once once;
    int64_t left, right; /* the same when nobody is writing */
    uint32_t ready, stop, count;
};

/* One segment a process; the children of fork use it on. */
extern kin_segment *segment;
extern struct things *things;
void things_open(void);

#define SET(flag) __atomic_store_n(&(flag), 1, __ATOMIC_SEQ_CST)
#define GET(flag) __atomic_load_n(&(flag), __ATOMIC_SEQ_CST)
#define ADD(number) __atomic_add_fetch(&(number), 1, __ATOMIC_SEQ_CST)

/* Deaths in the recovery log whose words contain `held`. */
unsigned deaths_of(const char *held);

#endif
