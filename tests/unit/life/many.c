/* Many lives, real and fabricated, and generations that begin again. */
#include "lives.h"
#include <pthread.h>

enum { REAL = 1000, MADE_UP = 20000 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* closed while it is held */

static void *live_briefly(void *segment)
{
    check_is(acquire_and_release(segment, SOON), 0);
    FETCH_ADD(desk_of(segment)->flags[4], 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return NULL;
}

static void start_many(kin_segment *segment, pthread_t *threads, unsigned count)
{
    pthread_attr_t small;
    pthread_mutex_lock(&gate);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (unsigned i = 0; i < count; i++)
        check_is(pthread_create(&threads[i], &small, live_briefly, segment), 0);
    pthread_attr_destroy(&small);
    test_until(LOAD_ACQUIRE(desk_of(segment)->flags[4]) == count);
}

static int live_until_killed(void *segment)
{
    pthread_t threads[REAL / 4];
    start_many(segment, threads, REAL / 4);
    flag_raise(segment, 0);
    pause();
    return 0;
}

static void a_thousand_lives_leave_in_order(void **state)
{
    (void)state;
    static pthread_t threads[REAL];
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    start_many(segment, threads, REAL);
    check_is(lives_living(domain), REAL);
    check_is(processes_used(domain), 1);
    pthread_mutex_unlock(&gate);
    for (unsigned i = 0; i < REAL; i++)
        check_is(pthread_join(threads[i], NULL), 0);
    check_is(lives_living(domain) + lives_dead(domain), 0);
    check_is(processes_used(domain), 0);
    check_is(acquire_and_release(segment, KIN_NOW), 0);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

static void hundreds_of_lives_killed_at_once(void **state)
{
    (void)state;
    need_marks();
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    for (unsigned turn = 0; turn < 4; turn++) {
        STORE(desk_of(segment)->flags[0], 0);
        STORE(desk_of(segment)->flags[4], 0);
        pid_t child = test_child(live_until_killed, segment);
        flag_await(segment, 0);
        test_kill(child);
        check_is(lives_dead(domain), REAL / 4);
        check_is(acquire_and_release(segment, SOON), 0);
        clean();
        check_is(lives_dead(domain), 0);
        check_is(processes_used(domain), 1);
    }
    check(LOAD(domain->shared->lives.count) <= 512); /* records are used again */
    kin_domain_close(domain);
    kin_segment_close(segment);
}

/* Records of processes that never were: each a life that died, or one whose death nobody marked. */
static void make_up(kin_domain *domain, unsigned count, bool marked)
{
    uint32_t never = 0x3ffffff0; /* beyond any pid_max */
    int fd = domain_lock_file(domain);
    check(fd >= 0);
    for (unsigned i = 0; i < count; i++) {
        uint32_t index = i + 8;
        while (index >= LOAD(domain->shared->lives.count))
            check_is(table_grow(&domain->lives), 0);
        while (index >= LOAD(domain->shared->processes.count))
            check_is(table_grow(&domain->processes), 0);
        struct process *process = process_at(domain, index);
        struct life *life = life_at(domain, index);
        check(LOAD(process->stamp) == 0 && LOAD(life->word) == 0);
        process->pid = never;
        process->start = 1;
        process->name_space = process_at(domain, 1)->name_space;
        process->recent_life = index;
        STORE(process->stamp, PROCESS_USED);
        life->process = ID_MAKE(index, 0);
        life->tid = never;
        life->witness = marked ? WITNESS_ROBUST : WITNESS_TASK;
        STORE(life->word, marked ? WORD_OWNER_DIED | WORD_WAITERS : never | WORD_WAITERS);
    }
    close(fd);
}

static unsigned announced(kin_domain *domain)
{
    unsigned count = 0;
    for (uint32_t i = 1; i < LOAD(domain->shared->lives.count); i++)
        count += (LOAD(life_at(domain, i)->stamp) & LIFE_ANNOUNCED) != 0;
    return count;
}

static void twenty_thousand_dead_are_swept(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    check_is(acquire_and_release(segment, KIN_NOW), 0);
    make_up(domain, MADE_UP, true);
    check_is(lives_dead(domain), MADE_UP);
    life_announce(domain);
    check_is(announced(domain), MADE_UP);
    check_is(domain->shared->deaths, 1);
    life_announce(domain);
    check_is(domain->shared->deaths, 1); /* nobody is announced twice */
    struct sweep swept;
    life_sweep(domain, &swept);
    check(swept.lives == MADE_UP && swept.processes == MADE_UP && swept.left == 0);
    check_is(lives_dead(domain), 0);
    check_is(lives_living(domain), 1);
    check_is(processes_used(domain), 1);
    check_is(test_end(test_child(acquire_the_lock, segment)), 0);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

/* A newcomer among them is right: its life is new, it announces, and it sweeps as it passes. */
static void a_newcomer_among_two_thousand_dead(void **state)
{
    (void)state;
    need_marks();
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    check_is(acquire_and_release(segment, KIN_NOW), 0);
    make_up(domain, MADE_UP / 10, true);
    domain->shared->life_cursor = 8;
    check_is(test_end(test_child(acquire_the_lock, segment)), 0);
    check_is(lives_dead(domain), 1); /* the child, which ended by _exit() */
    check_is(processes_used(domain), 2);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

static void two_thousand_unmarked_are_proved(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    check_is(acquire_and_release(segment, KIN_NOW), 0);
    make_up(domain, MADE_UP / 10, false);
    check_is(lives_living(domain), MADE_UP / 10 + 1);
    check_is(clean(), MADE_UP / 10 * 2);
    check_is(lives_living(domain), 1);
    check_is(processes_used(domain), 1);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

static int hold_and_die(void *context)
{
    check_is(kin_lock_acquire(context, &desk_of(context)->lock, SOON), 0);
    raise(SIGKILL);
    return 0;
}

/* The last generation is followed by the first, for lives and processes. */
static void generations_begin_again(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    for (uint32_t i = 1; i < LOAD(domain->shared->lives.count); i++)
        STORE(life_at(domain, i)->stamp, GENERATION_MASK);
    for (uint32_t i = 1; i < LOAD(domain->shared->processes.count); i++)
        STORE(process_at(domain, i)->stamp, GENERATION_MASK);
    pid_t child = test_child(hold_and_die, segment);
    check_is(test_end(child), -SIGKILL);
    struct life *life = life_of_thread(domain, child);
    check(life != NULL);
    check_is(clean(), 2);
    check_is(LOAD(life->word), 0);
    check_is(LOAD(life->stamp), 0);
    check_is(acquire_and_release(segment, KIN_NOW), KIN_RECOVERED);
    for (unsigned i = 0; i < 200; i++)
        check_is(test_end(test_child(acquire_the_lock, segment)), 0);
    check_is(test_end(test_child(hold_and_die, segment)), -SIGKILL);
    check_is(acquire_and_release(segment, SOON), KIN_RECOVERED);
    clean();
    check_is(lives_living(domain), 1);
    check_is(lives_dead(domain), 0);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_thousand_lives_leave_in_order),  TEST(hundreds_of_lives_killed_at_once),
        TEST(twenty_thousand_dead_are_swept),   TEST(a_newcomer_among_two_thousand_dead),
        TEST(two_thousand_unmarked_are_proved), TEST(generations_begin_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
