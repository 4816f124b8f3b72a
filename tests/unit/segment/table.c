/* Arrays that grow by extents. */
#include "segment/table.h"
#include "support.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct two_tables {
    struct segment_header base;
    struct table_header small, large;
};

static char path[128];

static int fill(void *context, struct segment *segment)
{
    (void)context;
    struct two_tables *shared = (struct two_tables *)(void *)segment->header;
    table_format(&shared->small, 101, 2, 6);
    table_format(&shared->large, 1 << 20, 4, 9);
    return 0;
}

static struct two_tables *make(void **state, struct segment *segment, struct table *small, struct table *large)
{
    struct segment_birth birth = {
        .kind = KIN_KIND_QUEUE, .layout = 1, .header_bytes = sizeof(struct two_tables), .mode = 0600, .fill = fill};
    snprintf(path, sizeof path, "%s/tables", (char *)*state);
    check_is(segment_create(path, &birth, segment), 0);
    struct two_tables *shared = (struct two_tables *)(void *)segment->header;
    check_is(table_attach(small, segment, &shared->small, 6), 0);
    check_is(table_attach(large, segment, &shared->large, 9), 0);
    return shared;
}

static void an_index_finds_its_extent(void **state)
{
    (void)state;
    for (uint32_t first = 0; first <= 10; first++)
        for (uint32_t index = 0; index < 5000; index++) {
            uint32_t k = table_extent_of(first, index), start = table_extent_start(first, k);
            check(index >= start && index < table_extent_start(first, k + 1));
        }
}

/* Both grow in turn, in one file; every element keeps its bytes and overlaps no other. */
static void extents_do_not_overlap_and_never_move(void **state)
{
    struct segment segment;
    struct table small, large;
    struct two_tables *shared = make(state, &segment, &small, &large);
    check(table_at(&small, 1) == NULL && shared->small.count == 0);
    check_is(table_grow(&small), 0);
    check_is(shared->small.count, 4);
    char *first = table_at(&small, 1);
    for (unsigned turn = 0; turn < 8; turn++) {
        if (shared->small.count < small.limit)
            check_is(table_grow(&small), 0);
        check_is(table_grow(&large), 0);
        for (uint32_t i = 1; i < shared->small.count; i++)
            memset(table_at(&small, i), (int)i, 64);
        for (uint32_t i = 1; i < shared->large.count; i++)
            memset(table_at(&large, i), (int)~i, 512);
        for (uint32_t i = 1; i < shared->small.count; i++)
            for (unsigned k = 0; k < 64; k++)
                check(((unsigned char *)table_at(&small, i))[k] == (unsigned char)i);
    }
    check(table_at(&small, 1) == first);
    segment_close(&segment);
}

static void the_limit_is_the_limit(void **state)
{
    struct segment segment;
    struct table small, large;
    struct two_tables *shared = make(state, &segment, &small, &large);
    int result;
    while ((result = table_grow(&small)) == 0)
        check(shared->small.count <= 101);
    check_is(result, -ENOSPC);
    check_refused(table_grow(&small), -ENOSPC, "limit of 100");
    check_is(shared->small.count, 101);
    check(table_at(&small, 100) != NULL);
    check(table_at(&small, 101) == NULL && table_at(&small, UINT32_MAX) == NULL);
    segment_close(&segment);
}

static void another_view_maps_what_it_needs(void **state)
{
    struct segment segment, other;
    struct table small, large, theirs, unused;
    make(state, &segment, &small, &large);
    check_is(segment_open(path, KIN_KIND_QUEUE, 1, &other), 0);
    struct two_tables *shared = (struct two_tables *)(void *)other.header;
    check_is(table_attach(&unused, &other, &shared->small, 6), 0);
    check_is(table_attach(&theirs, &other, &shared->large, 9), 0);
    for (unsigned i = 0; i < 5; i++)
        check_is(table_grow(&large), 0);
    strcpy(table_at(&large, 200), "hello");
    check(strcmp(table_at(&theirs, 200), "hello") == 0);
    check_is(table_grow(&theirs), 0); /* whoever grows it, all have it */
    strcpy(table_at(&theirs, 300), "there");
    check(strcmp(table_at(&large, 300), "there") == 0);
    segment_close(&other);
    segment_close(&segment);
}

/* Killed between the reservation, `where` and `count`: the next growth does it again at the same place. */
static void a_growth_that_was_not_finished_is_done_again(void **state)
{
    struct segment segment;
    struct table small, large;
    struct two_tables *shared = make(state, &segment, &small, &large);
    struct stat before, after;
    check_is(table_grow(&small), 0);
    check_is(table_grow(&small), 0);
    uint32_t count = shared->small.count, k = table_extent_of(2, count - 1);
    uint64_t where = shared->small.where[k];
    check_is(fstat(segment.fd, &before), 0);
    shared->small.count = table_extent_start(2, k);
    check_is(table_grow(&small), 0);
    check(shared->small.count == count && shared->small.where[k] == where);
    shared->small.count = table_extent_start(2, k);
    shared->small.where[k] = 0;
    check_is(table_grow(&small), 0);
    check(shared->small.count == count && shared->small.where[k] == where);
    check_is(fstat(segment.fd, &after), 0);
    check_is(after.st_size, before.st_size);
    segment_close(&segment);
}

static void numbers_that_cannot_be_are_refused(void **state)
{
    struct segment segment;
    struct table small, large, table;
    struct two_tables *shared = make(state, &segment, &small, &large);
    struct table_header right = shared->small;
    segment.table_count = 0;
    check_refused(table_attach(&table, &segment, &shared->small, 7), -EBADMSG, "damaged");
    static const uint32_t limits[] = {0, (1u << 28) + 1, UINT32_MAX};
    for (unsigned i = 0; i < 3; i++) {
        shared->small.limit = limits[i];
        check_is(table_attach(&table, &segment, &shared->small, 6), -EBADMSG);
    }
    shared->small = right;
    shared->small.first = 25;
    check_is(table_attach(&table, &segment, &shared->small, 6), -EBADMSG);
    shared->small = right;
    shared->small.first = 0;
    shared->small.limit = 1u << 28;
    check_is(table_attach(&table, &segment, &shared->small, 6), -EBADMSG); /* more extents than there can be */
    shared->small = right;
    for (unsigned i = 0; i < 8; i++)
        check_is(table_attach(&table, &segment, &shared->small, 6), 0);
    check_is(table_attach(&table, &segment, &shared->small, 6), -EBADMSG);
    segment.table_count = 0;
    segment_close(&segment);
}

/* An extent that the file does not have is not mapped, whatever `where` says. */
static void a_place_outside_the_file_is_not_mapped(void **state)
{
    struct segment segment;
    struct table small, large;
    struct two_tables *shared = make(state, &segment, &small, &large);
    static const uint64_t places[] = {1, 4097, UINT64_C(1) << 40, UINT64_MAX & ~UINT64_C(4095)};
    check_is(table_grow(&small), 0);
    for (unsigned i = 0; i < 4; i++) {
        shared->small.where[0] = places[i];
        check(table_at(&small, 1) == NULL);
    }
    check_is(fstat(segment.fd, &(struct stat){0}), 0);
    segment_close(&segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_index_finds_its_extent),
        TEST(extents_do_not_overlap_and_never_move),
        TEST(the_limit_is_the_limit),
        TEST(another_view_maps_what_it_needs),
        TEST(a_growth_that_was_not_finished_is_done_again),
        TEST(numbers_that_cannot_be_are_refused),
        TEST(a_place_outside_the_file_is_not_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
