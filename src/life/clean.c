/* kin clean, and what kin doctor asks. */
#include "life/bell.h"
#include "life/object.h"
#include "sys/atomic.h"
#include "sys/futex.h"
#include <stdio.h>
#include <string.h>

struct found {
    kin_domain *domain;
    bool act;
    int count;
    void (*visit)(void *context, const struct kin_stale *stale);
    void *context;
};

static void tell(struct found *found, const struct kin_stale *stale)
{
    found->count++;
    if (found->visit)
        found->visit(found->context, stale);
}

static void look_at_life(kin_domain *domain, struct found *found, uint32_t index)
{
    struct life *life = life_at(domain, index);
    if (!life || LOAD(life->word) == 0)
        return;
    bool marked = WORD_IS_DEAD(LOAD(life->word));
    if (life_prove(domain, ID_MAKE(index, LOAD(life->stamp))) != VERDICT_DEAD)
        return;
    uint32_t process_id = LOAD(life->process);
    struct process *process = ID_INDEX(process_id) ? process_at(domain, process_id) : NULL;
    struct kin_stale stale = {
        .what = "life",
        .proof =
            marked ? "the kernel marked it when its thread died" : "no such thread runs, by its number and start time",
        .pid = process ? (pid_t)LOAD(process->pid) : 0,
        .tid = (pid_t)LOAD(life->tid),
    };
    tell(found, &stale);
}

static void look_at_process(kin_domain *domain, struct found *found, uint32_t index)
{
    struct process *process = process_at(domain, index);
    uint32_t stamp = process ? LOAD_ACQUIRE(process->stamp) : 0;
    if (!(stamp & PROCESS_USED) || process_verdict(domain, ID_MAKE(index, stamp), true) != VERDICT_DEAD)
        return;
    struct kin_stale stale = {
        .what = "process",
        .proof = "all its lives are dead, and no process with its number and start time runs",
        .pid = (pid_t)LOAD(process->pid),
    };
    tell(found, &stale);
}

static void look_at_file(void *context, const char *name)
{
    struct found *found = context;
    struct kin_stale stale = {.what = "file", .proof = "the process whose doorbell it was has ended"};
    snprintf(stale.name, sizeof stale.name, "%s", name);
    tell(found, &stale);
    if (found->act)
        bell_remove_file(found->domain, name);
}

int kin_domain_clean(kin_domain *given, unsigned flags, void (*visit)(void *context, const struct kin_stale *stale),
                     void *context)
{
    kin_domain *domain;
    int result = domain_resolve(given, &domain);
    if (result < 0)
        return result;
    struct found found = {.domain = domain, .act = flags & KIN_CLEAN_ACT, .visit = visit, .context = context};
    uint32_t lives = LOAD(domain->shared->lives.count), processes = LOAD(domain->shared->processes.count);
    for (uint32_t i = 1; i < lives && i < domain->lives.limit; i++)
        look_at_life(domain, &found, i);
    for (uint32_t i = 1; i < processes && i < domain->processes.limit; i++)
        look_at_process(domain, &found, i);
    bell_each_stale(domain, look_at_file, &found);
    if (found.act && found.count && life_enter(domain, &result))
        life_sweep(domain, NULL);
    domain_drop(domain);
    return result < 0 ? result : found.count;
}

int kin_domain_facilities(kin_domain *given, struct kin_facilities *out)
{
    kin_domain *domain;
    int result = domain_resolve(given, &domain);
    if (result < 0)
        return result;
    struct kin_facilities facilities = {.waitv = futex_has_waitv(), .robust_list = robust_head() != NULL};
    facilities.fallback = !facilities.waitv || !facilities.robust_list;
    uint32_t lives = LOAD(domain->shared->lives.count), processes = LOAD(domain->shared->processes.count);
    for (uint32_t i = 1; i < lives && i < domain->lives.limit; i++) {
        struct life *life = life_at(domain, i);
        uint32_t word = life ? LOAD(life->word) : 0;
        facilities.lives_dead += WORD_IS_DEAD(word);
        facilities.lives += word != 0 && !WORD_IS_DEAD(word);
    }
    for (uint32_t i = 1; i < processes && i < domain->processes.limit; i++) {
        struct process *process = process_at(domain, i);
        facilities.processes += process && LOAD(process->stamp) & PROCESS_USED;
    }
    *out = facilities;
    domain_drop(domain);
    return 0;
}
