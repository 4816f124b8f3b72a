/* Real kills of every queue operation, by SIGKILL in the middle; then the same with the first survivor killed too,
 * while he settles what the first left.
 *
 *     sweep_kills [NAME]        a sample of the moments of each scene, its seed printed (KIN_SEED repeats it)
 *     sweep_kills --all NAME    every moment of the scenes whose name contains NAME, one crasher
 *     KIN_LONG=1                every moment of all, and a large sample with two crashers */
#include "aid.h"
#include "scene.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct scene *scene;
    char path[64];
    struct stage stage; /* in whichever process looks */
};

static int prepare(void *context)
{
    struct run *run = context;
    if (remove_directory(run->path) != 0)
        return kin_crash_fail("cannot remove %s", run->path);
    return scene_build(run->scene, run->path);
}

static int open_both(struct run *run)
{
    struct kin_queue_status status;
    if (scene_open(run->scene, run->path, &run->stage) < 0)
        return -1;
    return kin_queue_status(run->stage.results, &status) < 0 ? kin_crash_fail("%s", kin_reason()) : 0;
}

static int arrive(void *context)
{
    struct run *run = context;
    if (open_both(run) < 0)
        return -1;
    int result = run->scene->arrive ? run->scene->arrive(&run->stage) : 0;
    return result < 0 ? kin_crash_fail("the victim cannot arrive: %s", kin_reason()) : 0;
}

static int operate(void *context)
{
    struct run *run = context;
    int result = run->scene->operate(&run->stage);
    return result < 0 ? kin_crash_fail("the operation failed: %s", kin_reason()) : 0;
}

static int settler_arrive(void *context)
{
    return open_both(context);
}

/* Meets the leftovers of the first in both queues. */
static int settle(void *context)
{
    struct run *run = context;
    struct kin_queue_status status;
    if (kin_queue_status(run->stage.queue, &status) < 0 || kin_queue_status(run->stage.results, &status) < 0)
        return kin_crash_fail("the settler failed: %s", kin_reason());
    return 0;
}

static int check(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    return open_both(run) < 0 ? -1 : scene_check(run->scene, &run->stage, point);
}

static int sweep(const struct scene *scene, enum kin_crash_mode mode, uint64_t limit, struct kin_crash_result *result)
{
    struct run run = {.scene = scene, .path = "/dev/shm/kin-kills-XXXXXX"};
    if (!mkdtemp(run.path))
        return -1;
    int found = kin_crash_run(KIN_CRASH(.context = &run, .prepare = prepare, .victim = {arrive, operate},
                                        .second = {settler_arrive, settle}, .check = check, .limit = limit,
                                        .seed = sweep_seed()),
                              mode, result);
    return remove_directory(run.path) == 0 ? found : -1;
}

static void report(const char *name, const char *what, enum kin_crash_mode mode, uint64_t limit,
                   const struct scene *scene)
{
    struct kin_crash_result result;
    char title[128];
    snprintf(title, sizeof title, "%s, %s", name, what);
    bool good = sweep(scene, mode, limit, &result) == 0;
    tap_sweep(good, title, &result, "%s", title);
}

int main(int argc, char **argv)
{
    bool all = argc > 1 && strcmp(argv[1], "--all") == 0, long_run = getenv("KIN_LONG") != NULL;
    const char *wanted = argc > 1 + all ? argv[1 + all] : NULL;
    if (!tap_begin())
        return TAP_SKIP;
    for (unsigned i = 0; i < scene_count; i++) {
        const struct scene *scene = &scenes[i];
        if (!tap_wants(wanted, scene->name))
            continue;
        report(scene->name, "killed", KIN_CRASH_KILL, all || long_run ? 0 : 6, scene);
        if (!all)
            report(scene->name, "killed, and its settler too", KIN_CRASH_KILL_TWICE, long_run ? 2000 : 5, scene);
    }
    return tap_end();
}
