/* The arena as a locker: acquire allocates, release frees. */
#include "ours/ours.h"
#include "common/require.h"
#include <stdlib.h>

struct holder {
    kin_domain *domain;
    kin_segment *segment;
    kin_arena *arena;
    uint64_t block;
    unsigned turn;
};

static int set_up(void *context, kin_segment *segment)
{
    (void)context;
    return kin_arena_init(segment, NULL);
}

static void *create(void)
{
    struct holder *holder = calloc(1, sizeof *holder);
    require(holder);
    holder->domain = domain_fresh();
    must(kin_segment_open(holder->domain, "arena", KIN_SEGMENT(.bytes = 1 << 20, .setup = set_up), &holder->segment));
    must(kin_arena_open(holder->segment, 0, &holder->arena));
    return holder;
}

static void acquire(void *self)
{
    struct holder *holder = self;
    must(kin_arena_alloc(holder->arena, 64 + (holder->turn++ & 7) * 64, 0, &holder->block));
}

static void release(void *self)
{
    struct holder *holder = self;
    must(kin_arena_free(holder->arena, holder->block));
}

static void destroy(void *self)
{
    struct holder *holder = self;
    kin_arena_close(holder->arena);
    kin_segment_close(holder->segment);
    kin_domain_close(holder->domain);
    free(holder);
}

const struct locker arena_locker = {.create = create, .acquire = acquire, .release = release, .destroy = destroy};
