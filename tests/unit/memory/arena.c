/* The arena: what it gives, to whom, and what comes back. */
#include "support.h"
#include <errno.h>
#include <kin/arena.h>
#include <kin/lock.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEBIBYTE (1 << 20)

static int set_up(void *context, kin_segment *segment)
{
    const struct kin_arena_options *options = context;
    if (options && options->offset)
        check_is(kin_lock_init(segment, kin_segment_data(segment)), 0);
    return kin_arena_init(segment, options);
}

/* What this process has opened, closed after each test. */
static struct {
    kin_segment *segment;
    kin_arena *arena;
} opened[64];
static unsigned count;

static int close_all(void **state)
{
    for (; count; count--) {
        kin_arena_close(opened[count - 1].arena);
        kin_segment_close(opened[count - 1].segment);
    }
    return test_domain_end(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, test_domain, close_all)

/* The fixture closes it. */
static kin_arena *keep(kin_segment *segment, kin_arena *arena)
{
    check(count < sizeof opened / sizeof *opened);
    opened[count].segment = segment;
    opened[count++].arena = arena;
    return arena;
}

static kin_arena *open_with(uint64_t bytes, uint64_t most, const struct kin_arena_options *options)
{
    kin_segment *segment;
    kin_arena *arena;
    check_is(kin_segment_open(
                 NULL, "s",
                 KIN_SEGMENT(.bytes = bytes, .bytes_max = most, .setup = set_up, .context = (void *)(uintptr_t)options),
                 &segment),
             0);
    check_is(kin_arena_open(segment, options ? options->offset : 0, &arena), 0);
    return keep(segment, arena);
}

static kin_arena *open_arena(void)
{
    return open_with(MEBIBYTE, 0, NULL);
}

static uint64_t alloc(kin_arena *arena, uint64_t bytes)
{
    uint64_t block;
    check_is(kin_arena_alloc(arena, bytes, 0, &block), 0);
    return block;
}

struct sums {
    uint64_t used, free, blocks, runs, end;
};

static int add_up(void *context, const struct kin_arena_block *block)
{
    struct sums *sums = context;
    check(block->bytes && (sums->end == 0 || block->offset >= sums->end));
    sums->end = block->offset + block->bytes;
    *(block->used ? &sums->used : &sums->free) += block->bytes;
    *(block->used ? &sums->blocks : &sums->runs) += 1;
    return 0;
}

static struct sums sums_of(kin_arena *arena)
{
    struct sums sums = {0};
    check_is(kin_arena_each(arena, add_up, &sums), 0);
    return sums;
}

static void blocks_are_apart_and_aligned(void **state)
{
    (void)state;
    kin_arena *arena = open_arena();
    uint64_t one = alloc(arena, 1), other = alloc(arena, 65), bytes;
    check(one && one % 64 == 0 && other % 64 == 0 && one != other);
    check_is(kin_arena_usable(arena, one, &bytes), 0);
    check_is(bytes, 64);
    check_is(kin_arena_usable(arena, other, &bytes), 0);
    check_is(bytes, 128);
    memset(kin_arena_at(arena, one), 1, 64);
    memset(kin_arena_at(arena, other), 2, 128);
    check_is(*(char *)kin_arena_at(arena, one), 1);
    for (uint64_t align = 64; align <= 65536; align *= 2) {
        uint64_t block;
        check_is(kin_arena_alloc(arena, 100, align, &block), 0);
        check(block % align == 0);
        check_is(kin_arena_usable(arena, block, &bytes), 0);
        check_is(bytes, 128);
        check_is(kin_arena_free(arena, block), 0);
    }
    check_is(kin_arena_free(arena, one), 0);
    check_is(kin_arena_free(arena, other), 0);
    check_is(kin_arena_reclaim(arena), 0);
    struct sums sums = sums_of(arena);
    check(sums.used == 0 && sums.runs == 1); /* neighbours are joined again */
}

static void what_is_refused(void **state)
{
    (void)state;
    kin_arena *arena = open_arena(), *other;
    uint64_t block = alloc(arena, 200), none = 12345;
    check_refused(kin_arena_free(arena, block + 64), -EINVAL, "no block");
    check_refused(kin_arena_free(arena, block + 1), -EINVAL, "no block");
    check_is(kin_arena_free(arena, 0), -EINVAL);
    check_is(kin_arena_free(arena, UINT64_MAX), -EINVAL);
    check_is(kin_arena_free(arena, block), 0);
    check_is(kin_arena_free(arena, block), -EINVAL); /* twice */
    check_refused(kin_arena_alloc(arena, 1, 96, &none), -EINVAL, "power of two");
    check_refused(kin_arena_alloc(arena, 2 * MEBIBYTE, 0, &none), -ENOMEM, "bytes_max");
    check_is(kin_arena_alloc(arena, UINT64_MAX, 0, &none), -ENOMEM);
    check_is(none, 12345);
    check(kin_arena_root(arena, KIN_ARENA_ROOTS) == NULL && kin_arena_at(arena, 0) == NULL &&
          kin_arena_at(arena, MEBIBYTE) == NULL);
    kin_segment *segment;
    check_is(kin_segment_open(NULL, "t", KIN_SEGMENT(.bytes = MEBIBYTE), &segment), 0);
    check_refused(kin_arena_open(segment, 0, &other), -EBADMSG, "kin_arena_init");
    check_refused(kin_arena_init(segment, KIN_ARENA(.offset = 7)), -EINVAL, "multiple of 64");
    check_refused(kin_arena_init(segment, KIN_ARENA(.bytes = 2 * MEBIBYTE)), -EINVAL, "not inside");
    check_refused(kin_arena_init(segment, KIN_ARENA(.bytes = 4096)), -EMSGSIZE, "16384");
    check_is(kin_arena_init(segment, KIN_ARENA(.offset = 64, .bytes = KIN_ARENA_LEAST)), 0);
    check_is(kin_arena_open(segment, 64, &other), 0);
    alloc(keep(segment, other), 64);
}

/* Everything at random, beside a model of it. */
static void it_does_what_its_model_does(void **state)
{
    (void)state;
    enum { BLOCKS = 200, ROUNDS = 40000 };
    static struct {
        uint64_t at, bytes;
    } model[BLOCKS];
    kin_arena *arena = open_with(MEBIBYTE / 4, MEBIBYTE, NULL);
    unsigned seed = 1, full = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned i = (unsigned)rand_r(&seed) % BLOCKS;
        uint64_t bytes = (uint64_t)rand_r(&seed) % (rand_r(&seed) % 16 ? 300 : 60000) + 1;
        uint64_t align = rand_r(&seed) % 8 ? 0 : UINT64_C(64) << rand_r(&seed) % 7;
        unsigned char *memory = kin_arena_at(arena, model[i].at);
        for (uint64_t k = 0; memory && k < model[i].bytes; k += 31)
            check_is(memory[k], i);
        int result = 0;
        if (!model[i].at) {
            result = kin_arena_alloc(arena, bytes, align, &model[i].at);
            model[i].bytes = result == 0 ? bytes : 0;
            check(result < 0 || align == 0 || model[i].at % align == 0);
        } else if (rand_r(&seed) % 4 == 0) {
            result = kin_arena_realloc(arena, model[i].at, bytes, &model[i].at);
            memory = kin_arena_at(arena, model[i].at);
            for (uint64_t k = 0; result == 0 && k < bytes && k < model[i].bytes; k += 31)
                check_is(memory[k], i);
            model[i].bytes = result == 0 ? bytes : model[i].bytes;
        } else {
            check_is(kin_arena_free(arena, model[i].at), 0);
            model[i].at = model[i].bytes = 0;
        }
        check(result == 0 || result == -ENOMEM);
        full += result < 0;
        if (model[i].at)
            memset(kin_arena_at(arena, model[i].at), (int)i, model[i].bytes);
    }
    check(full > 0 && full < ROUNDS / 2);
    for (unsigned i = 0; i < BLOCKS; i++)
        if (model[i].at)
            check_is(kin_arena_free(arena, model[i].at), 0);
    check_is(kin_arena_reclaim(arena), 0);
    check_is(sums_of(arena).used, 0);
}

