/* The six headings are in life/attach.h. */
#include "life/attach.h"
#include "sys/atomic.h"
#include "sys/file.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>

static struct attachment *entry_at(kin_domain *domain, uint32_t entry)
{
    return table_at(&domain->attachments, entry);
}

static uint32_t entries(const kin_domain *domain)
{
    uint32_t count = LOAD_ACQUIRE(domain->shared->attachments.count);
    return count < domain->attachments.limit ? count : domain->attachments.limit;
}

static bool take(kin_domain *domain, uint32_t process, uint32_t entry)
{
    struct attachment *attachment = entry ? entry_at(domain, entry) : NULL;
    uint32_t nobody = 0;
    return attachment && LOAD(attachment->process) == 0 && CAS(attachment->process, &nobody, process);
}

/* The place that this process freed last is the likeliest. */
static uint32_t take_any(kin_domain *domain, uint32_t process)
{
    uint32_t count = entries(domain), first = LOAD(domain->attach_hint);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t entry = (first + i) % count;
        if (take(domain, process, entry))
            return entry;
    }
    return 0;
}

static void free_entries_of_the_dead(kin_domain *domain)
{
    uint32_t count = entries(domain);
    for (uint32_t i = 1; i < count; i++) {
        struct attachment *attachment = entry_at(domain, i);
        uint32_t process = attachment ? LOAD(attachment->process) : 0;
        if (process && verdict_is_gone(process_verdict(domain, process, false)))
            CAS(attachment->process, &process, 0);
    }
}

static int make_room(kin_domain *domain, uint32_t process, uint32_t *entry)
{
    int fd = domain_lock_file(domain), result = 0;
    if (fd < 0)
        return fd;
    free_entries_of_the_dead(domain);
    while ((*entry = take_any(domain, process)) == 0 && result == 0)
        result = table_grow(&domain->attachments);
    domain_unlock_file(fd);
    return result;
}

int attach_note(struct seat *seat, uint64_t object, uint32_t *entry)
{
    kin_domain *domain = seat->domain;
    struct process *own = process_at(domain, seat->process);
    if (!own)
        return reason(-EBADMSG, "the table of processes in %s is damaged", domain->path);
    STORE(own->attached, 1);
    KEEP_ORDER();
    uint32_t taken = take_any(domain, seat->process);
    int result = taken ? 0 : make_room(domain, seat->process, &taken);
    if (result < 0)
        return result;
    KEEP_ORDER();
    STORE_RELEASE(entry_at(domain, taken)->object, object);
    STORE(domain->attach_hint, taken + 1);
    *entry = taken;
    return 0;
}

void attach_forget(kin_domain *domain, uint64_t object, uint32_t entry)
{
    struct attachment *attachment = entry ? entry_at(domain, entry) : NULL;
    if (!attachment || LOAD(attachment->process) != LOAD(*domain->own) || LOAD(attachment->object) != object)
        return;
    STORE(attachment->object, 0);
    KEEP_ORDER();
    STORE_RELEASE(attachment->process, 0);
    STORE(domain->attach_hint, entry);
}

void attach_sweep(kin_domain *domain, uint32_t process)
{
    const struct process *record = process_at(domain, process);
    uint32_t count = record && LOAD(record->attached) ? entries(domain) : 0;
    for (uint32_t i = 1; i < count; i++) {
        struct attachment *attachment = entry_at(domain, i);
        uint32_t owner = process;
        if (attachment && LOAD(attachment->process) == process)
            CAS(attachment->process, &owner, 0);
    }
}

uint32_t attach_count(kin_domain *domain, uint64_t object)
{
    uint32_t count = entries(domain), found = 0;
    for (uint32_t i = 1; i < count; i++) {
        struct attachment *attachment = entry_at(domain, i);
        uint32_t process = attachment ? LOAD_ACQUIRE(attachment->process) : 0;
        if (process && LOAD(attachment->object) == object)
            found += process_verdict(domain, process, false) == VERDICT_ALIVE || PLANTED(NO_DEATH_CHECK);
    }
    return found;
}

/* One walk counts for all processes. */
int attach_each(kin_domain *domain, uint64_t object, int (*visit)(void *context, uint32_t process, uint32_t count),
                void *context)
{
    uint32_t count = entries(domain), processes = LOAD(domain->shared->processes.count);
    struct tally {
        uint32_t process, count;
    } *tallies = processes <= domain->processes.limit ? calloc(processes + 1, sizeof *tallies) : NULL;
    if (!tallies)
        return reason(-ENOMEM, "no memory left in this process");
    for (uint32_t i = 1; i < count; i++) {
        struct attachment *attachment = entry_at(domain, i);
        uint32_t process = attachment ? LOAD_ACQUIRE(attachment->process) : 0;
        if (process && ID_INDEX(process) < processes && LOAD(attachment->object) == object) {
            tallies[ID_INDEX(process)].process = process;
            tallies[ID_INDEX(process)].count++;
        }
    }
    int result = 0;
    for (uint32_t i = 1; i < processes && result == 0; i++)
        if (tallies[i].count)
            result = visit(context, tallies[i].process, tallies[i].count);
    free(tallies);
    return result;
}
