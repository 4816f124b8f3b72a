/* Who is dead: looks, proofs, announcements. The six headings are in life/domain.h. */
#include "life/bell.h"
#include "sys/atomic.h"
#include "sys/file.h"
#include "sys/futex.h"
#include "sys/plant.h"
#include "sys/task.h"
#include <errno.h>

enum verdict life_verdict(kin_domain *domain, uint32_t id)
{
    struct life *life = ID_INDEX(id) ? life_at(domain, id) : NULL;
    if (!life)
        return VERDICT_CORRUPT;
    uint64_t both = LOAD_ACQUIRE(*life_pair(life));
    uint32_t word = (uint32_t)both, stamp = (uint32_t)(both >> 32);
    if ((stamp & GENERATION_MASK) != ID_GENERATION(id) || word == 0)
        return VERDICT_CORRUPT;
    return WORD_IS_DEAD(word) ? VERDICT_DEAD : VERDICT_ALIVE;
}

static bool same_namespace(const struct process *process)
{
    return LOAD(process->name_space) == task_namespace();
}

/* From another PID namespace numbers mean nothing: only the byte lock tells, and a free one is a death because every
 * life of the process is dead too (the caller saw to that) or has no other witness. */
static enum verdict ask_byte(kin_domain *domain, uint32_t index)
{
    int fd = domain_witness(domain), locked = fd < 0 ? -EBADF : file_byte_locked(fd, index);
    return locked == 0 ? VERDICT_DEAD : VERDICT_ALIVE;
}

enum verdict life_prove(kin_domain *domain, uint32_t id)
{
    enum verdict verdict = life_verdict(domain, id);
    struct life *life = verdict == VERDICT_ALIVE ? life_at(domain, id) : NULL;
    if (!life)
        return verdict;
    uint32_t process_id = LOAD(life->process), word = LOAD(life->word);
    struct process *process = ID_INDEX(process_id) ? process_at(domain, process_id) : NULL;
    if (!process)
        return VERDICT_ALIVE; /* damaged: unknown is alive */
    if ((LOAD(process->stamp) & GENERATION_MASK) != ID_GENERATION(process_id)) {
        verdict = VERDICT_DEAD; /* a process record is freed after its process was proved dead, or had left */
    } else if (same_namespace(process)) {
        uint32_t pid = LOAD(process->pid);
        enum task_state state = task_state(pid, LOAD(process->start));
        if (state == TASK_LIVING)
            state = task_thread_state(pid, LOAD(life->tid));
        verdict = state == TASK_GONE || state == TASK_ENDING ? VERDICT_DEAD : VERDICT_ALIVE;
    } else if (LOAD(life->witness) == WITNESS_TASK) {
        verdict = VERDICT_ALIVE; /* unknown: the application may have closed everything */
    }
    if (verdict != VERDICT_DEAD)
        return verdict;
    /* The mark that the kernel did not make, and the announcement that nobody was woken for. */
    if (!CAS(life->word, &word, WORD_OWNER_DIED | (word & WORD_WAITERS)))
        return life_verdict(domain, id);
    life_announce(domain);
    return VERDICT_DEAD;
}

static bool lives_for(kin_domain *domain, uint32_t index, uint32_t process_id)
{
    struct life *life = index ? life_at(domain, index) : NULL;
    if (!life || LOAD(life->process) != process_id)
        return false;
    uint32_t word = LOAD_ACQUIRE(life->word);
    return word != 0 && !WORD_IS_DEAD(word);
}

/* Any living life of the process; remembers it as the first to be asked. */
static bool has_life(kin_domain *domain, struct process *process, uint32_t process_id)
{
    if (lives_for(domain, LOAD(process->recent_life), process_id))
        return true;
    uint32_t count = LOAD(domain->shared->lives.count);
    for (uint32_t i = 1; i < count && life_at(domain, i); i++)
        if (lives_for(domain, i, process_id)) {
            STORE(process->recent_life, i);
            return true;
        }
    return false;
}

