/* libc's own robust mutexes in the same list, and lists that the kernel does not walk to their end. */
#include "lives.h"
#include "sys/robust.h"
#include <pthread.h>
#include <sys/mman.h>

/* The application's mutexes, in memory that it shares with its children. */
enum { FEW = 4, MANY = 2100 };

static void make_robust(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    check_is(pthread_mutex_init(mutex, &attributes), 0);
    pthread_mutexattr_destroy(&attributes);
}

struct both {
    kin_segment *segment;
    pthread_mutex_t *mutexes;
};

static struct both both_of(unsigned count)
{
    struct both both = {desk_open(), test_shared(count * sizeof(pthread_mutex_t))};
    for (unsigned i = 0; i < count; i++)
        make_robust(&both.mutexes[i]);
    return both;
}

static void acquire(kin_segment *segment)
{
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, SOON), 0);
}

static void need_a_list(void)
{
    if (!robust_head())
        test_skip("no robust list here");
}

/* All that the dead one held comes back, on both sides. */
static void check_recovered(struct both *both, unsigned first, unsigned end)
{
    kin_domain *domain = domain_here();
    check_is(lives_dead(domain), 1); /* marked by the kernel */
    kin_domain_close(domain);
    check_is(acquire_and_release(both->segment, KIN_NOW), KIN_RECOVERED);
    for (unsigned i = first; i < end; i++) {
        check_is(pthread_mutex_trylock(&both->mutexes[i]), EOWNERDEAD);
        check_is(pthread_mutex_consistent(&both->mutexes[i]), 0);
        check_is(pthread_mutex_unlock(&both->mutexes[i]), 0);
    }
    kin_segment_close(both->segment);
}

static int ours_first(void *context)
{
    struct both *both = context;
    acquire(both->segment);
    for (unsigned i = 0; i < FEW; i++)
        check_is(pthread_mutex_lock(&both->mutexes[i]), 0);
    raise(SIGKILL);
    return 0;
}

static int theirs_first(void *context)
{
    struct both *both = context;
    for (unsigned i = 0; i < FEW; i++)
        check_is(pthread_mutex_lock(&both->mutexes[i]), 0);
    acquire(both->segment);
    raise(SIGKILL);
    return 0;
}

/* Theirs are linked on both sides of ours, and those that stand beside it are unlinked again. */
static int theirs_around_and_gone(void *context)
{
    struct both *both = context;
    for (unsigned turn = 0; turn < 3; turn++) {
        check_is(pthread_mutex_lock(&both->mutexes[0]), 0);
        check_is(pthread_mutex_lock(&both->mutexes[1]), 0);
        check_is(acquire_and_release(both->segment, SOON), 0);
        check_is(pthread_mutex_lock(&both->mutexes[2]), 0);
        check_is(pthread_mutex_lock(&both->mutexes[3]), 0);
        for (unsigned i = 0; i < FEW; i++)
            check_is(pthread_mutex_unlock(&both->mutexes[(i * 3 + turn) % FEW]), 0);
    }
    for (unsigned i = 2; i < FEW; i++)
        check_is(pthread_mutex_lock(&both->mutexes[i]), 0);
    acquire(both->segment);
    raise(SIGKILL);
    return 0;
}

/* The one right behind ours is unlinked: what is behind that one must still be found. */
static int theirs_unlinked_behind_ours(void *context)
{
    struct both *both = context;
    for (unsigned i = 0; i < FEW; i++)
        check_is(pthread_mutex_lock(&both->mutexes[i]), 0);
    acquire(both->segment);
    check_is(pthread_mutex_unlock(&both->mutexes[FEW - 1]), 0);
    raise(SIGKILL);
    return 0;
}

static void *link_and_leave_in_order(void *context)
{
    struct both *both = context;
    check_is(pthread_mutex_lock(&both->mutexes[0]), 0);
    check_is(acquire_and_release(both->segment, SOON), 0);
    check_is(pthread_mutex_lock(&both->mutexes[1]), 0);
    return NULL; /* our life is unlinked from between the two, which libc's list must survive */
}

static void both_recover(int (*run)(void *context), unsigned first, unsigned end)
{
    need_a_list();
    struct both both = both_of(FEW);
    check_is(test_end(test_child(run, &both)), -SIGKILL);
    check_recovered(&both, first, end);
}

static void ours_linked_before_theirs(void **state)
{
    (void)state;
    both_recover(ours_first, 0, FEW);
}

static void theirs_linked_before_ours(void **state)
{
    (void)state;
    both_recover(theirs_first, 0, FEW);
}

static void theirs_unlinked_beside_ours(void **state)
{
    (void)state;
    both_recover(theirs_around_and_gone, 2, FEW);
}

