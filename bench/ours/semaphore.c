/* The semaphore, by itself under a name, as a lock: with undo. */
#include "ours/ours.h"
#include "common/require.h"
#include <stdlib.h>

struct named_semaphore {
    kin_domain *domain;
    kin_segment *home;
    kin_semaphore *semaphore;
};

static void *create(void)
{
    struct named_semaphore *named = malloc(sizeof *named);
    require(named);
    named->domain = domain_fresh();
    must(kin_semaphore_open(named->domain, "semaphore", KIN_SEMAPHORE(.value = 1), &named->home, &named->semaphore));
    return named;
}

static void acquire(void *self)
{
    const struct named_semaphore *named = self;
    must(kin_semaphore_acquire(named->home, named->semaphore, KIN_FOREVER));
}

static void release(void *self)
{
    const struct named_semaphore *named = self;
    must(kin_semaphore_release(named->home, named->semaphore));
}

static void destroy(void *self)
{
    struct named_semaphore *named = self;
    kin_segment_close(named->home);
    kin_domain_close(named->domain);
    free(named);
}

const struct locker semaphore_locker = {.create = create, .acquire = acquire, .release = release, .destroy = destroy};