static int allocate_and_die(void *context)
{
    for (unsigned i = 0; i < 100; i++)
        alloc(context, 1000);
    *kin_arena_root(context, 1) = alloc(context, 500);
    check_is(kin_arena_give(context, *kin_arena_root(context, 1), 0), 0);
    raise(SIGKILL);
    return 0;
}

static void blocks_of_the_dead_come_back_and_nobodys_stay(void **state)
{
    (void)state;
    kin_arena *arena = open_arena();
    check_is(test_end(test_child(allocate_and_die, arena)), -SIGKILL);
    check_is(sums_of(arena).blocks, 101);
    check_is(kin_arena_reclaim(arena), 100);
    check_is(sums_of(arena).blocks, 1);
    check_is(kin_arena_free(arena, *kin_arena_root(arena, 1)), 0);
}

static void no_room_is_not_told_before_the_dead_were_asked(void **state)
{
    (void)state;
    kin_arena *arena = open_arena();
    uint64_t block;
    for (unsigned turn = 0; turn < 10; turn++)
        check_is(test_end(test_child(allocate_and_die, arena)), -SIGKILL);
    check_is(kin_arena_alloc(arena, MEBIBYTE / 16, 0, &block), 0);
}

static int exit_with_a_block(void *context)
{
    *kin_arena_root(context, 2) = alloc(context, 1000);
    return 0;
}

