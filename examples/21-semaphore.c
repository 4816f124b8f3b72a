/* A set that parent and child share: the child takes two of three units and is killed with them in its hand. The
 * parent, who waits for all three, goes on: what was taken with undo has come back. */
#include <kin/semaphore.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UNITS, READY, COUNT };

static void must(int result)
{
    if (result < 0)
        errx(1, "%s", kin_reason());
}

int main(void)
{
    static const struct kin_semaphore_op take[] = {{UNITS, -2, KIN_SEMAPHORE_UNDO}, {READY, 1, 0}};
    static const struct kin_semaphore_op see = {READY, -1, 0}, all = {UNITS, -3, KIN_SEMAPHORE_UNDO};
    struct kin_semaphore_value value;
    kin_segment *home;
    kin_semaphore *set;
    must(kin_semaphore_open(NULL, "units", KIN_SEMAPHORE(.count = COUNT, .values = (const uint16_t[]){3, 0}), &home,
                            &set));
    pid_t child = fork();
    if (child == 0) {
        must(kin_semaphore_operate(home, set, take, 2, KIN_FOREVER));
        for (;;)
            pause();
    }
    must(kin_semaphore_operate(home, set, &see, 1, KIN_FOREVER));
    must(kin_semaphore_get(home, set, UNITS, &value));
    printf("the child took two: %u left\n", value.value);
    kill(child, SIGKILL);
    must(kin_semaphore_operate(home, set, &all, 1, KIN_FOREVER)); /* nobody releases anything */
    printf("it was killed: all three are mine\n");
    waitpid(child, NULL, 0);
    must(kin_semaphore_set(home, set, UNITS, 3)); /* and undo of them is forgotten */
    kin_segment_close(home);
    return 0;
}
