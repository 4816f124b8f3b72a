/* The bounded buffer, in a struct of one's own: a lock and two conditions. One of the consumers is killed while it
 * waits, and no item waits for the dead. */
#include <kin/condition.h>
#include <kin/process.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>

#define PLACES 4
#define ITEMS 1000

struct buffer {
    kin_lock lock;
    kin_condition filled, emptied;
    int items[PLACES];
    int count, taken;
    long sum;
};

static kin_segment *segment;
static struct buffer *buffer;

static int set_up(void *context, kin_segment *new)
{
    struct buffer *made = kin_segment_data(new);
    (void)context;
    kin_condition_init(new, &made->filled);
    kin_condition_init(new, &made->emptied);
    return kin_lock_init(new, &made->lock);
}

static void must(int result)
{
    if (result < 0)
        errx(1, "%s", kin_reason());
}

static int consume(void *context)
{
    (void)context;
    must(kin_lock_acquire(segment, &buffer->lock, KIN_FOREVER));
    for (;;) {
        while (buffer->count == 0 && buffer->taken < ITEMS)
            must(kin_condition_wait(segment, &buffer->filled, &buffer->lock, KIN_FOREVER));
        if (buffer->taken == ITEMS)
            break;
        buffer->sum += buffer->items[--buffer->count];
        if (++buffer->taken == ITEMS)
            must(kin_condition_broadcast(segment, &buffer->filled));
        must(kin_condition_signal(segment, &buffer->emptied));
    }
    must(kin_lock_release(segment, &buffer->lock));
    return 0;
}

int main(void)
{
    kin_process *consumers[3];
    must(kin_segment_open(NULL, "buffer", KIN_SEGMENT(.bytes = sizeof *buffer, .setup = set_up), &segment));
    buffer = kin_segment_data(segment);
    for (int i = 0; i < 3; i++)
        must(kin_process_fork(consume, NULL, NULL, &consumers[i]));
    for (int item = 1; item <= ITEMS; item++) {
        must(kin_lock_acquire(segment, &buffer->lock, KIN_FOREVER));
        while (buffer->count == PLACES)
            must(kin_condition_wait(segment, &buffer->emptied, &buffer->lock, KIN_FOREVER));
        if (item == ITEMS / 2 && buffer->count == 0)
            must(kin_process_signal(consumers[0], SIGKILL)); /* it waits: we have the lock, and nothing is there */
        buffer->items[buffer->count++] = item;
        must(kin_condition_signal(segment, &buffer->filled));
        must(kin_lock_release(segment, &buffer->lock));
    }
    for (int i = 0; i < 3; i++) {
        struct kin_exit how;
        must(kin_process_wait(consumers[i], 0, KIN_FOREVER, &how));
        kin_process_close(consumers[i]);
    }
    printf("%d items, sum %ld\n", buffer->taken, buffer->sum);
    kin_segment_close(segment);
    return 0;
}
