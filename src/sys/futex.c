#include "sys/futex.h"
#include "sys/atomic.h"
#include "sys/clock.h"
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#if !defined SYS_futex && defined SYS_futex_time64
#define SYS_futex SYS_futex_time64
#endif
#define WAITV_SIZE_32 2

struct waitv {
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
};

/* futex_waitv takes 64-bit times from 32-bit programs too. */
struct time64 {
    int64_t seconds;
    int64_t nanoseconds;
};

bool fallback_is_forced(void)
{
    const char *forced = getenv("KIN_FALLBACK");
    return forced && *forced == '1';
}

bool futex_has_waitv(void)
{
    static int answer; /* 0 not asked, 1 yes, -1 no: the same for all threads, so a race is harmless */
    if (LOAD(answer) == 0) {
        bool has = !fallback_is_forced() && syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) < 0 && errno == EINVAL;
        STORE(answer, has ? 1 : -1);
    }
    return LOAD(answer) > 0;
}

static int sleep_on_all(const struct futex_word *words, unsigned count, int64_t nanoseconds)
{
    struct waitv list[FUTEX_WORDS_MAX];
    for (unsigned i = 0; i < count; i++)
        list[i] = (struct waitv){words[i].value, (uintptr_t)words[i].word, WAITV_SIZE_32, 0};
    int64_t end = clock_monotonic() + nanoseconds;
    struct time64 until = {end / SECOND, end % SECOND};
    long woken = syscall(SYS_futex_waitv, list, count, 0, &until, CLOCK_MONOTONIC);
    return woken < 0 ? -errno : (int)woken;
}

static int sleep_on_one(const struct futex_word *word, int64_t nanoseconds)
{
    if (nanoseconds > FUTEX_BLIND)
        nanoseconds = FUTEX_BLIND;
    struct timespec span = {nanoseconds / SECOND, nanoseconds % SECOND};
    long result = syscall(SYS_futex, word->word, FUTEX_WAIT, word->value, &span, NULL, 0);
    return result < 0 ? -errno : 0;
}

int futex_sleep(const struct futex_word *words, unsigned count, int64_t nanoseconds)
{
    if (nanoseconds <= 0)
        return -ETIMEDOUT;
    return futex_has_waitv() ? sleep_on_all(words, count, nanoseconds) : sleep_on_one(words, nanoseconds);
}

int futex_wake(uint32_t *word, int count)
{
    long woken = syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
    return woken < 0 ? 0 : (int)woken;
}
