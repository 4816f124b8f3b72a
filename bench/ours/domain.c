#include "ours/ours.h"
#include "common/scratch.h"
#include <stdio.h>
#include <unistd.h>

kin_domain *domain_fresh(void)
{
    static unsigned count;
    char path[64];
    kin_domain *domain;
    snprintf(path, sizeof path, "/dev/shm/%s-%u", scratch_name(), count++);
    must(kin_domain_open(path, NULL, &domain));
    return domain;
}

void must_failed(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, kin_reason());
    _exit(97);
}