static void what_is_behind_is_not_cut_off(void **state)
{
    (void)state;
    both_recover(theirs_unlinked_behind_ours, 0, FEW - 1);
}

static void ours_unlinked_between_theirs(void **state)
{
    (void)state;
    need_a_list();
    struct both both = both_of(FEW);
    kin_domain *domain = domain_here();
    pthread_t thread;
    check_is(pthread_create(&thread, NULL, link_and_leave_in_order, &both), 0);
    check_is(pthread_join(thread, NULL), 0);
    check_is(lives_dead(domain) + lives_living(domain), 0);
    for (unsigned i = 0; i < 2; i++) {
        check_is(pthread_mutex_trylock(&both.mutexes[i]), EOWNERDEAD);
        check_is(pthread_mutex_consistent(&both.mutexes[i]), 0);
        check_is(pthread_mutex_unlock(&both.mutexes[i]), 0);
    }
    kin_domain_close(domain);
    kin_segment_close(both.segment);
}

/* libc clears list_op_pending with each of its robust mutexes; the next call of kin arms it again. */
static void the_pending_word_is_armed_again(void **state)
{
    (void)state;
    need_a_list();
    struct both both = both_of(FEW);
    struct robust_head *head = robust_head();
    check_is(acquire_and_release(both.segment, KIN_NOW), 0);
    void *armed = head->pending;
    check(armed != NULL);
    check_is(pthread_mutex_lock(&both.mutexes[0]), 0);
    check_is(pthread_mutex_unlock(&both.mutexes[0]), 0);
    check(head->pending == NULL);
    check_is(acquire_and_release(both.segment, KIN_NOW), 0);
    check(head->pending == armed);
    kin_segment_close(both.segment);
}

/* The kernel walks 2048 entries. Ours is behind them. */
static int more_than_the_kernel_walks(void *context)
{
    struct both *both = context;
    acquire(both->segment);
    for (unsigned i = 0; i < MANY; i++)
        check_is(pthread_mutex_lock(&both->mutexes[i]), 0);
    raise(SIGKILL);
    return 0;
}

static void check_proved(kin_segment *segment, pid_t child)
{
    kin_domain *domain = domain_here();
    struct life *life = life_of_thread(domain, child);
    check(life && !WORD_IS_DEAD(LOAD(life->word))); /* or this test would show nothing */
    kin_domain_close(domain);
    check_is(acquire_and_release(segment, SOON), KIN_RECOVERED);
    kin_segment_close(segment);
}

static void a_list_that_is_too_long(void **state)
{
    (void)state;
    need_a_list();
    struct both both = both_of(MANY);
    pid_t child = test_child(more_than_the_kernel_walks, &both);
    check_is(test_end(child), -SIGKILL);
    check_proved(both.segment, child);
}

/* An entry in memory that was unmapped ends the walk. */
static int with_a_hole(void *segment)
{
    acquire(segment);
    pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(mutex != MAP_FAILED);
    make_robust(mutex);
    check_is(pthread_mutex_lock(mutex), 0);
    munmap(mutex, 4096);
    raise(SIGKILL);
    return 0;
}

static void a_list_with_a_hole(void **state)
{
    (void)state;
    need_a_list();
    kin_segment *segment = desk_open();
    pid_t child = test_child(with_a_hole, segment);
    check_is(test_end(child), -SIGKILL);
    check_proved(segment, child);
}

static int with_a_hole_later(void *segment)
{
    acquire(segment);
    pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(mutex != MAP_FAILED);
    make_robust(mutex);
    check_is(pthread_mutex_lock(mutex), 0);
    munmap(mutex, 4096);
    flag_raise(segment, 0);
    for (;;)
        pause();
}

static void a_sleeper_finds_it_by_the_backstop(void **state)
{
    (void)state;
    need_a_list();
    kin_segment *segment = desk_open();
    pid_t child = test_child(with_a_hole_later, segment);
    flag_await(segment, 0);
    pid_t waiter = test_child(acquire_the_lock, segment);
    test_asleep(waiter);
    test_kill(child);
    check_is(test_end(waiter), KIN_RECOVERED);
    kin_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ours_linked_before_theirs),
        TEST(theirs_linked_before_ours),
        TEST(theirs_unlinked_beside_ours),
        TEST(what_is_behind_is_not_cut_off),
        TEST(ours_unlinked_between_theirs),
        TEST(the_pending_word_is_armed_again),
        TEST(a_list_that_is_too_long),
        TEST(a_list_with_a_hole),
        TEST(a_sleeper_finds_it_by_the_backstop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
