/* Semaphores and sets, killed at every instruction: kin_semaphore_acquire, kin_semaphore_release,
 * kin_semaphore_operate, kin_semaphore_set, kin_semaphore_set_all, kin_semaphore_init and kin_segment_close. Once all
 * of the dead was settled, the values are those before or those after, with what had undo undone.
 *
 *     sweep_semaphore [NAME]             snapshots of every moment, and a sample of real kills, of one and of two
 *     sweep_semaphore --snapshot [NAME]  the snapshots alone
 * A sample's seed is printed; KIN_LONG=1 takes all moments. */
#include "aid.h"
#include "sync/semaphore.h"
#include "twin.h"
#include <errno.h>
#include <kin/semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0)                                                                                                \
            return kin_crash_fail("%s: %s", #call, kin_reason());                                                      \
    } while (0)
#define UNDO KIN_SEMAPHORE_UNDO

struct stage {
    kin_segment *home;
    kin_semaphore *set;
};

struct scene {
    const char *name;
    unsigned count;
    uint16_t first[3], before[3], after[3]; /* values: at birth, and what may be found in the end */
    int (*build)(struct stage *stage);      /* optional: by a process that dies of it */
    int (*arrive)(struct stage *stage);
    int (*operate)(struct stage *stage);
    bool twice; /* killed with its settler in a short run too: these are slow */
};

static int operate(struct stage *stage, const struct kin_semaphore_op *ops, size_t count)
{
    OK(kin_semaphore_operate(stage->home, stage->set, ops, count, KIN_NOW));
    return 0;
}

static int acquire(struct stage *stage)
{
    OK(kin_semaphore_acquire(stage->home, stage->set, KIN_NOW));
    return 0;
}

static int release(struct stage *stage)
{
    OK(kin_semaphore_release(stage->home, stage->set));
    return 0;
}

static int acquire_and_release(struct stage *stage)
{
    return acquire(stage) < 0 ? -1 : release(stage);
}

static int acquire_two(struct stage *stage)
{
    return acquire(stage) < 0 ? -1 : acquire(stage);
}

static int change_many(struct stage *stage)
{
    static const struct kin_semaphore_op ops[] = {{0, -1, UNDO}, {1, 2, UNDO}, {2, -1, 0}, {0, -1, UNDO}};
    return operate(stage, ops, 4);
}

static int change_for_good(struct stage *stage)
{
    static const struct kin_semaphore_op ops[] = {{2, 0, 0}, {0, -3, 0}, {1, 1, 0}};
    return operate(stage, ops, 3);
}

static int owe(struct stage *stage)
{
    static const struct kin_semaphore_op ops[] = {{0, -2, UNDO}, {1, 1, UNDO}};
    return operate(stage, ops, 2);
}

static int owe_again(struct stage *stage)
{
    static const struct kin_semaphore_op ops[] = {{0, -4, UNDO}, {1, -5, UNDO}};
    return operate(stage, ops, 2);
}

static int look(struct stage *stage)
{
    struct kin_semaphore_value value;
    OK(kin_semaphore_get(stage->home, stage->set, 0, &value));
    return 0;
}

static int set_one(struct stage *stage)
{
    OK(kin_semaphore_set(stage->home, stage->set, 0, 9));
    return 0;
}

static int set_all(struct stage *stage)
{
    static const uint16_t values[] = {1, 2, 3};
    OK(kin_semaphore_set_all(stage->home, stage->set, values));
    return 0;
}

static int init_anew(struct stage *stage)
{
    OK(kin_semaphore_init(stage->home, stage->set, KIN_SEMAPHORE(.value = 6, .bytes = kin_segment_bytes(stage->home))));
    return 0;
}

static int end_it(struct stage *stage)
{
    kin_semaphore_fini(stage->home, stage->set);
    return 0;
}

static int close_it(struct stage *stage)
{
    kin_segment_close(stage->home);
    return 0;
}

