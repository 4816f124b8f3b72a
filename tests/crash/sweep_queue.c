/* The snapshot sweep of the queue: each operation in each state, looked at after every instruction.
 *
 *     sweep_queue              all scenes
 *     sweep_queue NAME         those whose name contains NAME */
#include "aid.h"
#include "scene.h"
#include "twin.h"
#include <stdio.h>
#include <string.h>

struct run {
    const struct scene *scene;
    struct twin twin;
    struct stage victim; /* in the victim's process */
};

static int prepare(void *context)
{
    struct run *run = context;
    return scene_build(run->scene, run->twin.live);
}

static int arrive(void *context)
{
    struct run *run = context;
    struct kin_queue_status status;
    if (scene_open(run->scene, run->twin.live, &run->victim) < 0 || kin_queue_status(run->victim.results, &status) < 0)
        return kin_crash_fail("the victim cannot arrive: %s", kin_reason());
    int result = run->scene->arrive ? run->scene->arrive(&run->victim) : 0;
    return result < 0 ? kin_crash_fail("the victim cannot arrive: %s", kin_reason()) : 0;
}

static int operate(void *context)
{
    struct run *run = context;
    int result = run->scene->operate(&run->victim);
    return result < 0 ? kin_crash_fail("the operation failed: %s", kin_reason()) : 0;
}

static size_t regions(void *context, const struct kin_crash_region **list)
{
    struct run *run = context;
    return twin_regions(&run->twin, list);
}

static int mark_dead(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    return twin_mark_dead(&run->twin, point->victim);
}

static int check(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    struct stage survivor; /* opened anew: what an earlier look made grow lies elsewhere */
    if (scene_open(run->scene, run->twin.copy, &survivor) < 0)
        return -1;
    int result = scene_check(run->scene, &survivor, point);
    kin_queue_close(survivor.queue);
    kin_queue_close(survivor.results);
    return result;
}

static int sweep(const struct scene *scene, struct kin_crash_result *result)
{
    struct run run = {.scene = scene};
    if (twin_make(&run.twin, "queue", "results") < 0)
        return -1;
    int found = kin_crash_run(KIN_CRASH(.context = &run, .prepare = prepare, .victim = {arrive, operate},
                                        .check = check, .regions = regions, .mark_dead = mark_dead),
                              KIN_CRASH_SNAPSHOT, result);
    twin_remove(&run.twin);
    return found;
}

int main(int argc, char **argv)
{
    (void)argc;
    if (!tap_begin())
        return TAP_SKIP;
    for (unsigned i = 0; i < scene_count; i++) {
        struct kin_crash_result result;
        if (!tap_wants(argv[1], scenes[i].name))
            continue;
        bool good = sweep(&scenes[i], &result) == 0;
        tap_sweep(good, scenes[i].name, &result, "%s: %llu points", scenes[i].name, (unsigned long long)result.points);
    }
    return tap_end();
}
