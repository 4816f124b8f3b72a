#include "common/placement.h"
#include "common/require.h"
#include <string.h>

bool placement_crowded;

/* The number-th cpu that this process may use, -1 when there are fewer. */
static int usable_cpu(unsigned number)
{
    static cpu_set_t usable; /* as it was before the first pinning */
    if (CPU_COUNT(&usable) == 0)
        require(sched_getaffinity(0, sizeof usable, &usable) == 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &usable) && number-- == 0)
            return cpu;
    return -1;
}

enum placement placement_of(const char *contest)
{
    size_t length = strlen(contest);
    return length >= 2 && strcmp(contest + length - 2, "-s") == 0 ? PLACEMENT_SAME : PLACEMENT_APART;
}

bool placement_possible(enum placement placement)
{
    return placement == PLACEMENT_SAME || usable_cpu(1) >= 0;
}

void placement_take(enum placement placement, unsigned number, bool crowded)
{
    int cpu = usable_cpu(placement == PLACEMENT_APART ? number % 2 : 0);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    require(cpu >= 0 && sched_setaffinity(0, sizeof set, &set) == 0);
    placement_crowded = crowded || placement == PLACEMENT_SAME;
}
