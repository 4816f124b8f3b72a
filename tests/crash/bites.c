/* Each planted bug that a sweep of one process cannot show: a scenario that the sound library passes and that must hang
 * or fail with the bug. No backstop mends anything here. And the sweeps themselves, with the bugs that they must catch:
 *
 *     bites SWEEP_QUEUE SWEEP_SEMAPHORE SWEEP_SYNC SWEEP_LIFE     the paths of those programs */
#include "aid.h"
#include "channel/queue.h"
#include "sys/plant.h"
#include <errno.h>
#include <kin/lock.h>
#include <kin/service.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static kin_queue *open_queue(const char *name)
{
    kin_queue *queue;
    if (kin_queue_open(NULL, name, KIN_QUEUE(.messages = 8), &queue) < 0) {
        fprintf(stderr, "%s\n", kin_reason());
        _exit(2);
    }
    return queue;
}

static int receive_one(void)
{
    char buffer[64];
    return kin_queue_receive(open_queue("queue"), buffer, sizeof buffer, NULL, KIN_FOREVER, NULL) < 0;
}

static int receive_elsewhere(void)
{
    char buffer[64];
    return kin_queue_receive(open_queue("elsewhere"), buffer, sizeof buffer, NULL, KIN_FOREVER, NULL) < 0;
}

static int send_one(void)
{
    return kin_queue_send(open_queue("queue"), "message", 8, NULL, KIN_NOW) < 0;
}

static int take_and_die(void)
{
    struct kin_message message;
    if (kin_queue_take(open_queue("queue"), NULL, KIN_FOREVER, &message) < 0)
        return 1;
    raise(SIGSTOP); /* until everybody sleeps */
    raise(SIGKILL);
    return 1;
}

static kin_service *open_service(int serve)
{
    kin_service *service;
    if (kin_service_open(NULL, "service", KIN_SERVICE(.serve = serve, .calls = 8), &service) < 0) {
        fprintf(stderr, "%s\n", kin_reason());
        _exit(2);
    }
    return service;
}

static int call_one(void)
{
    char reply[8];
    int result = kin_service_call(open_service(0), "?", 1, reply, sizeof reply, KIN_CALL(.wait = 1), KIN_FOREVER, NULL);
    return result < 0 && result != -ECONNRESET;
}

static int take_call(kin_service *service, struct kin_request *request)
{
    int result = kin_service_take(service, KIN_FOREVER, request);
    raise(SIGSTOP); /* until the caller sleeps */
    return result;
}

static int serve_and_stay(void)
{
    struct kin_request request;
    kin_service *service = open_service(1);
    if (take_call(service, &request) < 0 || kin_service_reply(service, &request, 0, "!", 1) < 0)
        return 1;
    for (;;)
        pause(); /* his death would wake the caller */
}

static int take_call_and_die(void)
{
    struct kin_request request;
    take_call(open_service(1), &request);
    raise(SIGKILL);
    return 1;
}

static int baton(int patience)
{
    return pass_baton(receive_one, send_one, patience);
}

static int fire(int patience)
{
    return give_before_sleep(receive_one, send_one, patience);
}

/* The kernel tells one sleeper of a death: a stranger, who slept first. The one whom it concerns must learn it. */
static int announce(int patience)
{
    int result = ends(start_process(0, send_one), HANG);
    pid_t holder = start_process(0, take_and_die);
    until_state(holder, 'T');
    pid_t stranger = start_process(0, receive_elsewhere);
    until_state(stranger, 'S');
    pid_t receiver = start_process(PLANT_BIT(PLANT_NO_HOLDERS), receive_one);
    until_state(receiver, 'S');
    kill(holder, SIGCONT);
    waitpid(holder, NULL, 0);
    result += ends(receiver, patience);
    kill(stranger, SIGKILL);
    waitpid(stranger, NULL, 0);
    return result;
}

/* The caller sleeps when his request is served, or its server dies. */
static int call_of(int (*serve)(void), int patience)
{
    pid_t server = start_process(0, serve);
    until_state(server, 'S');
    pid_t caller = start_process(0, call_one);
    until_state(server, 'T');
    until_state(caller, 'S');
    kill(server, SIGCONT);
    int result = ends(caller, patience);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return result;
}

static int call_served(int patience)
{
    return call_of(serve_and_stay, patience);
}

static int call_dropped(int patience)
{
    return call_of(take_call_and_die, patience);
}

static int lock_and_die(void)
{
    kin_segment *home;
    kin_lock *lock;
    if (kin_lock_open(NULL, "door", NULL, &home, &lock) == 0 && kin_lock_acquire(home, lock, KIN_FOREVER) >= 0)
        raise(SIGKILL);
    return 1;
}

/* The dead one's record is swept and used again before anybody asks for the lock. */
static int hold(int patience)
{
    kin_segment *home;
    kin_lock *lock;
    (void)patience;
    pid_t holder = start_process(0, lock_and_die);
    waitpid(holder, NULL, 0);
    if (kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) < 1 || kin_lock_open(NULL, "door", NULL, &home, &lock) < 0)
        return -1;
    int result = kin_lock_acquire(home, lock, KIN_NOW);
    struct kin_owner dead = {0};
    if (result == KIN_RECOVERED)
        kin_lock_dead_owner(home, lock, &dead);
    kin_segment_close(home);
    return result == KIN_RECOVERED && dead.pid == holder ? 0 : -1;
}

static pid_t *command; /* shared */

static int hand_on_and_die(void)
{
    kin_segment *home;
    kin_lock *lock;
    int witness;
    if (kin_lock_open(NULL, "door", NULL, &home, &lock) < 0 || kin_lock_acquire(home, lock, KIN_FOREVER) < 0 ||
        kin_lock_hand_on(home, lock, &witness) < 0)
        return 1;
    pid_t child = fork();
    while (child == 0)
        pause();
    *command = child;
    raise(SIGKILL);
    return 1;
}

