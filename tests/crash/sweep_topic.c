/* Every operation of a topic, in every state, killed at every instruction: by snapshot, in copies; then a sample by
 * SIGKILL, and of two crashers; then with somebody asleep who waits for what the victim does; then the bugs that these
 * must catch. No backstop mends anything here.
 *
 *     sweep_topic [NAME]; with KIN_LONG=1 every moment by SIGKILL, else a sample whose seed is printed. */
#include "aid.h"
#include "topic_acts.h"
#include "twin.h"
#include "sys/plant.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>


struct run {
    const struct play *play;
    struct twin twin;
    kin_topic *topic;
};

static kin_topic *survivor; /* in the copies */

/* ---- the run ---- */

static int build(const struct play *play)
{
    kin_topic *topic;
    if (open_topic(NULL, play->policy, &topic) < 0)
        return 1;
    for (unsigned i = 0; i < play->filled; i++)
        if (publish_next(topic) < 0)
            return 1;
    if (!play->build)
        return 0;
    if (play->build(topic) < 0)
        return 1;
    raise(SIGKILL);
    return 1;
}

static int prepare(void *context)
{
    struct run *run = context;
    int status = -1;
    char all[80];
    snprintf(all, sizeof all, "%s/*", run->twin.live);
    if (remove_directory(all) < 0)
        return kin_crash_fail("cannot empty %s", run->twin.live);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        exit(build(run->play));
    if (child < 0 || waitpid(child, &status, 0) != child || (run->play->build ? !WIFSIGNALED(status) : status != 0))
        return kin_crash_fail("the builder failed");
    return 0;
}

static int come(struct run *run, int (*act)(kin_topic *topic))
{
    int result = 0;
    if (open_topic(NULL, run->play->policy, &run->topic) < 0)
        return -1;
    if (!life_enter(run->topic->object.domain, &result))
        return kin_crash_fail("no life: %s", kin_reason());
    return act ? act(run->topic) : 0;
}

static int arrive(void *context)
{
    struct run *run = context;
    return come(run, run->play->arrive);
}

static int operate(void *context)
{
    struct run *run = context;
    return run->play->operate(run->topic);
}

static int arrive_second(void *context)
{
    return come(context, NULL);
}

static int publish_second(void *context)
{
    struct run *run = context;
    return publish_next(run->topic);
}

static int peer_wait(void *context)
{
    struct run *run = context;
    return run->play->wait(run->topic);
}

/* A publisher who sleeps is always let in: the slowest reads, or dies. */
static int due(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    kin_topic *topic;
    if (point->finished || run->play->wait == publish_waiting)
        return 1;
    if (open_topic(NULL, run->play->policy, &topic) < 0)
        return 1;
    return topic_head(topic) > run->play->filled;
}

static int feed(void *context)
{
    struct run *run = context;
    return come(run, publish_next);
}

/* ---- the survivor ---- */

/* What is kept: each in its place, up to the last, or to those that the victims added. */
static int read_kept(kin_topic *topic, const struct play *play, bool finished, unsigned most, kin_subscriber **reader)
{
    uint64_t missed;
    int position, last = -1;
    OK(kin_topic_subscribe(topic, KIN_SUBSCRIBE(.from = KIN_FROM_OLDEST), reader));
    while ((position = read_one(*reader, KIN_NOW, &missed)) >= 0) {
        if (last >= 0 ? position != last + 1 || missed : missed > 1)
            return kin_crash_fail("message %d came behind message %d, and %u missed", position, last, (unsigned)missed);
        last = position;
    }
    if (position != -ETIMEDOUT)
        return -1;
    unsigned count = (unsigned)(last + 1), least = play->filled + (finished ? play->adds : 0);
    return count >= least && count <= most ? 0 : kin_crash_fail("%u messages are there", count);
}

/* The log can be filled and read twice around; nobody dead is waited for, nor left. */
static int go_on(kin_topic *topic, kin_subscriber *reader)
{
    uint64_t missed;
    for (unsigned turn = 0; turn < 3; turn++) {
        int begun = (int)topic_head(topic);
        for (unsigned i = 0; i < KEPT; i++)
            if (publish_next(topic) < 0)
                return -1;
        for (unsigned i = 0; i < KEPT; i++)
            if (read_one(reader, KIN_NOW, &missed) != begun + (int)i || missed)
                return kin_crash_fail("message %u did not come", (unsigned)begun + i);
    }
    kin_subscriber_close(reader);
    if (sweep_domain(topic) < 0)
        return -1;
    for (uint32_t i = 1; i < records_of(topic); i++)
        if (record_at(topic, i)->who)
            return kin_crash_fail("the record of a dead subscriber is left");
    return 0;
}

static int look(kin_topic *topic, const struct play *play, const struct kin_crash_point *point, unsigned most)
{
    kin_subscriber *reader;
    if (read_kept(topic, play, point->finished, most, &reader) < 0)
        return -1;
    return go_on(topic, reader);
}

