/* The public functions, and how a run begins and ends. */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>

#define HANG_DEFAULT_MS 10000
#define WORKERS_DEFAULT 4
#define PAUSE_DEFAULT_US 2000

static struct control *control;

static int keep_sentence(const char *format, va_list arguments)
{
    if (control && __atomic_exchange_n(&control->failed, 1, __ATOMIC_RELAXED) == 0)
        vsnprintf(control->sentence, sizeof control->sentence, format, arguments);
    return -1;
}

int kin_crash_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    keep_sentence(format, arguments);
    va_end(arguments);
    return -1;
}

int fault(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    keep_sentence(format, arguments);
    va_end(arguments);
    return KIN_CRASH_FAULT;
}

int told(int result, const char *callback)
{
    return result == 0 ? 0 : fault("%s returned %d", callback, result);
}

/* The callback that the mode needs and the caller forgot, or NULL. */
static const char *missing_callback(const struct kin_crash *crash, enum kin_crash_mode mode)
{
    if (!crash->check)
        return ".check";
    if (mode == KIN_CRASH_RANDOM)
        return crash->work ? NULL : ".work";
    if (!crash->victim.operate)
        return ".victim.operate";
    if (mode == KIN_CRASH_SNAPSHOT)
        return crash->regions ? NULL : ".regions";
    if (mode == KIN_CRASH_KILL_TWICE && !crash->second.operate)
        return ".second.operate";
    if (crash->due && !crash->feed)
        return ".feed, as .due is there";
    return NULL;
}

static int refuse(const struct kin_crash *crash, enum kin_crash_mode mode, char *sentence, size_t size)
{
    if ((unsigned)mode > KIN_CRASH_RANDOM) {
        snprintf(sentence, size, "there is no mode %d: take one of enum kin_crash_mode", (int)mode);
        return -EINVAL;
    }
    if (crash->workers > WORKERS_MAX || (mode == KIN_CRASH_RANDOM && crash->workers < 2)) {
        snprintf(sentence, size, "%u workers: give 2 to %d", crash->workers, WORKERS_MAX);
        return -EINVAL;
    }
    const char *missing = missing_callback(crash, mode);
    if (!missing)
        return 0;
    snprintf(sentence, size, "this mode needs the callback %s", missing);
    return -EINVAL;
}

static void fill_in(struct sweep *sweep, const struct kin_crash *crash)
{
    struct kin_crash *full = &sweep->crash;
    memcpy(full, crash, crash->size < sizeof *full ? crash->size : sizeof *full);
    if (full->hang_ms == 0)
        full->hang_ms = HANG_DEFAULT_MS;
    if (full->workers == 0)
        full->workers = WORKERS_DEFAULT;
    if (full->pause_us == 0)
        full->pause_us = PAUSE_DEFAULT_US;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    sweep->seed = full->seed ? full->seed : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    sweep->chance = sweep->seed;
}

static int run_mode(struct sweep *sweep, enum kin_crash_mode mode)
{
    static int (*const modes[])(struct sweep *) = {
        [KIN_CRASH_SNAPSHOT] = mode_snapshot,
        [KIN_CRASH_KILL] = mode_kill,
        [KIN_CRASH_KILL_TWICE] = mode_kill_twice,
        [KIN_CRASH_RANDOM] = mode_random,
    };
    double begun = seconds();
    host_take(sweep, mode != KIN_CRASH_RANDOM);
    int result = modes[mode](sweep);
    host_give_back(sweep);
    sweep->result->seconds = seconds() - begun;
    if (result != 0) {
        sweep->result->failed = sweep->point;
        place_name(sweep->point.instruction, sweep->result->where, sizeof sweep->result->where);
        memcpy(sweep->result->sentence, control->sentence, sizeof control->sentence);
    }
    return result;
}

int kin_crash_run(const struct kin_crash *crash, enum kin_crash_mode mode, struct kin_crash_result *result)
{
    struct sweep sweep = {.result = result};
    memset(result, 0, sizeof *result);
    fill_in(&sweep, crash);
    int refused = refuse(&sweep.crash, mode, result->sentence, sizeof result->sentence);
    if (refused != 0)
        return refused;
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (control == MAP_FAILED) {
        control = NULL;
        snprintf(result->sentence, sizeof result->sentence, "no page for the run: %s", strerror(errno));
        return -ENOMEM;
    }
    sweep.control = control;
    int got = run_mode(&sweep, mode);
    munmap(control, sizeof *control);
    control = NULL;
    return got;
}

static int do_nothing(void *context)
{
    (void)context;
    return 0;
}

static int find_nothing(void *context, const struct kin_crash_point *point)
{
    (void)context;
    return point->step > 0 ? 0 : kin_crash_fail("ptrace does not step here: not one instruction was counted");
}

int kin_crash_available(const char **reason)
{
    static struct kin_crash_result trial;
    *reason = trial.sentence;
#if defined(__aarch64__)
    if (!(getauxval(AT_HWCAP) & HWCAP_ATOMICS)) {
        snprintf(trial.sentence, sizeof trial.sentence,
                 "this aarch64 has no LSE atomics, and a pair of exclusive load and store never ends when stepped");
        return 0;
    }
#endif
    struct kin_crash *crash = KIN_CRASH(.victim = {.operate = do_nothing}, .check = find_nothing, .limit = 1);
    return kin_crash_run(crash, KIN_CRASH_KILL, &trial) == 0;
}

void kin_crash_print(FILE *file, const char *name, const struct kin_crash_result *result)
{
    const struct kin_crash_point *point = &result->failed;
    fprintf(file, "%s: %llu moments, %llu looked at, in %.3f s: ", name, (unsigned long long)result->points,
            (unsigned long long)result->checked, result->seconds);
    if (!result->sentence[0]) {
        fputs("all held\n", file);
        return;
    }
    fprintf(file, "FAULT at moment %llu", (unsigned long long)point->step);
    if (point->second_step || point->second_finished)
        fprintf(file, " and %llu", (unsigned long long)point->second_step);
    if (point->asleep)
        fputs(", asleep", file);
    if (result->where[0])
        fprintf(file, ", %s %s", point->finished ? "after" : "before", result->where);
    fprintf(file, ": %s", result->sentence);
    if (result->seed)
        fprintf(file, " (seed %llu)", (unsigned long long)result->seed);
    fputc('\n', file);
}