/* The owner is dead, his command is not: nobody else may have the lock before it has ended. */
static int acquire_after_command(void)
{
    kin_segment *home;
    kin_lock *lock;
    if (kin_lock_open(NULL, "door", NULL, &home, &lock) < 0)
        return 1;
    bool early = kin_lock_acquire(home, lock, KIN_NOW) != -ETIMEDOUT ||
                 kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) < 1 ||
                 kin_lock_acquire(home, lock, KIN_NOW) != -ETIMEDOUT;
    if (*command <= 0 || kill(*command, SIGKILL) < 0)
        return 1;
    return early || kin_lock_acquire(home, lock, KIN_FOREVER) != KIN_RECOVERED;
}

static int witness(int patience)
{
    command = mmap(NULL, sizeof *command, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (command == MAP_FAILED)
        return -2;
    pid_t holder = start_process(0, hand_on_and_die);
    waitpid(holder, NULL, 0);
    int result = ends(start_process(0, acquire_after_command), patience == HANG ? HANG : 10 * SILENT);
    munmap(command, sizeof *command);
    return result;
}

static int hold_child(void)
{
    return hold(0) != 0;
}

static int hold_apart(int patience)
{
    return ends(start_process(0, hold_child), patience == HANG ? HANG : 10 * SILENT);
}

enum program { QUEUE, SEMAPHORE, SYNC, LIFE, PROGRAMS }; /* as the user names them */

/* What a sweep must find. */
static const struct bite {
    enum program program;
    enum plant plant;
    const char *name;
    const char *only; /* these scenes of the sweep; NULL: all */
} bites[] = {
    {QUEUE, PLANT_COMMIT_FIRST, "commit before payload", NULL},
    {QUEUE, PLANT_NO_REPAIR, "a lock is stolen, but nothing repaired", NULL},
    {QUEUE, PLANT_NO_DEATH_CHECK, "no death check", NULL},
    {QUEUE, PLANT_NO_OP, "the op is not written before the commit", NULL},
    {QUEUE, PLANT_IGNORE_FINISH, "a thief ignores the commit record", NULL},
    {SEMAPHORE, PLANT_COMMIT_FIRST, "units: commit before the log", "--snapshot"},
    {SEMAPHORE, PLANT_NO_REPAIR, "units: a lock is stolen, and the log not applied", "--snapshot"},
    {SEMAPHORE, PLANT_NO_OP, "units: applied without a commit", "--snapshot"},
    {SYNC, PLANT_NO_DEATH_CHECK, "rwlock: a dead reader counts as living", "dead reader"},
    {SYNC, PLANT_NO_OP, "rwlock: a writer leaves no mark that he is inside", "acquire_write and"},
    {SYNC, PLANT_COMMIT_FIRST, "latch: a promise is freed apart from the count", "count_down, promised"},
    {SYNC, PLANT_NO_REPAIR, "barrier: a dead party is no news", "kin_barrier_wait, seated"},
    {SYNC, PLANT_COMMIT_FIRST, "once: done before it has run", "kin_once_run"},
    {SYNC, PLANT_NO_OP, "once: nothing tells that it was begun", "kin_once_run"},
    {LIFE, PLANT_COMMIT_FIRST, "segment: grown before its file is", "kin_segment_grow"},
    {LIFE, PLANT_NO_DEATH_CHECK, "segment: a dead process counts as attached", "kin_segment_write"},
};

static const char *program;
static const struct bite *bite;

static int sweep(void)
{
    char number[16];
    snprintf(number, sizeof number, "%d", (int)bite->plant);
    setenv("KIN_PLANTED", number, 1);
    if (bite->program == LIFE)
        setenv("KIN_LONG", "1", 1); /* no sample: the bug may show at few moments */
    freopen("/dev/null", "w", stdout);
    execl(program, program, bite->only, (char *)NULL);
    return 0; /* not run: the bug counts as not caught */
}

static bool is_caught(void)
{
    char left[80];
    pid_t child = start_process(0, sweep);
    int status = end_of(child, 600 * 1000);
    bool caught = WIFEXITED(status) && WEXITSTATUS(status) == TAP_FAILED; /* not: no such scene, or no ptrace */
    snprintf(left, sizeof left, "/dev/shm/kin-live-%d-* /dev/shm/kin-twin-%d-*", (int)child, (int)child);
    return remove_directory(left) == 0 && caught;
}

int main(int argc, char **argv)
{
    const char *reason;
    kin_backstop = INT64_C(1000) * 1000 * 1000 * 1000;
    tap_bite(PLANT_NO_BATON, "no baton", baton);
    tap_bite(PLANT_NO_FIRE, "the event is not fired before the commit", fire);
    tap_bite(PLANT_NO_ANNOUNCE, "a death is not announced", announce);
    tap_bite(PLANT_NO_CALLER, "who ends a request does not wake its caller", call_served);
    tap_bite(PLANT_NO_SERVER, "a caller does not ask whether his server lives", call_dropped);
    tap_bite(PLANT_NO_HOLD, "a lock's holding is not recorded", hold_apart);
    tap_bite(PLANT_NO_WITNESS, "a thief does not ask for the dead owner's command (kin_lock_hand_on)", witness);
    for (bite = bites; bite < bites + sizeof bites / sizeof *bites; bite++) {
        program = (int)bite->program + 1 < argc ? argv[bite->program + 1] : NULL;
        if (!program || access(program, X_OK) < 0)
            continue;
        if (kin_crash_available(&reason))
            tap_case(is_caught(), "caught: %s", bite->name);
        else
            tap_skip(bite->name, reason);
    }
    return tap_end();
}
