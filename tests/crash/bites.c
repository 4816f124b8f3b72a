/* Each planted bug that a sweep of one process cannot show: a scenario that the sound library passes and that must hang
 * or fail with the bug. No backstop mends anything here. And the sweeps themselves, with the bugs that they must catch:
 *
 *     bites SWEEP_QUEUE SWEEP_SEMAPHORE     the paths of those programs */
#include "aid.h"
#include "channel/queue.h"
#include "sync/semaphore.h"
#include "sys/plant.h"
#include <errno.h>
#include <kin/lock.h>
#include <kin/service.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANG 20000  /* ms: what takes longer in a sound library hangs */
#define SILENT 1500 /* ms: a planted bug that is still silent after this long counts as a hang */

static char directory[64];

static pid_t start(int (*run)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        exit(run()); /* orderly: a death would wake whom the bug forgot */
    }
    return child;
}

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

static pid_t start_with(enum plant plant, int (*run)(void))
{
    kin_planted |= 1u << plant;
    pid_t child = start(run);
    kin_planted &= ~(1u << plant);
    return child;
}

/* Two sleep; the first is woken by one message, and before he goes on another comes: he owes the second his wake. */
static int baton(int patience)
{
    pid_t first = start_with(PLANT_STOP_WOKEN, receive_one);
    until_state(first, 'S');
    pid_t second = start(receive_one);
    until_state(second, 'S');
    int result = ends(start(send_one), HANG);
    until_state(first, 'T');
    result += ends(start(send_one), HANG);
    kill(first, SIGCONT);
    return ends(first, patience) + ends(second, patience) + result;
}

/* The receiver stands between his last look and his sleep when the message comes. */
static int fire(int patience)
{
    pid_t receiver = start_with(PLANT_STOP_AWAKE, receive_one);
    until_state(receiver, 'T');
    int result = ends(start(send_one), HANG);
    kill(receiver, SIGCONT);
    return ends(receiver, patience) + result;
}

/* The kernel tells one sleeper of a death: a stranger, who slept first. The one whom it concerns must learn it. */
static int announce(int patience)
{
    int result = ends(start(send_one), HANG);
    pid_t holder = start(take_and_die);
    until_state(holder, 'T');
    pid_t stranger = start(receive_elsewhere);
    until_state(stranger, 'S');
    pid_t receiver = start_with(PLANT_NO_HOLDERS, receive_one);
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
    pid_t server = start(serve);
    until_state(server, 'S');
    pid_t caller = start(call_one);
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
    pid_t holder = start(lock_and_die);
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
    pid_t holder = start(hand_on_and_die);
    waitpid(holder, NULL, 0);
    int result = ends(start(acquire_after_command), patience == HANG ? HANG : 10 * SILENT);
    munmap(command, sizeof *command);
    return result;
}

static int hold_child(void)
{
    return hold(0) != 0;
}

static int hold_apart(int patience)
{
    return ends(start(hold_child), patience == HANG ? HANG : 10 * SILENT);
}

static int acquire_one(void)
{
    kin_segment *home;
    kin_semaphore *units;
    static const struct kin_semaphore_op take = {.by = -1};
    return kin_semaphore_open(NULL, "units", NULL, &home, &units) < 0 ||
           kin_semaphore_operate(home, units, &take, 1, KIN_FOREVER) < 0;
}

static int release_one(void)
{
    kin_segment *home;
    kin_semaphore *units;
    return kin_semaphore_open(NULL, "units", NULL, &home, &units) < 0 || kin_semaphore_release(home, units) < 0;
}

/* As baton, with units. */
static int baton_of_units(int patience)
{
    pid_t first = start_with(PLANT_STOP_WOKEN, acquire_one);
    until_state(first, 'S');
    pid_t second = start(acquire_one);
    until_state(second, 'S');
    int result = ends(start(release_one), HANG);
    until_state(first, 'T');
    result += ends(start(release_one), HANG);
    kill(first, SIGCONT);
    return ends(first, patience) + ends(second, patience) + result;
}

/* As fire. */
static int fire_of_units(int patience)
{
    pid_t waiter = start_with(PLANT_STOP_AWAKE, acquire_one);
    until_state(waiter, 'T');
    int result = ends(start(release_one), HANG);
    kill(waiter, SIGCONT);
    return ends(waiter, patience) + result;
}

static int acquire_and_die(void)
{
    kin_segment *home;
    kin_semaphore *units;
    if (kin_semaphore_open(NULL, "unit", KIN_SEMAPHORE(.value = 1), &home, &units) == 0 &&
        kin_semaphore_acquire(home, units, KIN_NOW) == 0)
        raise(SIGKILL);
    return 1;
}

/* Only the sweep comes by: what the process record does not name it cannot give back. */
static int name_of_units(int patience)
{
    kin_segment *home;
    kin_semaphore *units;
    (void)patience;
    waitpid(start(acquire_and_die), NULL, 0);
    if (kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) < 1 ||
        kin_semaphore_open(NULL, "unit", NULL, &home, &units) < 0)
        return -1;
    bool back = CELL_VALUE(units->kin[CELLS_AT]) == 1; /* a call would settle it */
    kin_segment_close(home);
    return back ? 0 : -1;
}