static void an_orderly_end_gives_back_too(void **state)
{
    (void)state;
    kin_arena *arena = open_arena();
    check_is(test_end(test_child(exit_with_a_block, arena)), 0);
    check_is(kin_arena_reclaim(arena), 1);
}

static void blocks_of_the_dead_are_kept_for_heirs(void **state)
{
    (void)state;
    kin_arena *arena = open_with(MEBIBYTE, 0, KIN_ARENA(.flags = KIN_ARENA_KEEP));
    check_is(test_end(test_child(exit_with_a_block, arena)), 0);
    check_is(kin_arena_reclaim(arena), 0);
    check_is(kin_arena_give(arena, *kin_arena_root(arena, 2), getpid()), 0);
    check_is(kin_arena_free(arena, *kin_arena_root(arena, 2)), 0);
}

struct desk {
    kin_arena *arena;
    uint64_t block;
    int step;
};

static int take_over(void *context)
{
    struct desk *desk = context;
    uint64_t own = alloc(desk->arena, 10);
    check_is(kin_arena_free(desk->arena, own), 0);
    __atomic_store_n(&desk->step, 1, __ATOMIC_RELEASE);
    test_until(__atomic_load_n(&desk->step, __ATOMIC_ACQUIRE) == 2);
    check_is(kin_arena_free(desk->arena, desk->block), 0);
    return 0;
}

static void a_block_is_given_to_another_process(void **state)
{
    (void)state;
    struct desk *desk = test_shared(sizeof *desk);
    desk->arena = open_arena();
    desk->block = alloc(desk->arena, 100);
    check_refused(kin_arena_give(desk->arena, desk->block, 1), -ESRCH, "does not use kin");
    pid_t child = test_child(take_over, desk);
    test_until(__atomic_load_n(&desk->step, __ATOMIC_ACQUIRE) == 1);
    check_is(kin_arena_give(desk->arena, desk->block, child), 0);
    check_refused(kin_arena_free(desk->arena, desk->block), -EPERM, "belongs to process");
    __atomic_store_n(&desk->step, 2, __ATOMIC_RELEASE);
    check_is(test_end(child), 0);
    check_is(kin_arena_reclaim(desk->arena), 0);
    check_is(sums_of(desk->arena).blocks, 0);
}

