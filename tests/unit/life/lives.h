/* What the tests of lives share: a desk (a lock and flags in a segment), and a look into the tables. */
#ifndef TESTS_LIVES_H
#define TESTS_LIVES_H

#include "life/life.h"
#include "support.h"
#include "sys/atomic.h"
#include <errno.h>
#include <kin/kin.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define SOON kin_after(TEST_HANG *SECOND)

/* In a segment, so that a program reached by exec finds it again. */
struct desk {
    kin_lock lock, other;
    uint32_t flags[16];
};

kin_segment *desk_open(void);
struct desk *desk_of(kin_segment *segment);
void flag_raise(kin_segment *segment, unsigned number);
void flag_await(kin_segment *segment, unsigned number);

/* test_child() runs of a desk. Acquires the lock, raises flag 0, stays. */
int hold_the_lock(void *segment);
/* Ends with what kin_lock_acquire gave: 0, KIN_RECOVERED, or 100 for -ETIMEDOUT and 101 for another error. */
int acquire_the_lock(void *segment);
/* The same here: what it gave, and the lock is free again. */
int acquire_and_release(kin_segment *segment, kin_time until);

kin_queue *queue_of(const char *name, uint32_t messages);
int send_number(kin_queue *queue, uint64_t number);
/* The number, or the negative error. */
int64_t receive_number(kin_queue *queue, kin_time until);
/* Takes a message on lease, raises flag 1 of the desk, stays. */
struct lessee {
    kin_segment *segment;
    kin_queue *queue;
};
int hold_a_lease(void *lessee);

/* The default domain, kept open. */
kin_domain *domain_here(void);
/* How many records of lives are in that state. */
unsigned lives_living(kin_domain *domain);
unsigned lives_dead(kin_domain *domain);
unsigned processes_used(kin_domain *domain);
/* The life of that thread; NULL: none. */
struct life *life_of_thread(kin_domain *domain, pid_t thread);

/* kin_domain_clean with KIN_CLEAN_ACT. */
int clean(void);

bool root_here(void);

/* Skips where no kernel marks the dead: what the case looks at is seen only after somebody asked. */
void need_marks(void);

#endif