static const struct scene scenes[] = {
    {"kin_semaphore_acquire", 1, {2}, {2}, {2}, NULL, acquire_and_release, acquire},
    {"kin_semaphore_acquire, the first of this process", 1, {2}, {2}, {2}, NULL, look, acquire},
    {"kin_semaphore_release", 1, {2}, {2}, {2}, NULL, acquire_two, release},
    {"kin_semaphore_release of a new unit", 1, {2}, {2}, {3}, NULL, look, release},
    {"kin_semaphore_acquire of what the dead held", 1, {2}, {2}, {2}, acquire_two, look, acquire_two},
    {"kin_semaphore_operate", 3, {5, 5, 5}, {5, 5, 5}, {5, 5, 4}, NULL, look, change_many},
    {"kin_semaphore_operate once more", 3, {9, 5, 5}, {9, 5, 4}, {9, 5, 3}, NULL, change_many, change_many},
    {"kin_semaphore_operate without undo", 3, {5, 5, 0}, {5, 5, 0}, {2, 6, 0}, NULL, look, change_for_good},
    {"kin_semaphore_operate of what the dead held", 3, {5, 5, 5}, {5, 5, 5}, {5, 5, 5}, owe, look, owe_again},
    {"kin_semaphore_get, settling the dead", 3, {5, 5, 5}, {5, 5, 5}, {5, 5, 5}, owe, NULL, look, true},
    {"kin_semaphore_set", 3, {5, 5, 5}, {5, 5, 5}, {9, 5, 5}, NULL, owe, set_one},
    {"kin_semaphore_set_all", 3, {5, 5, 5}, {5, 5, 5}, {1, 2, 3}, NULL, owe, set_all},
    {"kin_semaphore_init, of one that was ended", 1, {2}, {6}, {6}, NULL, end_it, init_anew},
    {"kin_segment_close by one that owes", 3, {5, 5, 5}, {5, 5, 5}, {5, 5, 5}, NULL, owe, close_it},
    {"kin_segment_close by one that owes nothing", 1, {2}, {2}, {2}, NULL, acquire_and_release, close_it},
};

static int open_stage(const struct scene *scene, const char *path, struct stage *stage)
{
    kin_domain *domain;
    OK(kin_domain_open(path, NULL, &domain));
    OK(kin_semaphore_open(domain, "set", KIN_SEMAPHORE(.count = scene->count, .values = scene->first, .holders = 8),
                          &stage->home, &stage->set));
    kin_domain_close(domain);
    return 0;
}

static int build_apart(const struct scene *scene, const char *path)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct stage stage;
        if (open_stage(scene, path, &stage) < 0 || look(&stage) < 0 || (scene->build && scene->build(&stage) < 0))
            _exit(1);
        if (scene->build)
            raise(SIGKILL);
        exit(0);
    }
    if (waitpid(child, &status, 0) != child || (scene->build ? !WIFSIGNALED(status) : status != 0))
        return kin_crash_fail("the builder failed");
    return 0;
}

static bool same(const uint16_t *found, const uint16_t *wanted, unsigned count)
{
    return memcmp(found, wanted, count * sizeof *found) == 0;
}

/* Each can be taken whole and given back. */
static int use(const struct scene *scene, struct stage *stage, const uint16_t *values)
{
    for (unsigned i = 0; i < scene->count; i++) {
        const struct kin_semaphore_op ops[] = {
            {(uint16_t)i, (int16_t)-values[i], UNDO}, {(uint16_t)i, 0, 0}, {(uint16_t)i, (int16_t)values[i], UNDO}};
        if (values[i] && operate(stage, ops, 3) < 0)
            return -1;
    }
    return 0;
}

static int check_stage(const struct scene *scene, struct stage *stage, const struct kin_crash_point *point)
{
    uint16_t found[3];
    struct kin_semaphore_status status;
    OK(kin_semaphore_get_all(stage->home, stage->set, found));
    OK(kin_semaphore_status(stage->home, stage->set, &status));
    if (status.held)
        return kin_crash_fail("%u of the dead still hold something", status.held);
    if (!same(found, scene->after, scene->count) && (point->finished || !same(found, scene->before, scene->count)))
        return kin_crash_fail("the values are %u %u %u: neither before nor after", found[0],
                              scene->count > 1 ? found[1] : 0, scene->count > 1 ? found[2] : 0);
    const struct semaphore *shared = (const struct semaphore *)(const void *)stage->set;
    if (shared->committed || shared->clear || shared->lock)
        return kin_crash_fail("the log is left, or the lock");
    return use(scene, stage, found);
}

struct run {
    const struct scene *scene;
    struct twin twin;
    char path[64]; /* of the real kills */
    struct stage stage;
};

static int arrive_in(struct run *run, const char *path)
{
    if (open_stage(run->scene, path, &run->stage) < 0)
        return -1;
    return run->scene->arrive ? run->scene->arrive(&run->stage) : look(&run->stage);
}

static int work(void *context)
{
    struct run *run = context;
    return run->scene->operate(&run->stage);
}

/* ---- snapshots ---- */

static int prepare_twin(void *context)
{
    struct run *run = context;
    return build_apart(run->scene, run->twin.live);
}

