/* Two processes that wait for each other, until this one is killed. */
#include <err.h>
#include <kin/lock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static int set_up(void *context, kin_segment *segment)
{
    kin_lock *locks = kin_segment_data(segment);
    (void)context;
    int result = kin_lock_init(segment, &locks[0]);
    return result < 0 ? result : kin_lock_init(segment, &locks[1]);
}

static void take(kin_segment *segment, int number)
{
    kin_lock *locks = kin_segment_data(segment);
    if (kin_lock_acquire(segment, &locks[number], KIN_FOREVER) < 0)
        errx(1, "%s", kin_reason());
}

int main(void)
{
    kin_segment *segment;
    int ends[2];
    char byte;
    if (kin_segment_open(NULL, "accounts", KIN_SEGMENT(.bytes = 2 * sizeof(kin_lock), .setup = set_up), &segment) < 0 ||
        pipe(ends) < 0)
        errx(1, "%s", kin_reason());
    take(segment, 0);
    pid_t child = fork();
    if (child < 0)
        err(1, "fork");
    if (child == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (child == 0)
        take(segment, 1);
    if (child == 0 ? write(ends[1], "x", 1) != 1 : read(ends[0], &byte, 1) != 1)
        return 1;
    take(segment, child != 0);
}
