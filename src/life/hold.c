/* Naming what is held. The six headings are in life/domain.h. */
#include "life/life.h"
#include "sys/atomic.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>

int life_hold(struct seat *seat, uint64_t object, uint64_t offset)
{
    unsigned number = (unsigned)__builtin_ctz(~seat->holds);
    if (number >= HOLDS_MAX)
        return reason(-ENOLCK, "this thread holds %u locks already: release one first", HOLDS_MAX);
    struct hold *hold = &seat->life->holds[number];
    STORE(hold->offset, offset);
    KEEP_ORDER();
    STORE(hold->object, PLANTED(NO_HOLD) ? 0 : object);
    KEEP_ORDER();
    seat->holds |= 1u << number;
    return (int)number;
}

void life_forget(struct seat *seat, int number)
{
    KEEP_ORDER();
    STORE(seat->life->holds[number].object, 0);
    seat->holds &= ~(1u << number);
}

int life_holds(const struct seat *seat, uint64_t object, uint64_t offset)
{
    for (unsigned rest = seat->holds; rest; rest &= rest - 1) {
        int number = __builtin_ctz(rest);
        const struct hold *hold = &seat->life->holds[number];
        if (LOAD(hold->object) == object && LOAD(hold->offset) == offset)
            return number;
    }
    return -1;
}

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
}
