/* Attaching a segment that exists, as a locker: acquire attaches and reads a byte, release detaches. */
#include "ours/ours.h"
#include "common/require.h"
#include <stdlib.h>

struct attacher {
    kin_domain *domain;
    kin_segment *made, *segment;
};

static void *create(void)
{
    struct attacher *attacher = calloc(1, sizeof *attacher);
    require(attacher);
    attacher->domain = domain_fresh();
    must(kin_segment_open(attacher->domain, "segment", KIN_SEGMENT(.bytes = 1 << 20), &attacher->made));
    return attacher;
}

static void attach(void *self)
{
    struct attacher *attacher = self;
    must(kin_segment_open(attacher->domain, "segment", NULL, &attacher->segment));
    *(volatile char *)kin_segment_data(attacher->segment);
}

static void detach(void *self)
{
    struct attacher *attacher = self;
    kin_segment_close(attacher->segment);
}

static void destroy(void *self)
{
    struct attacher *attacher = self;
    kin_segment_close(attacher->made);
    kin_domain_close(attacher->domain);
    free(attacher);
}

const struct locker segment_locker = {.create = create, .acquire = attach, .release = detach, .destroy = destroy};
