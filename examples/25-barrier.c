/* Three workers, round after round; the second is killed in round 3. The others are told, and go on without it. */
#include <kin/barrier.h>
#include <kin/process.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define PARTIES 3
#define ROUNDS 6

static kin_segment *home;
static kin_barrier *barrier;

static void must(int result)
{
    if (result < 0)
        errx(1, "%s", kin_reason());
}

static int work(void *context)
{
    int number = *(int *)context, result;
    for (int round = 1; round <= ROUNDS; round++) {
        if (number == 2 && round == 3)
            kill(getpid(), SIGKILL);
        must(result = kin_barrier_wait(home, barrier, KIN_FOREVER));
        if (result & KIN_SERIAL)
            printf("round %d%s\n", round, result & KIN_RECOVERED ? ": somebody died" : "");
        fflush(stdout); /* before the next round */
        must(kin_barrier_wait(home, barrier, KIN_FOREVER));
    }
    must(kin_barrier_leave(home, barrier));
    return 0;
}

int main(void)
{
    kin_process *workers[PARTIES];
    must(kin_barrier_open(NULL, "rounds", KIN_BARRIER(.parties = PARTIES), &home, &barrier));
    for (int i = 0; i < PARTIES; i++) {
        int number = i + 1;
        must(kin_process_fork(work, &number, NULL, &workers[i]));
    }
    for (int i = 0; i < PARTIES; i++) {
        struct kin_exit how;
        must(kin_process_wait(workers[i], 0, KIN_FOREVER, &how));
        kin_process_close(workers[i]);
    }
    kin_segment_close(home);
    return 0;
}
