/* The robust list as libc keeps it, with entries of ours in it. */
#include "sys/robust.h"
#include "support.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OWNER_DIED 0x40000000u

/* Room around the word as a life has it. */
struct entry {
    uint32_t word, stamp;
    unsigned char node[40];
};

static void *plain(void *pointer)
{
    return (void *)((uintptr_t)pointer & ~(uintptr_t)1);
}

static void *place_of(struct robust_head *head, uint32_t *word)
{
    return (char *)word - head->futex_offset;
}

static unsigned length(struct robust_head *head)
{
    unsigned count = 0;
    for (void *at = plain(head->first); at != head; at = plain(*(void **)at))
        check(++count < 100);
    return count;
}

/* Forwards and backwards the same entries, where the list has both. A backward pointer leads to the neighbour's forward
 * one. */
static void check_backwards(struct robust_head *head)
{
#if defined __GLIBC__ && defined __LP64__
    void *before = head;
    for (void *at = plain(head->first);; at = plain(*(void **)at)) {
        check(((void **)at)[-1] == before || length(head) == 0);
        if (at == head)
            break;
        before = at;
    }
#else
    (void)head;
#endif
}

static struct robust_head *need_a_list(void)
{
    struct robust_head *head = robust_head();
    if (!head)
        test_skip("no robust list here");
    check(robust_offset_fits(head, 8, 48));
    check(!robust_offset_fits(head, 8, 8));
    return head;
}

static void make_robust(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    check_is(pthread_mutex_init(mutex, &attributes), 0);
    pthread_mutexattr_destroy(&attributes);
}

/* Every order of linking two of ours and two of libc's, and every order of unlinking them. */
static void each(struct robust_head *head, struct entry *ours, pthread_mutex_t *theirs, unsigned what, bool in)
{
    if (what < 2)
        in ? robust_link(head, &ours[what].word) : robust_unlink(head, &ours[what].word);
    else
        check_is(in ? pthread_mutex_lock(&theirs[what - 2]) : pthread_mutex_unlock(&theirs[what - 2]), 0);
}

static void permute(unsigned number, unsigned order[4])
{
    unsigned left[4] = {0, 1, 2, 3};
    for (unsigned i = 0; i < 4; i++) {
        unsigned pick = number % (4 - i);
        number /= 4 - i;
        order[i] = left[pick];
        memmove(&left[pick], &left[pick + 1], (3 - pick) * sizeof *left);
    }
}

static void ours_and_theirs_in_every_order(void **state)
{
    (void)state;
    struct robust_head *head = need_a_list();
    struct entry *ours = test_shared(2 * sizeof *ours);
    pthread_mutex_t *theirs = test_shared(2 * sizeof *theirs);
    make_robust(&theirs[0]);
    make_robust(&theirs[1]);
    check_is(length(head), 0);
    for (unsigned in = 0; in < 24; in++)
        for (unsigned out = 0; out < 24; out++) {
            unsigned order[4];
            permute(in, order);
            for (unsigned i = 0; i < 4; i++) {
                each(head, ours, theirs, order[i], true);
                check_is(length(head), i + 1);
                check_backwards(head);
            }
            check(plain(head->first) == place_of(head, &ours[0].word) || order[3] != 0);
            permute(out, order);
            for (unsigned i = 0; i < 4; i++) {
                each(head, ours, theirs, order[i], false);
                check_is(length(head), 3 - i);
                check_backwards(head);
            }
        }
    check(ours[0].word == 0 && ours[0].stamp == 0 && ours[1].word == 0); /* linking is not owning */
}

static void unlinking_what_is_not_linked_does_nothing(void **state)
{
    (void)state;
    struct robust_head *head = need_a_list();
    struct entry *ours = test_shared(2 * sizeof *ours);
    robust_link(head, &ours[0].word);
    robust_unlink(head, &ours[1].word);
    check_is(length(head), 1);
    robust_unlink(head, &ours[0].word);
    robust_unlink(head, &ours[0].word);
    check_is(length(head), 0);
}

struct words {
    struct entry linked, strangers, pending;
    uint32_t bell;
};

static int die_with_entries(void *context)
{
    struct words *words = context;
    struct robust_head *head = robust_head();
    uint32_t thread = (uint32_t)syscall(SYS_gettid);
    words->linked.word = thread | 0x80000000u;
    words->strangers.word = thread + 1;
    words->pending.word = thread;
    robust_link(head, &words->linked.word);
    robust_link(head, &words->strangers.word);
    robust_pend(head, &words->pending.word);
    raise(SIGKILL);
    return 0;
}

static void the_kernel_marks_what_is_linked_and_what_is_pending(void **state)
{
    (void)state;
    need_a_list();
    struct words *words = test_shared(sizeof *words);
    pid_t child = test_child(die_with_entries, words);
    check_is(test_end(child), -SIGKILL);
    check_is(words->linked.word, OWNER_DIED | 0x80000000u);
    check_is(words->strangers.word, child + 1);
    check_is(words->pending.word, OWNER_DIED);
}

static void *no_list_when_asked_for(void *unused)
{
    setenv("KIN_FALLBACK", "1", 1);
    check(robust_head() == NULL);
    setenv("KIN_FALLBACK", "0", 1);
    return unused;
}

static int ask_in_a_child(void *context)
{
    no_list_when_asked_for(context);
    return robust_head() ? 0 : 1;
}

static void fallback_is_forced_by_the_environment(void **state)
{
    (void)state;
    need_a_list();
    check_is(test_end(test_child(ask_in_a_child, NULL)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ours_and_theirs_in_every_order),
        TEST(unlinking_what_is_not_linked_does_nothing),
        TEST(the_kernel_marks_what_is_linked_and_what_is_pending),
        TEST(fallback_is_forced_by_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