static int check(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    const struct play *play = run->play;
    unsigned most = play->filled + play->adds + (play->wait ? 1 : 0);
    kin_topic *topic;
    if (!point->copied)
        return open_topic(NULL, play->policy, &topic) < 0 ? -1 : look(topic, play, point, most + play->twice);
    kin_topic_close(survivor);
    survivor = NULL;
    return open_topic(run->twin.domain, play->policy, &survivor) < 0 ? -1 : look(survivor, play, point, most);
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

static int sweep(const struct play *play, enum kin_crash_mode mode, struct kin_crash_result *result)
{
    struct run run = {.play = play};
    if (twin_make(&run.twin, "topic", NULL) < 0 || setenv("KIN_DOMAIN", run.twin.live, 1) < 0)
        return -1;
    struct kin_crash *crash =
        KIN_CRASH(.context = &run, .prepare = prepare, .victim = {arrive, operate}, .check = check, .regions = regions,
                  .mark_dead = mark_dead, .seed = sweep_seed(),
                  .limit = mode == KIN_CRASH_SNAPSHOT ? 0 : sweep_limit(play->wait ? 60 : 6));
    if (mode == KIN_CRASH_KILL_TWICE)
        crash->second = (struct kin_crash_actor){arrive_second, publish_second};
    if (play->wait) {
        crash->peer = (struct kin_crash_actor){arrive_second, peer_wait};
        crash->due = due;
        crash->feed = feed;
    }
    int found = kin_crash_run(crash, mode, result);
    kin_topic_close(survivor);
    survivor = NULL;
    twin_remove(&run.twin);
    return found;
}

static void sweep_all_ways(const struct play *play)
{
    static const char *const ways[] = {
        [KIN_CRASH_SNAPSHOT] = "", [KIN_CRASH_KILL] = ", by SIGKILL", [KIN_CRASH_KILL_TWICE] = ", two crashers"};
    struct kin_crash_result result;
    for (enum kin_crash_mode mode = KIN_CRASH_SNAPSHOT; mode <= KIN_CRASH_KILL_TWICE; mode++) {
        if ((mode == KIN_CRASH_SNAPSHOT && play->wait) || (mode == KIN_CRASH_KILL_TWICE && !play->twice))
            continue;
        int found = sweep(play, mode, &result);
        tap_sweep(found == 0, play->name, &result, "%s%s", play->name, ways[mode]);
    }
}

/* ---- what must be caught ---- */

static pid_t start(uint64_t planted, int (*act)(kin_topic *topic))
{
    fflush(NULL);
    pid_t child = fork();
    if (child != 0)
        return child;
    kin_topic *topic;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    kin_planted |= planted;
    exit(open_topic(NULL, DROP, &topic) < 0 || act(topic) < 0); /* orderly: a death would wake whom the bug forgot */
}

static int until_stopped(pid_t child)
{
    int status;
    return waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) ? 0 : -1;
}

static int publish_between_stops(kin_topic *topic)
{
    raise(SIGSTOP);
    int result = publish_next(topic);
    raise(SIGSTOP);
    return result;
}

/* The publisher lives on: its death would wake the subscriber whom the bug forgot. */
static int asleep_subscriber(int patience)
{
    int result = ends(start(0, publish_two), HANG);
    pid_t publisher = start(0, publish_between_stops);
    result += until_stopped(publisher);
    pid_t reader = start(0, wait_for_message);
    until_state(reader, 'S');
    kill(publisher, SIGCONT);
    result += until_stopped(publisher);
    result += ends(reader, patience);
    kill(publisher, SIGCONT);
    return ends(publisher, HANG) + result;
}

static int publish_and_die(kin_topic *topic)
{
    if (publish_next(topic) == 0)
        raise(SIGKILL);
    return -1;
}

/* The subscriber stands between its last look and its sleep when the message comes, and the publisher dies before the
 * wake: nobody is there yet whom that death could wake. */
static int dead_publisher(int patience)
{
    int result = ends(start(0, publish_two), HANG);
    pid_t reader = start(PLANT_BIT(PLANT_STOP_AWAKE), wait_for_message);
    result += until_stopped(reader);
    result += end_of(start(PLANT_BIT(PLANT_NO_FIRE), publish_and_die), HANG) != SIGKILL;
    kill(reader, SIGCONT);
    return ends(reader, patience) + result;
}

/* The subscriber stands before its copy while the log is filled once around. */
static int stopped_copy(int patience)
{
    int result = ends(start(0, publish_two), HANG);
    pid_t reader = start(PLANT_BIT(PLANT_STOP_COPYING), read_the_oldest);
    result += until_stopped(reader);
    result += ends(start(0, publish_around), HANG);
    kill(reader, SIGCONT);
    int status = 0;
    while (waitpid(reader, &status, WUNTRACED) == reader && WIFSTOPPED(status))
        kill(reader, SIGCONT); /* before each copy */
    (void)patience;
    return result + (status != 0);
}

static void bite(enum plant plant, const char *name)
{
    struct kin_crash_result result = {0};
    int found = 0;
    kin_planted = PLANT_BIT(plant);
    for (unsigned i = 0; i < play_count && found != KIN_CRASH_FAULT; i++)
        if (!plays[i].wait)
            found = sweep(&plays[i], KIN_CRASH_SNAPSHOT, &result);
    kin_planted = 0;
    tap_sweep(found == KIN_CRASH_FAULT, name, &result, "caught: %s", name);
}

int main(int argc, char **argv)
{
    kin_backstop = INT64_C(1000) * 1000 * 1000 * 1000;
    if (!tap_begin())
        return TAP_SKIP;
    for (unsigned i = 0; i < play_count; i++)
        if (tap_wants(argv[1], plays[i].name))
            sweep_all_ways(&plays[i]);
    if (argc == 1) {
        bite(PLANT_COMMIT_FIRST, "commit before payload");
        bite(PLANT_NO_REPAIR, "a committed message behind head is written over");
        bite(PLANT_NO_DEATH_CHECK, "a dead subscriber counts as living");
        bite(PLANT_MISCOUNT, "a gap is miscounted");
        tap_bite(PLANT_NO_FIRE, "who sleeps is not woken", asleep_subscriber);
        tap_bite(PLANT_NO_GUARD, "no look at the slot when a death can wake", dead_publisher);
        tap_bite(PLANT_NO_RECHECK, "no second look behind the copy", stopped_copy);
    }
    return tap_end();
}