static int name_child(void)
{
    return name_of_units(0) != 0;
}

static int name_apart(int patience)
{
    return ends(start(name_child), patience == HANG ? HANG : 10 * SILENT);
}

static const char *sweep_programs[3], *sweep_program, *sweep_only;
static enum plant sweep_plant;

static int sweep_child(void)
{
    char number[16];
    snprintf(number, sizeof number, "%d", (int)sweep_plant);
    setenv("KIN_PLANTED", number, 1);
    freopen("/dev/null", "w", stdout);
    execl(sweep_program, sweep_program, sweep_program == sweep_programs[1] ? "--snapshot" : sweep_only, (char *)NULL);
    return 0; /* not run: the bug counts as not caught */
}

static const struct bite {
    enum plant plant;
    const char *name;
    int (*scenario)(int patience); /* NULL: a snapshot sweep */
    unsigned sweep;                /* of the queue, 1: of semaphores, 2: of the other things in segments */
    const char *only;              /* these scenes of the sweep; NULL: all */
} bites[] = {
    {PLANT_NO_BATON, "no baton", baton},
    {PLANT_NO_FIRE, "the event is not fired before the commit", fire},
    {PLANT_NO_ANNOUNCE, "a death is not announced", announce},
    {PLANT_NO_CALLER, "who ends a request does not wake its caller", call_served},
    {PLANT_NO_SERVER, "a caller does not ask whether his server lives", call_dropped},
    {PLANT_NO_HOLD, "a lock's holding is not recorded", hold_apart},
    {PLANT_NO_WITNESS, "a thief does not ask for the dead owner's command (kin_lock_hand_on)", witness},
    {PLANT_COMMIT_FIRST, "commit before payload", NULL},
    {PLANT_NO_REPAIR, "a lock is stolen, but nothing repaired", NULL},
    {PLANT_NO_DEATH_CHECK, "no death check", NULL},
    {PLANT_NO_OP, "the op is not written before the commit", NULL},
    {PLANT_IGNORE_FINISH, "a thief ignores the commit record", NULL},
    {PLANT_NO_DEATH_CHECK, "rwlock: a dead reader counts as living", NULL, 2, "dead reader"},
    {PLANT_NO_OP, "rwlock: a writer leaves no mark that he is inside", NULL, 2, "acquire_write and"},
    {PLANT_COMMIT_FIRST, "latch: a promise is freed apart from the count", NULL, 2, "count_down, promised"},
    {PLANT_NO_REPAIR, "barrier: a dead party is no news", NULL, 2, "kin_barrier_wait, seated"},
    {PLANT_NO_BATON, "units: no baton", baton_of_units},
    {PLANT_NO_FIRE, "units: the event is not fired before the commit", fire_of_units},
    {PLANT_NO_HOLD, "units: their segment is not named", name_apart},
    {PLANT_COMMIT_FIRST, "units: commit before the log", NULL, 1},
    {PLANT_NO_REPAIR, "units: a lock is stolen, and the log not applied", NULL, 1},
    {PLANT_NO_OP, "units: applied without a commit", NULL, 1},
};

static int in_fresh_domain(int (*scenario)(int patience), int patience)
{
    strcpy(directory, "/dev/shm/kin-bites-XXXXXX");
    if (!mkdtemp(directory))
        return -2;
    setenv("KIN_DOMAIN", directory, 1);
    int result = scenario(patience);
    return remove_directory(directory) == 0 ? result : -2;
}

static bool caught(const struct bite *bite)
{
    if (!bite->scenario) {
        sweep_plant = bite->plant;
        char left[80];
        pid_t child = start(sweep_child);
        int status = end_of(child, 600 * 1000);
        bool bitten = WIFEXITED(status) && WEXITSTATUS(status) == TAP_FAILED; /* not: no such scene, or no ptrace */
        snprintf(left, sizeof left, "/dev/shm/kin-live-%d-* /dev/shm/kin-twin-%d-*", (int)child, (int)child);
        return remove_directory(left) == 0 && bitten;
    }
    kin_planted = 1u << bite->plant;
    int result = in_fresh_domain(bite->scenario, SILENT);
    kin_planted = 0;
    return result != 0;
}

int main(int argc, char **argv)
{
    const char *reason;
    kin_backstop = INT64_C(1000) * 1000 * 1000 * 1000;
    for (int i = 1; i < argc && i <= 3; i++)
        sweep_programs[i - 1] = argv[i];
    for (unsigned i = 0; i < sizeof bites / sizeof *bites; i++) {
        const struct bite *bite = &bites[i];
        sweep_program = sweep_programs[bite->sweep];
        sweep_only = bite->only;
        if (!bite->scenario && (!sweep_program || access(sweep_program, X_OK) < 0))
            continue;
        if (!bite->scenario && !kin_crash_available(&reason)) {
            tap_skip(bite->name, reason);
            continue;
        }
        if (bite->scenario)
            tap_case(in_fresh_domain(bite->scenario, HANG) == 0, "sound: %s", bite->name);
        tap_case(caught(bite), "caught: %s", bite->name);
    }
    return tap_end();
}
