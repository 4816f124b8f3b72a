#include "lives.h"
#include "life/segment.h"

static int set_up(void *context, kin_segment *segment)
{
    struct desk *desk = kin_segment_data(segment);
    (void)context;
    return kin_lock_init(segment, &desk->lock) < 0 ? -EINVAL : kin_lock_init(segment, &desk->other);
}

/* Not by kin_segment_open, as an attachment is counted in the name of a life. */
kin_segment *desk_open(void)
{
    kin_segment *segment;
    check_is(segment_handle_open(NULL, "desk", KIN_KIND_SEGMENT,
                                 KIN_SEGMENT(.bytes = sizeof(struct desk), .setup = set_up, .mode = 0666), &segment),
             0);
    return segment;
}

struct desk *desk_of(kin_segment *segment)
{
    return kin_segment_data(segment);
}

void flag_raise(kin_segment *segment, unsigned number)
{
    STORE_RELEASE(desk_of(segment)->flags[number], 1);
}

void flag_await(kin_segment *segment, unsigned number)
{
    test_until(LOAD_ACQUIRE(desk_of(segment)->flags[number]) == 1);
}

int hold_the_lock(void *segment)
{
    check(kin_lock_acquire(segment, &desk_of(segment)->lock, SOON) >= 0);
    flag_raise(segment, 0);
    for (;;)
        pause();
}

int acquire_and_release(kin_segment *segment, kin_time until)
{
    int result = kin_lock_acquire(segment, &desk_of(segment)->lock, until);
    if (result >= 0)
        check_is(kin_lock_release(segment, &desk_of(segment)->lock), 0);
    return result;
}

int acquire_the_lock(void *segment)
{
    int result = acquire_and_release(segment, SOON);
    return result >= 0 ? result : result == -ETIMEDOUT ? 100 : 101;
}

kin_queue *queue_of(const char *name, uint32_t messages)
{
    kin_queue *queue;
    check_is(kin_queue_open(NULL, name, KIN_QUEUE(.messages = messages, .message_max = 64), &queue), 0);
    return queue;
}

int send_number(kin_queue *queue, uint64_t number)
{
    return kin_queue_send(queue, &number, sizeof number, NULL, KIN_NOW);
}

int64_t receive_number(kin_queue *queue, kin_time until)
{
    int64_t number = 0;
    int result = kin_queue_receive(queue, &number, sizeof number, NULL, until, NULL);
    return result < 0 ? result : number;
}

int hold_a_lease(void *context)
{
    struct lessee *lessee = context;
    struct kin_message message;
    check_is(kin_queue_take(lessee->queue, NULL, SOON, &message), 0);
    flag_raise(lessee->segment, 1);
    for (;;)
        pause();
}

kin_domain *domain_here(void)
{
    kin_domain *domain;
    check_is(kin_domain_open(NULL, NULL, &domain), 0);
    return domain;
}

static unsigned count_lives(kin_domain *domain, bool dead)
{
    unsigned count = 0;
    for (uint32_t i = 1; i < LOAD(domain->shared->lives.count); i++) {
        uint32_t word = LOAD(life_at(domain, i)->word);
        count += word != 0 && WORD_IS_DEAD(word) == dead;
    }
    return count;
}

unsigned lives_living(kin_domain *domain)
{
    return count_lives(domain, false);
}

unsigned lives_dead(kin_domain *domain)
{
    return count_lives(domain, true);
}

unsigned processes_used(kin_domain *domain)
{
    unsigned count = 0;
    for (uint32_t i = 1; i < LOAD(domain->shared->processes.count); i++)
        count += (LOAD(process_at(domain, i)->stamp) & PROCESS_USED) != 0;
    return count;
}

struct life *life_of_thread(kin_domain *domain, pid_t thread)
{
    for (uint32_t i = 1; i < LOAD(domain->shared->lives.count); i++) {
        struct life *life = life_at(domain, i);
        if (LOAD(life->word) != 0 && LOAD(life->tid) == (uint32_t)thread)
            return life;
    }
    return NULL;
}

int clean(void)
{
    return kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL);
}

bool root_here(void)
{
    return geteuid() == 0;
}

void need_marks(void)
{
    if (!robust_head())
        test_skip("no robust list here: a death shows when somebody asks for it");
}
