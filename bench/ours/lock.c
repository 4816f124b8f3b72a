/* The lock, by itself under a name. */
#include "ours/ours.h"
#include "common/require.h"
#include <stdlib.h>

struct named_lock {
    kin_domain *domain;
    kin_segment *home;
    kin_lock *lock;
};

static void *create(void)
{
    struct named_lock *named = malloc(sizeof *named);
    require(named);
    named->domain = domain_fresh();
    must(kin_lock_open(named->domain, "lock", NULL, &named->home, &named->lock));
    return named;
}

static void acquire(void *self)
{
    const struct named_lock *named = self;
    must(kin_lock_acquire(named->home, named->lock, KIN_FOREVER));
}

static void release(void *self)
{
    const struct named_lock *named = self;
    must(kin_lock_release(named->home, named->lock));
}

static void destroy(void *self)
{
    struct named_lock *named = self;
    kin_segment_close(named->home);
    kin_domain_close(named->domain);
    free(named);
}

const struct locker lock_locker = {.create = create, .acquire = acquire, .release = release, .destroy = destroy};
