/* A short table for this machine: kin's figure, what the system offers, the ratio. Medians of several runs in turn. */
#include "command.h"
#include "place.h"
#include "table.h"
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNS = 7, PAIRS = 20000, LOCKS = 200000, SPAWNS = 40, LENGTH = 64 };

struct bench {
    kin_queue *queue;
    kin_segment *home;
    kin_lock *lock;
    int system_v;
    pthread_mutex_t *mutex;
};

static bool queue_pairs(struct bench *bench)
{
    char data[LENGTH] = "";
    int result = 0;
    for (int i = 0; i < PAIRS && result >= 0; i++) {
        result = kin_queue_send(bench->queue, data, sizeof data, NULL, KIN_NOW);
        if (result >= 0)
            result = kin_queue_receive(bench->queue, data, sizeof data, NULL, KIN_NOW, NULL);
    }
    return result >= 0;
}

static bool system_v_pairs(struct bench *bench)
{
    struct {
        long type;
        char data[LENGTH];
    } message = {1, ""};
    int result = 0;
    for (int i = 0; i < PAIRS && result >= 0; i++) {
        result = msgsnd(bench->system_v, &message, LENGTH, 0);
        if (result >= 0)
            result = (int)msgrcv(bench->system_v, &message, LENGTH, 0, 0);
    }
    return result >= 0;
}

static bool kin_locks(struct bench *bench)
{
    int result = 0;
    for (int i = 0; i < LOCKS && result >= 0; i++) {
        result = kin_lock_acquire(bench->home, bench->lock, KIN_FOREVER);
        if (result >= 0)
            result = kin_lock_release(bench->home, bench->lock);
    }
    return result >= 0;
}

static bool robust_locks(struct bench *bench)
{
    int result = 0;
    for (int i = 0; i < LOCKS && result == 0; i++) {
        result = pthread_mutex_lock(bench->mutex);
        if (result == 0)
            result = pthread_mutex_unlock(bench->mutex);
    }
    return result == 0;
}

static char *const nothing[] = {"/bin/true", NULL};

static bool kin_spawns(struct bench *bench)
{
    (void)bench;
    for (int i = 0; i < SPAWNS; i++) {
        kin_process *child;
        struct kin_exit how;
        if (kin_process_spawn(nothing, NULL, &child) < 0)
            return false;
        kin_process_wait(child, 0, KIN_FOREVER, &how);
        kin_process_close(child);
    }
    return true;
}

static bool posix_spawns(struct bench *bench)
{
    (void)bench;
    for (int i = 0; i < SPAWNS; i++) {
        pid_t child;
        if (posix_spawn(&child, nothing[0], NULL, NULL, nothing, environ) != 0)
            return false;
        waitpid(child, NULL, 0);
    }
    return true;
}

static const struct row {
    const char *what, *unit, *beside;
    int operations;
    double scale; /* nanoseconds a unit */
    bool (*kin)(struct bench *bench), (*other)(struct bench *bench);
} rows[] = {
    {"send and receive 64 bytes", "ns", "System V msgsnd and msgrcv", PAIRS, 1, queue_pairs, system_v_pairs},
    {"lock and unlock", "ns", "glibc's robust mutex", LOCKS, 1, kin_locks, robust_locks},
    {"spawn /bin/true and wait", "us", "glibc's posix_spawn", SPAWNS, 1000, kin_spawns, posix_spawns},
};

static double measure(const struct row *row, bool (*run)(struct bench *bench), struct bench *bench)
{
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (!run(bench))
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    double spent = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    return spent / row->operations / row->scale;
}

static int by_value(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;
    return difference < 0 ? -1 : difference > 0;
}

static void add_row(struct table *table, const struct row *row, struct bench *bench)
{
    double kin[RUNS], other[RUNS];
    for (int i = 0; i < RUNS; i++) {
        kin[i] = measure(row, row->kin, bench);
        other[i] = measure(row, row->other, bench);
    }
    qsort(kin, RUNS, sizeof *kin, by_value);
    qsort(other, RUNS, sizeof *other, by_value);
    table_row(table);
    table_text(table, BENCH_WHAT, row->what);
    table_text(table, BENCH_UNIT, row->unit);
    table_text(table, BENCH_BESIDE, row->beside);
    if (kin[0] >= 0)
        table_decimal(table, BENCH_KIN, kin[RUNS / 2], 1);
    if (other[0] >= 0)
        table_decimal(table, BENCH_OTHER, other[RUNS / 2], 1);
    if (kin[0] >= 0 && other[0] >= 0)
        table_decimal(table, BENCH_RATIO, other[RUNS / 2] / kin[RUNS / 2], 2);
}

static void make_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attributes);
}

static int run_in(const struct call *call, kin_domain *domain, struct table *table)
{
    pthread_mutex_t mutex;
    struct bench bench = {.mutex = &mutex};
    int result = kin_queue_open(domain, "pairs", KIN_QUEUE(.messages = 16, .message_max = LENGTH), &bench.queue);
    if (result == 0)
        result = kin_lock_open(domain, "lock", NULL, &bench.home, &bench.lock);
    if (result == 0) {
        make_mutex(&mutex);
        bench.system_v = msgget(IPC_PRIVATE, 0600);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            add_row(table, &rows[i], &bench);
        msgctl(bench.system_v, IPC_RMID, NULL);
        pthread_mutex_destroy(&mutex);
    }
    int code = result < 0 ? failed(call, result) : EXIT_OK;
    kin_segment_close(bench.home);
    kin_queue_close(bench.queue);
    return code;
}

int cmd_bench(struct call *call)
{
    int code;
    struct place place;
    struct table *table = table_new(call, "figures", &code);
    if (!table)
        return code;
    code = place_make(call, &place);
    if (code != EXIT_OK)
        return table_end(table, code);
    kin_domain *domain;
    int result = kin_domain_open(place.path, NULL, &domain);
    code = result < 0 ? failed(call, result) : run_in(call, domain, table);
    if (result == 0)
        kin_domain_close(domain);
    place_remove(&place);
    return table_end(table, code);
}
