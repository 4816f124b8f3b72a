/* Naming what is held. The six headings are in life/domain.h. */
#include "life/life.h"
#include "sys/atomic.h"
#include "sys/reason.h"
#include <errno.h>

int process_hold(struct seat *seat, uint64_t object)
{
    struct process *process = process_at(seat->domain, seat->process);
    if (!process)
        return reason(-EBADMSG, "the table of processes in %s is damaged", seat->domain->path);
    for (unsigned i = 0; i < PROCESS_HOLDS_MAX; i++)
        if (LOAD(process->holds[i]) == object)
            return 0;
    for (unsigned i = 0; i < PROCESS_HOLDS_MAX; i++) {
        uint64_t free = 0;
        if (LOAD(process->holds[i]) == 0 && CAS(process->holds[i], &free, object))
            return 0;
    }
    STORE_RELEASE(process->many, 1); /* whoever settles looks into every object */
    return 0;
}

void process_forget(kin_domain *domain, uint64_t object)
{
    struct process *process = LOAD(*domain->own) ? process_at(domain, LOAD(*domain->own)) : NULL;
    for (unsigned i = 0; process && i < PROCESS_HOLDS_MAX; i++)
        if (LOAD(process->holds[i]) == object)
            STORE_RELEASE(process->holds[i], 0);
    FETCH_ADD(domain->forgotten, 1);
}
