/* Real kills of what arms and rings pollers, at each instruction, with somebody asleep in a set; then the bug
 * that these must catch. No backstop mends anything here.
 *
 *     sweep_poll [NAME]; samples of the moments, with KIN_LONG=1 all; their seed printed (KIN_SEED repeats it). */
#include "aid.h"
#include "sync/poll.h"
#include "sys/plant.h"
#include <errno.h>
#include <kin/crash.h>
#include <kin/kin.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct play {
    const char *name;
    int (*arrive)(void);
    int (*operate)(void);
    int (*wait)(void); /* a peer's, who must end by himself */
    unsigned limit;    /* moments of a short run */
};

static char path[64];
static kin_queue *queue;
static kin_segment *home, *shelf;
static kin_lock *lock;
static kin_semaphore *units;
static kin_poll *set;
static char message[8];

static int open_all(void)
{
    if (queue)
        return 0;
    int result = kin_queue_open(NULL, "q", KIN_QUEUE(.messages = 1, .message_max = 8), &queue);
    if (result == 0)
        result = kin_lock_open(NULL, "door", NULL, &home, &lock);
    if (result == 0)
        result = kin_semaphore_open(NULL, "units", KIN_SEMAPHORE(.value = 1), &shelf, &units);
    if (result == 0)
        result = kin_poll_create(&set);
    return result;
}

static int enter(void)
{
    struct kin_queue_status status;
    int result = open_all();
    return result < 0 ? result : kin_queue_status(queue, &status);
}

static int hold(void)
{
    int result = open_all();
    return result < 0 ? result : kin_lock_acquire(home, lock, KIN_NOW);
}

static int release(void)
{
    return kin_lock_release(home, lock);
}

static int hold_unit(void)
{
    int result = open_all();
    return result < 0 ? result : kin_semaphore_acquire(shelf, units, KIN_NOW);
}

static int release_unit(void)
{
    return kin_semaphore_release(shelf, units);
}

static int send_one(void)
{
    return kin_queue_send(queue, "message", 8, NULL, KIN_NOW);
}

static int add_both(void)
{
    int result = enter();
    if (result == 0)
        result = kin_poll_add_queue(set, queue, KIN_CAN_RECEIVE);
    if (result == 0)
        result = kin_poll_add_lock(set, home, lock);
    return result < 0 ? result : 0;
}

static int add_and_look(void)
{
    int which, result = add_both();
    if (result == 0)
        result = kin_poll_wait(set, KIN_NOW, &which);
    return result == -ETIMEDOUT ? 0 : result;
}

static int look_again(void)
{
    int which;
    kin_poll_wait(set, KIN_NOW, &which);
    kin_poll_destroy(set);
    return kin_poll_create(&set);
}

static int give_descriptor(void)
{
    int result = kin_lock_fd(home, lock);
    return result < 0 ? result : kin_lock_clear(home, lock);
}

static bool may_be_had(void)
{
    int which;
    return kin_queue_receive(queue, message, sizeof message, NULL, KIN_NOW, NULL) == 0 ||
           kin_lock_acquire(home, lock, KIN_NOW) >= 0 || kin_poll_wait(set, KIN_NOW, &which) == 0;
}

/* Ends when the queue or the lock could be had. */
static int wait_in_set(void)
{
    int which = -1, result = kin_poll_wait(set, KIN_FOREVER, &which);
    while (result == 0 && !may_be_had())
        result = kin_poll_wait(set, KIN_FOREVER, &which);
    return result;
}

/* Ends when the unit could be had: released, or given back for the dead. */
static int wait_for_unit(void)
{
    int which, result;
    kin_poll_destroy(set);
    result = kin_poll_create(&set);
    if (result == 0)
        result = kin_poll_add_semaphore(set, shelf, units);
    while (result == 0 && (result = kin_poll_wait(set, KIN_FOREVER, &which)) == 0)
        if (kin_semaphore_acquire(shelf, units, KIN_NOW) == 0)
            return release_unit();
    return result;
}

