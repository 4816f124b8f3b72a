/* Every bit flipped, and random bytes: whatever stands in the files, no call may crash or hang. What the calls return is
 * theirs to decide.
 *
 * A flip is made in a fresh copy of the files; then a process of its own runs a round of every entry over them. */
#include "files.h"
#include "round.h"
#include "support.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef HANG
#define HANG 30     /* seconds; a round takes milliseconds, or half a second where a lock word was hit */
#endif
#ifndef SHOWN
#define SHOWN 30    /* failures that are printed */
#endif
#define RANDOM_ROUNDS 1500

static struct kept files[FILES];
static unsigned failures;

static void report(const char *what, int how)
{
    if (++failures > SHOWN)
        return;
    if (how == 0)
        print_message("# %s: a hang\n", what);
    else if (how > 0)
        print_message("# %s: killed by signal %d\n", what, how);
    else
        print_message("# %s: a wrong result\n", what);
}

/* The round in a process of its own. 0 hang, above 0 the signal, -1 a check failed, INT_MIN all well. */
enum { WELL = -1000 };
static int run_round(void)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
        for (unsigned i = 0; i < sizeof crashes / sizeof *crashes; i++)
            signal(crashes[i], SIG_DFL);
        exit(round_run(NULL));
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
        return 0;
    if (WIFSIGNALED(status))
        return WTERMSIG(status);
    return WEXITSTATUS(status) == 0 ? WELL : -1;
}

static uint64_t roll(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t new_seed(void)
{
    const char *given = getenv("KIN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)kin_after(1) ^ (uint64_t)getpid() << 40;
    print_message("# KIN_SEED=%#llx\n", (unsigned long long)seed);
    return seed;
}

static const char *base_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

static void flip(const struct part *part, uint64_t bit)
{
    const struct kept *file = &files[part->file];
    uint64_t offset = part->offset + bit / 8;
    if (offset >= file->bytes)
        return;
    unsigned char spoilt = file->image[offset] ^ (unsigned char)(1u << bit % 8);
    files_restore(files);
    files_write(file, offset, &spoilt, 1);
    int how = run_round();
    char what[160];
    snprintf(what, sizeof what, "%s byte %llu (%s, its byte %llu) bit %llu", base_name(file->path),
             (unsigned long long)offset, part->name, (unsigned long long)(bit / 8), (unsigned long long)(bit % 8));
    if (how != WELL)
        report(what, how);
}

/* KIN_FLIP=file:byte:bit does one flip only; file 0 is the domain, 1 the queue, 2 the dead-letter queue, 3 the segment. */
static bool one_is_asked(struct part *part)
{
    const char *asked = getenv("KIN_FLIP");
    unsigned long long byte = 0, bit = 0;
    if (!asked)
        return false;
    check(sscanf(asked, "%u:%llu:%llu", &part->file, &byte, &bit) == 3 && part->file < FILES && bit < 8);
    part->offset = byte;
    part->name = "asked for";
    flip(part, bit);
    return true;
}

static void no_flip_crashes_or_hangs(void **state)
{
    static struct part parts[PARTS_MAX];
    scene_build();
    files_keep(*state, files);
    uint64_t seed = new_seed(), flips = 0;
    unsigned count = one_is_asked(parts) ? 0 : files_parts(files, getenv("KIN_LONG") != NULL, parts);
    if (count)
        check_is(run_round(), WELL);
    for (unsigned i = 0; i < count; i++)
        for (uint64_t bit = parts[i].step > 1 ? roll(&seed) % parts[i].step : 0; bit < 8 * parts[i].bytes;
             bit += parts[i].step) {
            flip(&parts[i], bit);
            flips++;
        }
    print_message("# %llu flips, %u bad\n", (unsigned long long)flips, failures);
    files_drop(files);
    check_is(failures, 0);
    failures = 0;
}

static void spoil_at_random(uint64_t *seed)
{
    static const unsigned often[] = {FILE_QUEUE, FILE_QUEUE, FILE_QUEUE, FILE_DOMAIN, FILE_DOMAIN, FILE_SEGMENT};
    unsigned char bytes[256];
    const struct kept *file = &files[often[roll(seed) % 6]];
    uint64_t count = 1 + roll(seed) % sizeof bytes;
    uint64_t offset = roll(seed) % (file->bytes - count);
    for (uint64_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)roll(seed);
    files_write(file, offset, bytes, count);
}

static void no_random_bytes_crash_or_hang(void **state)
{
    scene_build();
    files_keep(*state, files);
    uint64_t seed = new_seed();
    unsigned rounds = getenv("KIN_LONG") ? 100 * RANDOM_ROUNDS : RANDOM_ROUNDS;
    for (unsigned i = 0; i < rounds; i++) {
        char what[64];
        uint64_t start = seed;
        files_restore(files);
        for (uint64_t spots = 1 + roll(&seed) % 4; spots > 0; spots--)
            spoil_at_random(&seed);
        int how = run_round();
        snprintf(what, sizeof what, "KIN_SEED=%#llx, first round", (unsigned long long)start);
        if (how != WELL)
            report(what, how);
    }
    files_drop(files);
    check_is(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_flip_crashes_or_hangs),
        TEST(no_random_bytes_crash_or_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
