/* A table that is filled once, by whoever comes first, and a start that waits for all. One worker dies while it fills
 * the table: another begins anew. One dies before it is ready: the start does not wait for the dead. */
#include <kin/latch.h>
#include <kin/once.h>
#include <kin/process.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WORKERS 4

struct plant {
    kin_once once;
    kin_latch ready;
    int squares[100];
};

static kin_segment *segment;
static struct plant *plant;

static int set_up(void *context, kin_segment *new)
{
    struct plant *made = kin_segment_data(new);
    (void)context;
    kin_once_init(new, &made->once);
    return kin_latch_init(new, &made->ready, WORKERS);
}

static int fill(void *context, int begun)
{
    int number = *(int *)context;
    if (begun)
        memset(plant->squares, 0, sizeof plant->squares);
    for (int i = 0; i < 100; i++) {
        plant->squares[i] = i * i;
        if (i == 50 && number == 0)
            kill(getpid(), SIGKILL);
    }
    return 0;
}

static int work(void *context)
{
    int number = *(int *)context;
    if (kin_latch_promise(segment, &plant->ready) < 0 ||
        kin_once_run(segment, &plant->once, fill, &number, KIN_FOREVER) < 0)
        errx(1, "%s", kin_reason());
    if (number == 1)
        kill(getpid(), SIGKILL); /* with a promise */
    return kin_latch_count_down(segment, &plant->ready) < 0;
}

int main(void)
{
    kin_process *workers[WORKERS];
    if (kin_segment_open(NULL, "plant", KIN_SEGMENT(.bytes = sizeof *plant, .setup = set_up), &segment) < 0)
        errx(1, "%s", kin_reason());
    plant = kin_segment_data(segment);
    for (int i = 0; i < WORKERS; i++)
        if (kin_process_fork(work, &i, NULL, &workers[i]) < 0)
            errx(1, "%s", kin_reason());
    int result = kin_latch_wait(segment, &plant->ready, KIN_FOREVER);
    printf("ready%s, 99 squared is %d\n", result == KIN_RECOVERED ? ", though somebody died" : "", plant->squares[99]);
    for (int i = 0; i < WORKERS; i++) {
        struct kin_exit how;
        kin_process_wait(workers[i], 0, KIN_FOREVER, &how);
        kin_process_close(workers[i]);
    }
    kin_segment_close(segment);
    return 0;
}
