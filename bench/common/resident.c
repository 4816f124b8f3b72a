#include "common/resident.h"
#include "common/clock.h"
#include "common/party.h"
#include "common/require.h"
#include <stdio.h>
#include <sys/mman.h>

#define KEPT_FREE (UINT64_C(512) << 20)

struct resident {
    void (*once)(void);
    uint64_t bytes;
    enum placement placement;
    double nanoseconds, *result;
};

bool resident_possible(uint64_t bytes)
{
    unsigned long long kilobytes = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "r");
    require(file);
    while (fgets(line, sizeof line, file) && sscanf(line, "MemAvailable: %llu", &kilobytes) != 1)
        continue;
    fclose(file);
    return kilobytes * 1024 >= bytes + KEPT_FREE;
}

static void be_resident(void *context)
{
    const struct resident *resident = context;
    void *memory = mmap(NULL, resident->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(memory != MAP_FAILED);
    madvise(memory, resident->bytes, MADV_NOHUGEPAGE); /* many pages, as a grown heap has them */
    require(madvise(memory, resident->bytes, MADV_POPULATE_WRITE) == 0);
    if (resident->placement == PLACEMENT_SAME)
        placement_take(PLACEMENT_SAME, 0, true);
    resident->once();
    resident->once();
    uint64_t begun = clock_now(), count = 0, now;
    do {
        resident->once();
        count++;
        now = clock_now();
    } while ((double)(now - begun) < resident->nanoseconds);
    *resident->result = (double)(now - begun) / (double)count;
}

double resident_spawn(void (*once)(void), uint64_t bytes, enum placement placement, double nanoseconds)
{
    double *result = party_memory(sizeof *result);
    struct resident resident = {once, bytes, placement, nanoseconds, result};
    party_join(party_fork(be_resident, &resident));
    return *result;
}
