/* The table of what lies inside a segment. */
#include "life/segment.h"
#include "support.h"
#include <errno.h>

struct seen {
    unsigned count;
    uint64_t sum;
};

static int see(void *context, kin_segment *segment, uint64_t offset)
{
    struct seen *seen = context;
    (void)segment;
    seen->count++;
    seen->sum += offset;
    return 0;
}

static int stop(void *context, kin_segment *segment, uint64_t offset)
{
    see(context, segment, offset);
    return 7;
}

static kin_segment *open_segment(void)
{
    kin_segment *segment;
    check_is(kin_segment_open(NULL, "s", KIN_SEGMENT(.bytes = 1 << 20), &segment), 0);
    return segment;
}

static void what_is_registered_is_found_once(void **state)
{
    (void)state;
    struct seen seen = {0, 0};
    kin_segment *segment = open_segment(), *other = open_segment();
    for (unsigned i = 0; i < 3; i++) {
        check_is(segment_register(segment, INNER_SEMAPHORE, 0), 0);
        check_is(segment_register(segment, INNER_SEMAPHORE, 64), 0);
        check_is(segment_register(other, INNER_SEMAPHORE, 640), 0);
    }
    check_is(segment_each_inner(other, INNER_SEMAPHORE, see, &seen), 0);
    check_is(seen.count, 3);
    check_is(seen.sum, 704);
    segment_unregister(other, INNER_SEMAPHORE, 64);
    segment_unregister(other, INNER_SEMAPHORE, 65);
    check_is(segment_each_inner(segment, INNER_SEMAPHORE, stop, &seen), 7);
    check_is(segment_each_inner(segment, INNER_SEMAPHORE, see, &seen), 0);
    check_is(seen.count, 6);
    check_is(segment_each_inner(segment, INNER_SEMAPHORE + 1, see, &seen), 0);
    check_is(seen.count, 6);
    kin_segment_close(segment);
    kin_segment_close(other);
}

static void a_full_table_is_told(void **state)
{
    (void)state;
    kin_segment *segment = open_segment();
    for (unsigned i = 0; i < SEGMENT_OBJECTS_MAX; i++)
        check_is(segment_register(segment, INNER_SEMAPHORE, i * 64), 0);
    check_refused(segment_register(segment, INNER_SEMAPHORE, 1 << 19), -ENOSPC, "objects of kin in it already");
    segment_unregister(segment, INNER_SEMAPHORE, 640);
    check_is(segment_register(segment, INNER_SEMAPHORE, 1 << 19), 0);
    kin_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(what_is_registered_is_found_once), TEST(a_full_table_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
