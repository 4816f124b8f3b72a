/* Freeing the records of the dead. The six headings are in life/domain.h. */
#include "life/attach.h"
#include "life/bell.h"
#include "life/object.h"
#include "life/settle.h"
#include "sys/atomic.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEAD_OBJECTS_MAX (HOLDS_MAX + PROCESS_HOLDS_MAX + 3)

/* The objects that one dead life or process may have left something in. */
struct leftovers {
    kin_domain *domain;
    uint32_t id;     /* of the dead life, 0 for a process */
    bool everywhere; /* the record had no room to name them all */
    unsigned count;
    uint64_t objects[DEAD_OBJECTS_MAX];
    bool unsettled;
};

static void add(struct leftovers *left, uint64_t object)
{
    for (unsigned i = 0; i < left->count; i++)
        if (left->objects[i] == object)
            return;
    if (object && left->count < DEAD_OBJECTS_MAX)
        left->objects[left->count++] = object;
}

const struct kind *kind_of(uint32_t number)
{
    static const struct kind kinds[] = {
#define KIND(number, name, settle, count) [KIN_KIND_##number] = {settle, count},
#include "holds.def"
#undef KIND
    };
    const struct kind *kind = number < sizeof kinds / sizeof *kinds ? &kinds[number] : NULL;
    return kind && kind->settle ? kind : NULL;
}

static int settle_one(void *context, const char *name, const struct segment_header *header)
{
    struct leftovers *left = context;
    if (header->kind == OBJECT_UNREADABLE) {
        left->unsettled = true; /* it may be among them: who may open it will sweep */
        return 0;
    }
    bool named = left->everywhere;
    for (unsigned i = 0; i < left->count && !named; i++)
        named = left->objects[i] == header->id;
    const struct kind *kind = kind_of(header->kind);
    if (named && header->domain == left->domain->shared->base.id && kind)
        left->unsettled |= kind->settle(left->domain, name, left->id) < 0;
    return 0;
}

/* An object that has no name any more cannot be opened; who still maps it finds the life's generation changed. */
static bool settle_all(struct leftovers *left)
{
    if (left->count || left->everywhere)
        left->unsettled |= object_each(left->domain, settle_one, left) < 0;
    return !left->unsettled;
}

static bool free_life(kin_domain *domain, uint32_t index)
{
    struct life *life = life_at(domain, index);
    uint64_t both = LOAD_ACQUIRE(*life_pair(life));
    uint32_t stamp = (uint32_t)(both >> 32);
    if (!WORD_IS_DEAD((uint32_t)both) || !(stamp & LIFE_ANNOUNCED))
        return false;
    /* The finish record stays until the process is dead, as only then the records that it speaks of are settled. */
    if (LOAD(life->finish.committed) && !verdict_is_gone(process_verdict(domain, LOAD(life->process), false)))
        return false;
    struct leftovers left = {.domain = domain, .id = ID_MAKE(index, stamp)};
    for (unsigned i = 0; i < HOLDS_MAX; i++)
        add(&left, LOAD(life->holds[i].object));
    add(&left, LOAD(life->op.object));
    if (LOAD(life->finish.committed)) {
        add(&left, LOAD(life->finish.job_object));
        add(&left, LOAD(life->finish.result_object));
    }
    if (!settle_all(&left))
        return false;
    return CAS(*life_pair(life), &both, (uint64_t)((stamp + 1) & GENERATION_MASK) << 32);
}

bool process_is_named(kin_domain *domain, uint32_t process)
{
    uint32_t count = LOAD(domain->shared->lives.count);
    for (uint32_t i = 1; i < count && i < domain->lives.limit; i++) {
        struct life *life = life_at(domain, i);
        if (!life)
            break;
        if (LOAD(life->word) != 0 && LOAD(life->process) == process)
            return true;
    }
    return false;
}

/* Which process records the lives' records name, found in one walk. NULL: no memory, then each is looked for. */
static unsigned char *find_named(kin_domain *domain, uint32_t processes)
{
    unsigned char *named = processes <= domain->processes.limit ? calloc(processes, 1) : NULL;
    uint32_t count = LOAD(domain->shared->lives.count);
    for (uint32_t i = 1; named && i < count && i < domain->lives.limit; i++) {
        struct life *life = life_at(domain, i);
        if (!life)
            break;
        if (LOAD(life->word) != 0 && ID_INDEX(LOAD(life->process)) < processes)
            named[ID_INDEX(LOAD(life->process))] = 1;
    }
    return named;
}

/* A process's record goes when all its lives' records went: they name it. */
static bool free_process(kin_domain *domain, uint32_t index, const unsigned char *named)
{
    struct process *process = process_at(domain, index);
    uint32_t stamp = process ? LOAD_ACQUIRE(process->stamp) : 0;
    uint32_t id = ID_MAKE(index, stamp);
    if (!(stamp & PROCESS_USED) || (named ? named[index] : process_is_named(domain, id)) ||
        process_verdict_lifeless(domain, id) != VERDICT_DEAD)
        return false;
    struct leftovers left = {.domain = domain, .everywhere = LOAD(process->many) != 0};
    for (unsigned i = 0; i < PROCESS_HOLDS_MAX; i++)
        add(&left, LOAD(process->holds[i]));
    if (!settle_all(&left))
        return false;
    bell_sweep(domain, id);
    attach_sweep(domain, id);
    stamp |= PROCESS_DEAD;
    return CAS(process->stamp, &stamp, (stamp + 1) & GENERATION_MASK);
}

static bool names_nothing(const struct life *life)
{
    uint64_t named = LOAD(life->op.object) | LOAD(life->finish.committed);
    for (unsigned i = 0; i < HOLDS_MAX; i++)
        named |= LOAD(life->holds[i].object);
    return named == 0;
}

static bool holds_nothing(const struct process *process)
{
    uint64_t named = LOAD(process->many);
    for (unsigned i = 0; i < PROCESS_HOLDS_MAX; i++)
        named |= LOAD(process->holds[i]);
    return named == 0;
}

/* With only_empty: the records that name nothing, for which no object has to be opened. */
static struct sweep sweep_records(kin_domain *domain, bool only_empty)
{
    struct sweep done = {0};
    life_announce(domain);
    uint32_t lives = LOAD(domain->shared->lives.count), processes = LOAD(domain->shared->processes.count);
    for (uint32_t i = 1; i < lives; i++) {
        struct life *life = life_at(domain, i);
        if (!life)
            break;
        if (!WORD_IS_DEAD(LOAD(life->word)) || (only_empty && !names_nothing(life)))
            continue;
        if (free_life(domain, i))
            done.lives++;
        else
            done.left++;
    }
    unsigned char *named = find_named(domain, processes);
    for (uint32_t i = 1; i < processes; i++) {
        struct process *process = process_at(domain, i);
        if (!process)
            break;
        if (!only_empty || holds_nothing(process))
            done.processes += free_process(domain, i, named);
    }
    free(named);
    return done;
}

void life_sweep(kin_domain *domain, struct sweep *out)
{
    struct sweep done = sweep_records(domain, false);
    if (out)
        *out = done;
}

void life_reclaim(kin_domain *domain)
{
    sweep_records(domain, true);
}
