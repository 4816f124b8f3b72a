/* Producers and workers that are killed at random, while the others must go on: after each kill the survivors are
 * judged before the victim is replaced, as a newcomer would rescue a lost wake. Every number arrives exactly once; the
 * one that a producer was sending when it was killed, at most once. */
#include "queues.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PRODUCERS 3
#define WORKERS 3
#define PARTIES (PRODUCERS + WORKERS)
#define KILLS 300
#define NUMBERS (1u << 20) /* of a producer */
#define MESSAGE_MAX 5000
#define PROGRESS 40 /* arrivals that show that the others go on */

struct producer {
    uint64_t begun, sent; /* numbers; they differ while one is being sent */
};

struct table {
    kin_queue *jobs, *results;
    struct producer producers[PRODUCERS];
    uint64_t arrived;
    int stop;
    unsigned char unsure[PRODUCERS][NUMBERS]; /* its producer was killed while sending it */
    unsigned char count[PRODUCERS][NUMBERS];
};

struct party {
    struct table *table;
    unsigned place;
    pid_t pid;
};

static uint64_t id_of(unsigned producer, uint64_t number)
{
    return (uint64_t)producer << 32 | number;
}

static uint64_t length_of(uint64_t id)
{
    static const uint64_t lengths[] = {8, 8, 8, 64, 65, 500, 2048, 2049, MESSAGE_MAX};
    return lengths[id % (sizeof lengths / sizeof *lengths)];
}

static int produce(void *context)
{
    struct party *party = context;
    struct table *table = party->table;
    struct producer *producer = &table->producers[party->place];
    static unsigned char bytes[MESSAGE_MAX];
    while (!__atomic_load_n(&table->stop, __ATOMIC_ACQUIRE) && producer->begun + 1 < NUMBERS) {
        uint64_t number = producer->begun + 1, id = id_of(party->place, number);
        struct kin_send how = {.size = sizeof how, .type = (int64_t)(number % 3) + 1, .priority = number % 7 ? 0 : 5};
        payload_write(bytes, length_of(id), id);
        __atomic_store_n(&producer->begun, number, __ATOMIC_SEQ_CST);
        check_is(kin_queue_send(table->jobs, bytes, length_of(id), &how, KIN_FOREVER), 0);
        __atomic_store_n(&producer->sent, number, __ATOMIC_SEQ_CST);
    }
    return 0;
}

/* One in three workers is choosy, so that both kinds of sleepers meet. It takes all types in the end. */
static int work(void *context)
{
    struct party *party = context;
    struct table *table = party->table;
    struct kin_receive choosy = {.size = sizeof choosy, .type = -3}, *how = party->place % 3 == 0 ? &choosy : NULL;
    for (;;) {
        struct kin_message job, result;
        check_is(kin_queue_take(table->jobs, how, KIN_FOREVER, &job), 0);
        uint64_t id;
        memcpy(&id, job.data, sizeof id);
        check_is(job.length, length_of(id));
        check(payload_is(job.data, job.length, id));
        check_is(kin_queue_loan(table->results, sizeof id, KIN_FOREVER, &result), 0);
        memcpy(result.data, &id, sizeof id);
        check_is(kin_queue_done_and_send(table->jobs, &job, table->results, &result, NULL), 0);
    }
}

static int collect(void *context)
{
    struct table *table = context;
    for (;;) {
        int64_t id = receive_number(table->results, NULL, KIN_FOREVER);
        check(id > 0);
        check(id >> 32 < PRODUCERS && (id & UINT32_MAX) < NUMBERS);
        table->count[id >> 32][id & UINT32_MAX]++;
        __atomic_add_fetch(&table->arrived, 1, __ATOMIC_RELEASE);
    }
}

static void start(struct party *party)
{
    if (party->place < PRODUCERS) {
        struct producer *producer = &party->table->producers[party->place];
        if (producer->begun != producer->sent)
            party->table->unsure[party->place][producer->begun] = 1;
    }
    party->pid = test_child(party->place < PRODUCERS ? produce : work, party);
}

static uint64_t arrived(const struct table *table)
{
    return __atomic_load_n(&table->arrived, __ATOMIC_ACQUIRE);
}

static void kill_one(struct party *party)
{
    test_kill(party->pid);
    uint64_t before = arrived(party->table);
    test_until(arrived(party->table) >= before + PROGRESS);
    start(party);
}

static bool is_empty(kin_queue *queue)
{
    struct kin_queue_status status = status_of(queue);
    return status.queued + status.leased + status.loaned + status.borrowed + status.aside == 0;
}

static uint64_t judge(const struct table *table)
{
    uint64_t wrong = 0;
    for (unsigned p = 0; p < PRODUCERS; p++)
        for (uint64_t n = 1; n <= table->producers[p].begun; n++) {
            bool good = table->count[p][n] == 1 || (table->count[p][n] == 0 && table->unsure[p][n]);
            if (!good)
                print_message("# number %llu of producer %u arrived %u times\n", (unsigned long long)n, p,
                              table->count[p][n]);
            wrong += !good;
        }
    return wrong;
}

static void every_number_arrives_once(void **state)
{
    (void)state;
    struct table *table = test_shared(sizeof *table);
    struct party parties[PARTIES];
    struct dice dice = dice_new();
    table->jobs = queue_of("jobs", 8, MESSAGE_MAX, 0);
    table->results = queue_of("results", 4, 64, 0);
    pid_t collector = test_child(collect, table);
    for (unsigned i = 0; i < PARTIES; i++) {
        parties[i] = (struct party){table, i, 0};
        start(&parties[i]);
    }
    test_until(arrived(table) >= PROGRESS);
    for (unsigned i = 0; i < KILLS; i++) {
        usleep((useconds_t)dice_roll(&dice, 2000)); /* only so that the kill comes anywhere */
        kill_one(&parties[dice_roll(&dice, PARTIES)]);
    }
    __atomic_store_n(&table->stop, 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < PRODUCERS; i++)
        check_is(test_end(parties[i].pid), 0);
    test_until(is_empty(table->jobs) && is_empty(table->results));
    test_asleep(collector); /* what it received is counted */
    check_is(judge(table), 0);
    print_message("# %llu numbers arrived under %d kills\n", (unsigned long long)arrived(table), KILLS);
    kin_queue_close(table->jobs);
    kin_queue_close(table->results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(every_number_arrives_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