static void word_and_owner_change_as_one(void **state)
{
    (void)state;
    kin_arena *arena = open_arena();
    uint64_t *head = kin_arena_root(arena, 0), one = alloc(arena, 64), other = alloc(arena, 64);
    check_is(kin_arena_commit(arena, head, 0, one, one, 0), 0);
    check_is(*head, one);
    check_is(kin_arena_commit(arena, head, 0, other, other, 0), -EAGAIN);
    check_is(kin_arena_commit(arena, head, one, other, other, one), 0); /* replace */
    check_is(kin_arena_free(arena, one), 0);
    check_is(kin_arena_commit(arena, head, other, 0, 0, one), -EINVAL);
    check_is(*head, other);
    check_is(kin_arena_commit(arena, (uint64_t *)(void *)&arena, other, 0, 0, 0), -EINVAL);
    check_is(kin_arena_realloc(arena, other, 64, &one), 0); /* takes nothing but its size */
    check_is(kin_arena_commit(arena, head, other, 0, 0, other), 0);
    check_is(kin_arena_free(arena, other), 0);
}

static void sizes_change_in_place_or_elsewhere(void **state)
{
    (void)state;
    kin_arena *arena = open_arena();
    uint64_t block = alloc(arena, 1000), old = block, bytes;
    memset(kin_arena_at(arena, block), 7, 1000);
    check_is(kin_arena_realloc(arena, block, 100, &block), 0);
    check_is(block, old);
    check_is(kin_arena_usable(arena, block, &bytes), 0);
    check_is(bytes, 128);
    check_is(kin_arena_realloc(arena, block, 5000, &block), 0);
    check(block != old && ((char *)kin_arena_at(arena, block))[99] == 7);
    check_is(kin_arena_give(arena, block, 0), 0);
    check_refused(kin_arena_realloc(arena, block, 10000, &block), -EPERM, "kin_arena_commit");
    check_is(kin_arena_realloc(arena, block, 64, &block), 0);
    check_is(kin_arena_free(arena, block), 0);
}

static int free_what_the_parent_keeps(void *context)
{
    struct desk *desk = context;
    check(alloc(desk->arena, 64) != desk->block); /* that is in the parent's magazine */
    return 0;
}

static void what_is_kept_for_oneself_is_told_as_free(void **state)
{
    (void)state;
    struct desk *desk = test_shared(sizeof *desk);
    desk->arena = open_arena();
    desk->block = alloc(desk->arena, 64);
    check_is(kin_arena_free(desk->arena, desk->block), 0);
    check_is(sums_of(desk->arena).blocks, 0);
    check_is(kin_arena_free(desk->arena, desk->block), -EINVAL);
    check_is(kin_arena_give(desk->arena, desk->block, 0), -EINVAL);
    check_is(test_end(test_child(free_what_the_parent_keeps, desk)), 0);
    check_is(alloc(desk->arena, 64), desk->block);
    check_is(kin_arena_free(desk->arena, desk->block), 0);
    check_is(kin_arena_reclaim(desk->arena), 1); /* the child's */
    check_is(sums_of(desk->arena).runs, 1);
}

static void it_grows_with_its_segment(void **state)
{
    (void)state;
    kin_arena *arena = open_with(65536, 8 * MEBIBYTE, NULL), *other;
    kin_segment *segment;
    uint64_t blocks[70], none;
    check_is(kin_segment_open(NULL, "s", NULL, &segment), 0);
    check_is(kin_arena_open(segment, 0, &other), 0);
    keep(segment, other);
    for (unsigned i = 0; i < 70; i++) {
        blocks[i] = alloc(i % 2 ? arena : other, 100000);
        memset(kin_arena_at(i % 2 ? other : arena, blocks[i]), (int)i, 100000);
    }
    check_is(kin_arena_alloc(arena, MEBIBYTE, 0, &none), -ENOMEM);
    for (unsigned i = 0; i < 70; i++) {
        check_is(*(unsigned char *)kin_arena_at(arena, blocks[i]), i);
        check_is(kin_arena_free(arena, blocks[i]), 0);
    }
    check_is(kin_arena_alloc(other, MEBIBYTE, 0, &none), 0);
}