/* The lock is held by the victim, who releases it or dies; without a message only the lock may be had. */
static const struct play plays[] = {
    {"kin_lock_release, a poller sleeps", hold, release, wait_in_set, 40},
    {"kin_semaphore_release, a poller sleeps", hold_unit, release_unit, wait_for_unit, 40},
    {"kin_poll_add_lock and kin_poll_wait", enter, add_and_look, NULL, 16},
    {"kin_poll_wait and kin_poll_destroy", add_both, look_again, NULL, 16},
    {"kin_lock_fd and kin_lock_clear", hold, give_descriptor, NULL, 16},
};

static int open_domain_child(void)
{
    exit(open_all() < 0);
}

static int prepare(void *context)
{
    int status = -1;
    (void)context;
    if (remove_directory(path) != 0)
        return kin_crash_fail("cannot remove %s", path);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        open_domain_child();
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : kin_crash_fail("cannot be made");
}

static int told(int result)
{
    return result < 0 ? kin_crash_fail("it failed: %d (%s)", result, kin_reason()) : 0;
}

static int arrive(void *context)
{
    const struct play *play = context;
    return told(play->arrive());
}

static int operate(void *context)
{
    const struct play *play = context;
    return told(play->operate());
}

static int peer_arrive(void *context)
{
    (void)context;
    return told(add_both());
}

static int peer_wait(void *context)
{
    const struct play *play = context;
    return told(play->wait());
}

/* Polling goes on: a send rings, a release rings, all entries but those of the living can be had. */
static int check(void *context, const struct kin_crash_point *point)
{
    int which = -1;
    (void)context;
    (void)point;
    if (told(add_both()) < 0)
        return -1;
    int result = kin_lock_acquire(home, lock, KIN_NOW);
    if (told(result) < 0)
        return -1;
    while (kin_poll_wait(set, KIN_NOW, &which) == 0)
        if (kin_queue_receive(queue, message, sizeof message, NULL, KIN_NOW, NULL) < 0)
            return kin_crash_fail("%d is told, and cannot be had", which);
    if (told(send_one()) < 0)
        return -1;
    if (kin_poll_wait(set, KIN_NOW, &which) < 0 || which != 0)
        return kin_crash_fail("a message is not told");
    if (kin_queue_receive(queue, message, sizeof message, NULL, KIN_NOW, NULL) < 0 ||
        kin_poll_wait(set, KIN_NOW, &which) != -ETIMEDOUT)
        return kin_crash_fail("%d is told, and nothing is there", which);
    if (told(release()) < 0)
        return -1;
    return kin_poll_wait(set, KIN_NOW, &which) == 0 && which == 1 ? 0 : kin_crash_fail("a release is not told");
}

static int sweep(const struct play *play, struct kin_crash_result *result)
{
    struct kin_crash *crash =
        KIN_CRASH(.context = (void *)(uintptr_t)play, .prepare = prepare, .victim = {arrive, operate}, .check = check,
                  .limit = sweep_limit(play->limit), .seed = sweep_seed());
    if (play->wait)
        crash->peer = (struct kin_crash_actor){peer_arrive, peer_wait};
    return kin_crash_run(crash, KIN_CRASH_KILL, result);
}

static int stop_and_release(void)
{
    int result = hold();
    raise(SIGSTOP);
    return result < 0 ? result : release();
}

static int stop_and_release_unit(void)
{
    int result = hold_unit();
    raise(SIGSTOP);
    if (result == 0)
        result = release_unit();
    kin_segment_close(shelf); /* it is left as held else */
    return result;
}

static int stop_and_send(void)
{
    int result = enter();
    raise(SIGSTOP);
    return result < 0 ? result : send_one();
}

static int poll_lock(void)
{
    int which, result = enter();
    if (result == 0)
        result = kin_poll_add_lock(set, home, lock);
    return result < 0 ? result : kin_poll_wait(set, KIN_FOREVER, &which);
}

static int poll_unit(void)
{
    int which, result = enter();
    if (result == 0)
        result = kin_poll_add_semaphore(set, shelf, units);
    return result < 0 ? result : kin_poll_wait(set, KIN_FOREVER, &which);
}