/* Whether the kernel would have marked that life if it were dead. */
static bool is_marked(kin_domain *domain, uint32_t index)
{
    struct life *life = index ? life_at(domain, index) : NULL;
    return life && LOAD(life->witness) == WITNESS_ROBUST;
}

static enum verdict verdict_of(kin_domain *domain, uint32_t id, bool slow, bool look_for_lives)
{
    struct process *process = ID_INDEX(id) ? process_at(domain, id) : NULL;
    if (!process)
        return VERDICT_CORRUPT;
    uint32_t stamp = LOAD_ACQUIRE(process->stamp);
    if (!(stamp & PROCESS_USED) || (stamp & GENERATION_MASK) != ID_GENERATION(id))
        return VERDICT_CORRUPT;
    if (stamp & PROCESS_DEAD)
        return VERDICT_DEAD;
    bool lives = look_for_lives && has_life(domain, process, id);
    if (lives && !slow && is_marked(domain, LOAD(process->recent_life)))
        return VERDICT_ALIVE;
    if (!same_namespace(process)) {
        if (lives || ask_byte(domain, ID_INDEX(id)) != VERDICT_DEAD)
            return lives ? VERDICT_ALIVE : VERDICT_ENDING;
    } else {
        enum task_state state = task_state(LOAD(process->pid), LOAD(process->start));
        if (state == TASK_LIVING || state == TASK_UNKNOWN)
            return lives ? VERDICT_ALIVE : VERDICT_ENDING;
    }
    return CAS(process->stamp, &stamp, stamp | PROCESS_DEAD) || stamp & PROCESS_DEAD ? VERDICT_DEAD : VERDICT_CORRUPT;
}

enum verdict process_verdict(kin_domain *domain, uint32_t id, bool slow)
{
    return verdict_of(domain, id, slow, true);
}

enum verdict process_verdict_lifeless(kin_domain *domain, uint32_t id)
{
    return verdict_of(domain, id, true, false);
}

void life_announce(kin_domain *domain)
{
    bool any = false;
    uint32_t count = LOAD_ACQUIRE(domain->shared->lives.count);
    if (LOAD(domain->shared->obit) != 0)
        STORE(domain->shared->obit, 0);
    for (uint32_t i = 1; i < count && i < domain->lives.limit; i++) {
        struct life *life = life_at(domain, i);
        if (!life)
            break;
        uint64_t both = LOAD_ACQUIRE(*life_pair(life));
        if (!WORD_IS_DEAD((uint32_t)both) || (both >> 32 & LIFE_ANNOUNCED))
            continue;
        any |= CAS(*life_pair(life), &both, both | (uint64_t)LIFE_ANNOUNCED << 32);
    }
    if (!any || PLANTED(NO_ANNOUNCE))
        return;
    FETCH_ADD(domain->shared->deaths, 1);
    futex_wake(&domain->shared->obit, FUTEX_ALL);
    if (LOAD(domain->shared->bells))
        bell_ring_everywhere(domain);
}

bool life_finish_of(kin_domain *domain, uint32_t life_id, uint32_t process, struct finish *out)
{
    struct life *life = ID_INDEX(life_id) ? life_at(domain, life_id) : NULL;
    if (!life || LOAD(life->process) != process || (LOAD(life->stamp) & GENERATION_MASK) != ID_GENERATION(life_id))
        return false;
    out->committed = LOAD_ACQUIRE(life->finish.committed);
    KEEP_ORDER();
    out->job_object = LOAD(life->finish.job_object);
    out->job_sequence = LOAD(life->finish.job_sequence);
    out->result_object = LOAD(life->finish.result_object);
    out->job_slot = LOAD(life->finish.job_slot);
    out->result_slot = LOAD(life->finish.result_slot);
    return out->committed == 1;
}