static void an_arena_with_a_bound_keeps_to_it(void **state)
{
    (void)state;
    kin_arena *arena = open_with(MEBIBYTE, 2 * MEBIBYTE, KIN_ARENA(.offset = 4096, .bytes = 65536));
    uint64_t block, last = 0;
    while (kin_arena_alloc(arena, 1000, 0, &block) == 0)
        last = block;
    check(last > 40000 && last + 1024 <= 4096 + 65536);
}

static int stop(void *context, const struct kin_arena_block *block)
{
    (void)context;
    return block->used ? 42 : 0;
}

static void a_walk_may_use_the_arena_and_stops_when_told(void **state)
{
    (void)state;
    kin_arena *arena = open_arena();
    for (unsigned i = 0; i < 3000; i++)
        alloc(arena, 1);
    check_is(sums_of(arena).blocks, 3000);
    check_is(kin_arena_each(arena, stop, NULL), 42);
}

static int hammer(void *context)
{
    kin_arena *arena = context;
    unsigned seed = (unsigned)getpid();
    uint64_t blocks[16] = {0}, *head = kin_arena_root(arena, 0);
    kin_segment *segment;
    check_is(kin_segment_open(NULL, "s", NULL, &segment), 0);
    kin_lock *lock = kin_segment_data(segment);
    for (;;) {
        uint64_t *block = &blocks[(unsigned)rand_r(&seed) % 16];
        if (*block)
            check_is(kin_arena_free(arena, *block), 0);
        *block = alloc(arena, (uint64_t)rand_r(&seed) % 2000);
        check(kin_lock_acquire(segment, lock, KIN_FOREVER) >= 0); /* recovered: the list is whole all the same */
        uint64_t first = *head;
        if (first && rand_r(&seed) % 2) {
            uint64_t next = *(uint64_t *)kin_arena_at(arena, first);
            check_is(kin_arena_commit(arena, head, first, next, 0, first), 0);
            check_is(kin_arena_free(arena, first), 0);
        } else {
            uint64_t node = alloc(arena, 16);
            *(uint64_t *)kin_arena_at(arena, node) = first;
            check_is(kin_arena_commit(arena, head, first, node, node, 0), 0);
        }
        check_is(kin_lock_release(segment, lock), 0);
    }
    return 0;
}

/* Killed at any time, in threes: the list is whole, and what is not in it comes back. */
static void hammered_and_killed(void **state)
{
    (void)state;
    kin_arena *arena = open_with(4 * MEBIBYTE, 0, KIN_ARENA(.offset = 4096));
    for (unsigned turn = 0; turn < 60; turn++) {
        pid_t children[3];
        for (unsigned i = 0; i < 3; i++)
            children[i] = test_child(hammer, arena);
        usleep(turn % 10 * 700);
        for (unsigned i = 0; i < 3; i++)
            test_kill(children[i]);
        check(kin_arena_reclaim(arena) >= 0);
        uint64_t listed = 0;
        for (uint64_t at = *kin_arena_root(arena, 0); at; at = *(uint64_t *)kin_arena_at(arena, at))
            check(++listed < 100000);
        check_is(sums_of(arena).blocks, listed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(blocks_are_apart_and_aligned),
        CASE(what_is_refused),
        CASE(it_does_what_its_model_does),
        CASE(blocks_of_the_dead_come_back_and_nobodys_stay),
        CASE(no_room_is_not_told_before_the_dead_were_asked),
        CASE(an_orderly_end_gives_back_too),
        CASE(blocks_of_the_dead_are_kept_for_heirs),
        CASE(a_block_is_given_to_another_process),
        CASE(word_and_owner_change_as_one),
        CASE(sizes_change_in_place_or_elsewhere),
        CASE(what_is_kept_for_oneself_is_told_as_free),
        CASE(it_grows_with_its_segment),
        CASE(an_arena_with_a_bound_keeps_to_it),
        CASE(a_walk_may_use_the_arena_and_stops_when_told),
        CASE(hammered_and_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
