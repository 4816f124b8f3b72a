/* How to make concurrent writers right. Four processes add one to the same number, 100,000 times each: without a lock
 * most of it is lost, as counter++ is a load, an addition and a store; with one every single one counts. */
#include <kin/lock.h>
#include <err.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS 4
#define ROUNDS 100000

struct counters {
    kin_lock lock;
    volatile long wrong, right;
};

static int set_up(void *context, kin_segment *segment)
{
    (void)context;
    return kin_lock_init(segment, kin_segment_data(segment));
}

static int count(kin_segment *segment, struct counters *counters)
{
    for (int i = 0; i < ROUNDS; i++) {
        counters->wrong++;
        if (kin_lock_acquire(segment, &counters->lock, KIN_FOREVER) < 0)
            return 1;
        counters->right++;
        kin_lock_release(segment, &counters->lock);
    }
    return 0;
}

int main(void)
{
    kin_segment *segment;
    if (kin_segment_open(NULL, NULL, KIN_SEGMENT(.bytes = sizeof(struct counters), .setup = set_up), &segment) < 0)
        errx(1, "%s", kin_reason());
    struct counters *counters = kin_segment_data(segment);
    for (int i = 0; i < WRITERS; i++)
        if (fork() == 0)
            return count(segment, counters);
    while (wait(NULL) > 0)
        continue;
    printf("wanted %d, without a lock %ld, with one %ld\n", WRITERS * ROUNDS, counters->wrong, counters->right);
    return counters->right != WRITERS * ROUNDS;
}
