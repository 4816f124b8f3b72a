/* A counter under one lock, while those who count are killed at random. Each counts in two places, so that a death
 * between them is seen: who recovers mends it, as a user would, and no increment is lost or counted twice. */
#include "accounts.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNTERS 4
#define KILLS 200
#define PROGRESS 50 /* increments that show that the others go on */

struct board {
    kin_segment *segment;
    uint64_t begun[COUNTERS], done[COUNTERS]; /* increments of each; they differ while one is under way */
    uint64_t recovered;
};

struct counter {
    struct board *board;
    unsigned place;
    pid_t pid;
};

/* Under the lock. half_done is the new balance while it is being stored: the repairer's truth. */
static void add_one(struct account *account)
{
    __atomic_store_n(&account->half_done, account->balance + 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&account->balance, account->half_done, __ATOMIC_SEQ_CST);
    __atomic_store_n(&account->half_done, 0, __ATOMIC_SEQ_CST);
}

static void mend(struct account *account)
{
    if (account->half_done)
        __atomic_store_n(&account->balance, account->half_done, __ATOMIC_SEQ_CST);
    __atomic_store_n(&account->half_done, 0, __ATOMIC_SEQ_CST);
}

static int count_up(void *context)
{
    struct counter *counter = context;
    struct board *board = counter->board;
    struct account *account = account_of(board->segment);
    for (;;) {
        __atomic_add_fetch(&board->begun[counter->place], 1, __ATOMIC_SEQ_CST);
        int result = kin_lock_acquire(board->segment, &account->lock, SOON);
        check(result == 0 || result == KIN_RECOVERED);
        if (result == KIN_RECOVERED) {
            mend(account);
            __atomic_add_fetch(&board->recovered, 1, __ATOMIC_RELAXED);
        } else
            check_is(account->half_done, 0); /* nobody else is in here, and no death was kept from us */
        add_one(account);
        check_is(kin_lock_release(board->segment, &account->lock), 0);
        __atomic_add_fetch(&board->done[counter->place], 1, __ATOMIC_SEQ_CST);
    }
}

static uint64_t all_done(const struct board *board)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < COUNTERS; i++)
        sum += __atomic_load_n(&board->done[i], __ATOMIC_SEQ_CST);
    return sum;
}

/* Kills one, judges the others, replaces the one. Returns 1 if it was in the middle of an increment. */
static uint64_t kill_one(struct counter *counter)
{
    struct board *board = counter->board;
    test_kill(counter->pid);
    uint64_t open = board->begun[counter->place] - board->done[counter->place], before = all_done(board);
    test_until(all_done(board) >= before + PROGRESS);
    board->done[counter->place] = board->begun[counter->place];
    counter->pid = test_child(count_up, counter);
    return open;
}

static void a_counter_under_kills(void **state)
{
    (void)state;
    struct board *board = test_shared(sizeof *board);
    struct counter counters[COUNTERS];
    uint64_t unsure = 0;
    const char *given = getenv("KIN_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)kin_after(1);
    printf("# KIN_SEED=%u\n", seed);
    board->segment = accounts_open();
    for (unsigned i = 0; i < COUNTERS; i++) {
        counters[i] = (struct counter){board, i, 0};
        counters[i].pid = test_child(count_up, &counters[i]);
    }
    for (unsigned i = 0; i < KILLS; i++) {
        usleep((useconds_t)(rand_r(&seed) % 1000)); /* only so that the kill comes anywhere */
        unsure += kill_one(&counters[rand_r(&seed) % COUNTERS]);
    }
    for (unsigned i = 0; i < COUNTERS; i++) {
        test_kill(counters[i].pid);
        unsure += board->begun[i] - board->done[i];
    }
    struct account *account = account_of(board->segment);
    int result = kin_lock_acquire(board->segment, &account->lock, SOON);
    check(result >= 0);
    if (result == KIN_RECOVERED)
        mend(account);
    uint64_t begun = 0;
    for (unsigned i = 0; i < COUNTERS; i++)
        begun += board->begun[i];
    uint64_t missing = begun - (uint64_t)account->balance;
    printf("# %llu increments, %llu recoveries, %llu killed before theirs\n", (unsigned long long)account->balance,
           (unsigned long long)board->recovered, (unsigned long long)missing);
    check((uint64_t)account->balance <= begun && missing <= unsure);
    check(board->recovered > 0);
    check_is(kin_lock_release(board->segment, &account->lock), 0);
    kin_segment_close(board->segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_counter_under_kills)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
