/* Every bit flipped, and random bytes: whatever stands in the files, no call may crash or hang. What the calls return
 * is theirs to decide.
 *
 * A flip is made in a fresh copy of the files; then a process of its own runs a round of every entry over them. Workers
 * share the flips; each has a domain of its own. KIN_LONG=1 flips every bit of every file. */
#include "files.h"
#include "round.h"
#include "support.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef HANG
#define HANG 30 /* seconds; a round takes a millisecond, or half a second where a lock word was hit */
#endif
#ifndef ENOUGH
#define ENOUGH 30u /* failures, after which the rest is left */
#endif
#define WORKERS 3u
#define RANDOM_ROUNDS 900u

struct work {
    const char *directory;
    uint64_t seed;
    uint64_t flips;
    unsigned failures, number; /* the workers', given out */
};

struct worker {
    struct work *work;
    unsigned number;
    struct kept files[FILES];
};

enum { WELL = -1000, WRONG = -1, HUNG = 0 }; /* or the signal */

static void report(struct worker *worker, const char *what, int how)
{
    if (how == WELL)
        return;
    __atomic_add_fetch(&worker->work->failures, 1, __ATOMIC_RELAXED);
    if (how > 0)
        printf("# %s: killed by signal %d\n", what, how);
    else
        printf("# %s: %s\n", what, how == HUNG ? "a hang" : "a wrong result");
    fflush(stdout);
}

static bool enough(const struct worker *worker)
{
    return __atomic_load_n(&worker->work->failures, __ATOMIC_RELAXED) >= ENOUGH;
}

static int run_round(bool thorough)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a round that hangs must not outlive the test */
        exit(round_run(thorough));
    }
    check(child > 0);
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
    int ready, status;
    while ((ready = poll(&ended, 1, HANG * 1000)) < 0 && errno == EINTR)
        continue;
    close(ended.fd);
    if (ready == 0)
        kill(child, SIGKILL);
    check_is(waitpid(child, &status, 0), child);
    if (ready == 0)
        return HUNG;
    if (WIFSIGNALED(status))
        return WTERMSIG(status);
    return WEXITSTATUS(status) == 0 ? WELL : WRONG;
}

static uint64_t roll(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void flip(struct worker *worker, const struct part *part, uint64_t bit)
{
    const struct kept *file = &worker->files[part->file];
    uint64_t offset = part->offset + bit / 8;
    if (offset >= file->bytes)
        return;
    unsigned char spoilt = file->image[offset] ^ (unsigned char)(1u << bit % 8);
    files_restore(worker->files);
    files_write(file, offset, &spoilt, 1);
    char what[160];
    snprintf(what, sizeof what, "KIN_FLIP=%u:%llu:%llu (%s, %s, byte %llu of it)", part->file,
             (unsigned long long)offset, (unsigned long long)(bit % 8), strrchr(file->path, '/') + 1, part->name,
             (unsigned long long)(bit / 8));
    report(worker, what, run_round(part->thorough));
    __atomic_add_fetch(&worker->work->flips, 1, __ATOMIC_RELAXED);
}

/* KIN_FLIP=file:byte:bit does one flip only; file 0 is the domain, 1 the queue, 2 the dead-letter queue, 3 the
 * segment. */
static bool one_is_asked(struct worker *worker)
{
    const char *asked = getenv("KIN_FLIP");
    struct part part = {.name = "asked for", .thorough = true};
    unsigned long long byte = 0, bit = 0;
    if (!asked)
        return false;
    check(sscanf(asked, "%u:%llu:%llu", &part.file, &byte, &bit) == 3 && part.file < FILES && bit < 8);
    part.offset = byte;
    if (worker->number == 0)
        flip(worker, &part, bit);
    return true;
}

static void flip_all(struct worker *worker)
{
    static struct part parts[PARTS_MAX];
    uint64_t seed = worker->work->seed, turn = 0;
    if (one_is_asked(worker))
        return;
    unsigned count = files_parts(worker->files, getenv("KIN_LONG") != NULL, parts);
    check_is(run_round(true), WELL);
    for (unsigned i = 0; i < count; i++)
        for (uint64_t bit = parts[i].step > 1 ? roll(&seed) % parts[i].step : 0;
             bit < 8 * parts[i].bytes && !enough(worker); bit += parts[i].step)
            if (turn++ % WORKERS == worker->number)
                flip(worker, &parts[i], bit);
}

static void spoil(struct worker *worker, uint64_t *seed)
{
    static const unsigned often[] = {FILE_QUEUE, FILE_QUEUE, FILE_QUEUE, FILE_DOMAIN, FILE_DOMAIN, FILE_SEGMENT};
    unsigned char bytes[256];
    const struct kept *file = &worker->files[often[roll(seed) % 6]];
    uint64_t count = 1 + roll(seed) % sizeof bytes;
    uint64_t offset = roll(seed) % (file->bytes - count);
    for (uint64_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)roll(seed);
    files_write(file, offset, bytes, count);
}

/* The seed of a round that fails is printed; with it, that round is the first. */
static void spoil_all(struct worker *worker)
{
    uint64_t seed = worker->work->seed + worker->number;
    unsigned rounds = RANDOM_ROUNDS / WORKERS * (getenv("KIN_LONG") ? 100 : 1);
    for (unsigned i = 0; i < rounds && !enough(worker); i++) {
        char what[64];
        snprintf(what, sizeof what, "KIN_SEED=%#llx", (unsigned long long)seed);
        files_restore(worker->files);
        for (uint64_t spots = 1 + roll(&seed) % 4; spots > 0; spots--)
            spoil(worker, &seed);
        report(worker, what, run_round(true));
    }
}

static struct worker prepare(struct work *work)
{
    struct worker worker = {.work = work, .number = __atomic_fetch_add(&work->number, 1, __ATOMIC_RELAXED)};
    char directory[120];
    snprintf(directory, sizeof directory, "%s/%u", work->directory, worker.number);
    check(mkdir(directory, 0700) == 0 && setenv("KIN_DOMAIN", directory, 1) == 0);
    scene_build();
    files_keep(directory, worker.files);
    return worker;
}

static int flip_some(void *context)
{
    struct worker worker = prepare(context);
    flip_all(&worker);
    files_drop(worker.files);
    return 0;
}

static int spoil_some(void *context)
{
    struct worker worker = prepare(context);
    spoil_all(&worker);
    files_drop(worker.files);
    return 0;
}

static uint64_t new_seed(void)
{
    const char *given = getenv("KIN_SEED");
    return given ? strtoull(given, NULL, 0) : (uint64_t)kin_after(1) ^ (uint64_t)getpid() << 40;
}

static void share(const char *directory, int (*run)(void *))
{
    struct work *work = test_shared(sizeof *work);
    pid_t workers[WORKERS];
    work->directory = directory;
    work->seed = new_seed();
    printf("# KIN_SEED=%#llx\n", (unsigned long long)work->seed);
    for (unsigned i = 0; i < WORKERS; i++)
        workers[i] = test_child(run, work);
    for (unsigned i = 0; i < WORKERS; i++) {
        int status;
        check_is(waitpid(workers[i], &status, 0), workers[i]);
        check(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    if (work->flips)
        printf("# %llu flips\n", (unsigned long long)work->flips);
    check_is(work->failures, 0);
}

static void no_flip_crashes_or_hangs(void **state)
{
    share(*state, flip_some);
}

static void no_random_bytes_crash_or_hang(void **state)
{
    share(*state, spoil_some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_flip_crashes_or_hangs),
        TEST(no_random_bytes_crash_or_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