static int arrive_live(void *context)
{
    struct run *run = context;
    return arrive_in(run, run->twin.live);
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

static int check_twin(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    struct stage survivor = {NULL, NULL};
    if (open_stage(run->scene, run->twin.copy, &survivor) < 0)
        return -1;
    int result = check_stage(run->scene, &survivor, point);
    kin_segment_close(survivor.home);
    return result;
}

static int sweep_snapshot(const struct scene *scene, struct kin_crash_result *result)
{
    struct run run = {.scene = scene};
    if (twin_make(&run.twin, "set", NULL) < 0)
        return -1;
    int found = kin_crash_run(KIN_CRASH(.context = &run, .prepare = prepare_twin, .victim = {arrive_live, work},
                                        .check = check_twin, .regions = regions, .mark_dead = mark_dead),
                              KIN_CRASH_SNAPSHOT, result);
    twin_remove(&run.twin);
    return found;
}

/* ---- real kills ---- */

static int prepare_fresh(void *context)
{
    struct run *run = context;
    return remove_directory(run->path) != 0 ? -1 : build_apart(run->scene, run->path);
}

static int arrive_here(void *context)
{
    struct run *run = context;
    return arrive_in(run, run->path);
}

/* Before the victim operates. */
static int settler_arrive(void *context)
{
    struct run *run = context;
    kin_domain *domain;
    OK(kin_domain_open(run->path, NULL, &domain));
    int result = kin_semaphore_open(domain, "set", NULL, &run->stage.home, &run->stage.set);
    return result < 0 && result != -EBADMSG ? kin_crash_fail("the settler cannot arrive: %s", kin_reason()) : 0;
}

static int settle(void *context)
{
    struct run *run = context;
    struct kin_semaphore_value value;
    if (!run->stage.set)
        return 0;
    int result = kin_semaphore_get(run->stage.home, run->stage.set, 0, &value);
    return result < 0 && result != -EBADMSG ? kin_crash_fail("the settler failed: %s", kin_reason()) : 0;
}

/* The sweep does all, as the process record is all that it needs; then the values are looked at. */
static int check_here(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    struct kin_facilities facilities;
    kin_domain *domain;
    struct stage survivor;
    OK(kin_domain_open(run->path, NULL, &domain));
    OK(kin_domain_clean(domain, KIN_CLEAN_ACT, NULL, NULL));
    OK(kin_domain_facilities(domain, &facilities));
    if (facilities.lives_dead || facilities.processes > 1)
        return kin_crash_fail("%u dead lives and %u processes are left", facilities.lives_dead, facilities.processes);
    int result = kin_semaphore_open(domain, "set", NULL, &survivor.home, &survivor.set);
    if (result == -EBADMSG && run->scene->operate == init_anew && !point->finished)
        return 0; /* killed before it was whole */
    OK(result);
    return check_stage(run->scene, &survivor, point);
}

static int sweep_kills(const struct scene *scene, enum kin_crash_mode mode, uint64_t limit,
                       struct kin_crash_result *result)
{
    struct run run = {.scene = scene, .path = "/dev/shm/kin-semaphore-XXXXXX"};
    if (!mkdtemp(run.path))
        return -1;
    int found = kin_crash_run(KIN_CRASH(.context = &run, .prepare = prepare_fresh, .victim = {arrive_here, work},
                                        .second = {settler_arrive, settle}, .check = check_here, .limit = limit,
                                        .seed = sweep_seed()),
                              mode, result);
    return remove_directory(run.path) == 0 ? found : -1;
}

static void report(const char *name, const char *how, int found, const struct kin_crash_result *result)
{
    char title[128];
    snprintf(title, sizeof title, "%s, %s", name, how);
    tap_sweep(found == 0, title, result, "%s", title);
}

int main(int argc, char **argv)
{
    bool snapshots = argc > 1 && strcmp(argv[1], "--snapshot") == 0, all = getenv("KIN_LONG") != NULL;
    const char *wanted = argc > 1 + snapshots ? argv[1 + snapshots] : NULL;
    if (!tap_begin())
        return TAP_SKIP;
    for (unsigned i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        struct kin_crash_result result;
        const struct scene *scene = &scenes[i];
        if (!tap_wants(wanted, scene->name))
            continue;
        if (scene->operate != init_anew)
            report(scene->name, "looked at", sweep_snapshot(scene, &result), &result);
        if (snapshots)
            continue;
        report(scene->name, "killed", sweep_kills(scene, KIN_CRASH_KILL, all ? 0 : 6, &result), &result);
        if (!all && !scene->twice)
            continue;
        report(scene->name, "killed, and its settler too",
               sweep_kills(scene, KIN_CRASH_KILL_TWICE, all ? 2000 : 4, &result), &result);
    }
    return tap_end();
}
