#include "common/party.h"
#include "common/atomic.h"
#include "common/clock.h"
#include "common/require.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void *party_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    require(memory != MAP_FAILED);
    return memory;
}

pid_t party_fork(void (*run)(void *context), void *context)
{
    fflush(stdout);
    pid_t parent = getpid();
    pid_t child = fork();
    require(child >= 0);
    if (child > 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    require(getppid() == parent);
    run(context);
    fflush(stdout);
    _exit(0);
}

void party_join(pid_t process)
{
    int status;
    require(waitpid(process, &status, 0) == process);
    require(status == 0);
}

static char state_of(pid_t process)
{
    char path[64], state;
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    FILE *file = fopen(path, "r");
    require(file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1);
    fclose(file);
    return state;
}

void party_until_asleep(pid_t process)
{
    struct timespec pause = {0, 100000};
    for (char state; (state = state_of(process)) != 'S';) {
        require(state != 'Z');
        nanosleep(&pause, NULL);
    }
}

struct guest {
    struct party *party;
    unsigned number;
    enum placement placement;
    party_role role;
    void *context;
};

static void be_guest(void *context)
{
    const struct guest *guest = context;
    bool crowded = guest->party->count > 2;
    placement_take(guest->placement, guest->number, crowded);
    guest->role(guest->context, guest->party, guest->number);
}

static void stop_after(struct party *party, uint64_t nanoseconds)
{
    struct timespec pause = {0, 100000};
    while (LOAD_ACQUIRE(party->arrived) < party->count)
        nanosleep(&pause, NULL);
    pause = (struct timespec){(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
    nanosleep(&pause, NULL);
    STORE_RELEASE(party->stop, 1);
}

const struct party *party_run(unsigned count, enum placement placement, party_role role, void *context,
                              uint64_t until_stop)
{
    static struct party *party;
    require(count <= PARTY_MAX);
    if (!party)
        party = party_memory(sizeof *party);
    memset(party, 0, sizeof *party);
    party->count = count;
    for (unsigned i = 0; i < count; i++) {
        struct guest guest = {party, i, placement, role, context};
        party_fork(be_guest, &guest);
    }
    if (until_stop)
        stop_after(party, until_stop);
    /* A guest that fails is seen at once, whichever it is; this process's end then ends the others. */
    for (unsigned i = 0; i < count; i++) {
        int status;
        require(waitpid(-1, &status, 0) > 0);
        require(status == 0);
    }
    return party;
}

void party_start(struct party *party, unsigned number)
{
    ADD(party->arrived, 1);
    while (LOAD_ACQUIRE(party->arrived) < party->count)
        sched_yield();
    party->members[number].begun = clock_now();
}

void party_end(struct party *party, unsigned number)
{
    party->members[number].ended = clock_now();
    ADD(party->left, 1);
    struct timespec pause = {0, 200000};
    while (LOAD_ACQUIRE(party->left) < party->count)
        nanosleep(&pause, NULL); /* in nobody's way who is still measured */
}

double party_rate(const struct party *party, double *fairness)
{
    uint64_t least = UINT64_MAX, most = 1;
    double rate = 0;
    for (unsigned i = 0; i < party->count; i++) {
        const struct party_member *member = &party->members[i];
        rate += (double)member->count * 1e9 / (double)(member->ended - member->begun);
        least = member->count < least ? member->count : least;
        most = member->count > most ? member->count : most;
    }
    *fairness = (double)least / (double)most;
    return rate;
}