static int poll_queue(void)
{
    int which, result = enter();
    if (result == 0)
        result = kin_poll_add_queue(set, queue, KIN_CAN_RECEIVE);
    return result < 0 ? result : kin_poll_wait(set, KIN_FOREVER, &which);
}

static int poll_by_descriptor(void)
{
    int result = enter(), fd = result < 0 ? result : kin_queue_fd(queue, KIN_CAN_RECEIVE);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (fd >= 0)
        result = kin_queue_clear(queue, KIN_CAN_RECEIVE);
    return fd < 0 || result < 0 || poll(&ready, 1, -1) != 1 ? -1 : 0;
}

static int stop_release_and_send(void)
{
    int result = hold();
    raise(SIGSTOP);
    if (result >= 0)
        result = release();
    if (result == 0)
        result = send_one();
    return result < 0 ? result : kin_queue_receive(queue, message, sizeof message, NULL, KIN_NOW, NULL);
}

static int poll_both(void)
{
    int which, result = add_both();
    return result < 0 ? result : kin_poll_wait(set, KIN_FOREVER, &which);
}

/* Somebody polls and sleeps; then what he waits for is done, by one who goes on living. */
static int poll_and_do(int (*make)(void), int (*wait)(void), int patience)
{
    pid_t maker = start_process(0, make);
    until_state(maker, 'T');
    pid_t poller = start_process(0, wait);
    until_state(poller, 'S');
    kill(maker, SIGCONT);
    int result = ends(maker, HANG);
    return ends(poller, patience) + result;
}

static int released(int patience)
{
    return poll_and_do(stop_and_release, poll_lock, patience);
}

static int unit_released(int patience)
{
    return poll_and_do(stop_and_release_unit, poll_unit, patience);
}

static int sent(int patience)
{
    return poll_and_do(stop_and_send, poll_queue, patience);
}

static int sent_to_descriptor(int patience)
{
    return poll_and_do(stop_and_send, poll_by_descriptor, patience);
}

/* Both rang before the poller looked, and of the second nothing is left: it is for the first that he must look. */
static int rung_twice(int patience)
{
    pid_t maker = start_process(0, stop_release_and_send);
    until_state(maker, 'T');
    pid_t poller = start_process(PLANT_BIT(PLANT_STOP_AWAKE), poll_both);
    until_state(poller, 'T');
    kill(maker, SIGCONT);
    int result = ends(maker, HANG);
    kill(poller, SIGCONT);
    return ends(poller, patience) + result;
}

int main(int argc, char **argv)
{
    kin_backstop = INT64_C(1000) * 1000 * 1000 * 1000;
    if (!tap_begin())
        return TAP_SKIP;
    strcpy(path, "/dev/shm/kin-poll-XXXXXX");
    if (!mkdtemp(path) || setenv("KIN_DOMAIN", path, 1) < 0)
        return 1;
    for (unsigned i = 0; i < sizeof plays / sizeof *plays; i++) {
        struct kin_crash_result result;
        if (!tap_wants(argv[1], plays[i].name))
            continue;
        bool good = sweep(&plays[i], &result) == 0;
        tap_sweep(good, plays[i].name, &result, "%s", plays[i].name);
    }
    if (argc == 1) {
        tap_bite(PLANT_NO_RING, "nobody rings, a lock that is released", released);
        tap_bite(PLANT_NO_RING, "nobody rings, a unit that is released", unit_released);
        tap_bite(PLANT_NO_RING, "nobody rings, a message that is sent", sent);
        tap_bite(PLANT_NO_RING, "nobody rings, a message that is sent, for a descriptor", sent_to_descriptor);
        tap_bite(PLANT_WRONG_SORT, "a ring tells of another sort of entry", released);
        tap_bite(PLANT_ONE_RING, "two rings tell of the second only", rung_twice);
    }
    int result = tap_end();
    return remove_directory(path) != 0 ? 1 : result;
}
