/* kin_rwlock: who gets in, who waits, and what the next ones learn of a death. */
#include "life/life.h"
#include "things.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define R(until) kin_rwlock_acquire_read(segment, &things->rwlock, until)
#define W(until) kin_rwlock_acquire_write(segment, &things->rwlock, until)
#define RELEASE() kin_rwlock_release(segment, &things->rwlock)
#define UPGRADE(until) kin_rwlock_upgrade(segment, &things->rwlock, until)
#define DOWNGRADE() kin_rwlock_downgrade(segment, &things->rwlock)

static int try_read(void *context)
{
    (void)context;
    int result = R(KIN_NOW);
    if (result >= 0)
        check_is(RELEASE(), 0);
    return result < 0 ? -result : result;
}

static int try_write(void *context)
{
    (void)context;
    int result = W(KIN_NOW);
    if (result >= 0)
        check_is(RELEASE(), 0);
    return result < 0 ? -result : result;
}

static int others(int (*run)(void *))
{
    return test_end(test_child(run, NULL));
}

static int write_and_die(void *context)
{
    (void)context;
    check(W(SOON) >= 0);
    things->left++;
    raise(SIGKILL);
    return 0;
}

static int read_and_die(void *context)
{
    (void)context;
    check(R(SOON) >= 0);
    raise(SIGKILL);
    return 0;
}

static void readers_share_and_a_writer_is_alone(void **state)
{
    (void)state;
    things_open();
    check_is(R(KIN_NOW), 0);
    check_is(others(try_read), 0);
    check_is(others(try_write), ETIMEDOUT);
    check_is(RELEASE(), 0);
    check_is(W(KIN_NOW), 0);
    check_is(others(try_read), ETIMEDOUT);
    check_is(others(try_write), ETIMEDOUT);
    check_is(RELEASE(), 0);
    check_is(others(try_write), 0);
    kin_segment_close(segment);
}

static void what_is_refused(void **state)
{
    (void)state;
    things_open();
    check_refused(RELEASE(), -EPERM, "does not hold");
    check_is(R(KIN_NOW), 0);
    check_refused(R(KIN_NOW), -EDEADLK, "holds the rwlock");
    check_is(W(KIN_FOREVER), -EDEADLK);
    check_refused(DOWNGRADE(), -EPERM, "for writing");
    check_is(RELEASE(), 0);
    check_is(W(KIN_NOW), 0);
    check_refused(UPGRADE(KIN_NOW), -EPERM, "for reading");
    check_is(RELEASE(), 0);
    kin_rwlock outside;
    memset(&outside, 0, sizeof outside);
    check_refused(kin_rwlock_init(segment, &outside), -EINVAL, "not inside");
    memset(&things->rwlock, 0, sizeof things->rwlock);
    check_refused(R(KIN_NOW), -EBADMSG, "kin_rwlock_init");
    kin_segment_close(segment);
}

static int write_it(void *context)
{
    (void)context;
    check_is(W(SOON), 0);
    things->left++;
    things->right++;
    return RELEASE();
}

static void who_waits_to_write_goes_first(void **state)
{
    (void)state;
    things_open();
    check_is(R(KIN_NOW), 0);
    pid_t writer = test_child(write_it, NULL);
    test_asleep(writer);
    check_is(others(try_read), ETIMEDOUT); /* kept out by who waits */
    check_is(W(KIN_NOW), -EDEADLK);
    check_is(RELEASE(), 0);
    check_is(test_end(writer), 0);
    check_is(things->left, 1);
    check_is(others(try_read), 0);
    kin_segment_close(segment);
}

static int write_until_late(void *context)
{
    (void)context;
    return -W(kin_after(SECOND / 50));
}

static void a_writer_who_is_late_leaves_nothing(void **state)
{
    (void)state;
    things_open();
    check_is(R(KIN_NOW), 0);
    check_is(others(write_until_late), ETIMEDOUT);
    check_is(others(try_read), 0);
    check_is(RELEASE(), 0);
    kin_segment_close(segment);
}

static void a_dead_reader_is_struck_off(void **state)
{
    (void)state;
    things_open();
    check_is(others(read_and_die), -SIGKILL);
    check_is(W(KIN_NOW), 0); /* no news: he changed nothing */
    check_is(deaths_of("read lock"), 1);
    check_is(RELEASE(), 0);
    check_is(others(read_and_die), -SIGKILL);
    check(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) > 0);
    check_is(deaths_of("read lock"), 2);
    check_is(W(KIN_NOW), 0);
    check_is(RELEASE(), 0);
    kin_segment_close(segment);
}

static void a_dead_writer_is_told_until_a_writer_has_released(void **state)
{
    (void)state;
    things_open();
    for (unsigned swept = 0; swept < 2; swept++) {
        check_is(others(write_and_die), -SIGKILL);
        if (swept)
            check(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) > 0);
        check_is(R(KIN_NOW), KIN_RECOVERED);
        check_is(others(try_read), KIN_RECOVERED);
        check_is(RELEASE(), 0);
        check_is(R(KIN_NOW), KIN_RECOVERED); /* a reader repaired nothing */
        check_is(UPGRADE(KIN_NOW), KIN_RECOVERED);
        check_is(DOWNGRADE(), 0);
        check_is(others(try_read), 0);
        check_is(RELEASE(), 0);
        check_is(others(try_write), 0);
    }
    check_is(deaths_of("write lock"), 2);
    check_is(others(write_and_die), -SIGKILL);
    check_is(others(write_and_die), -SIGKILL); /* while repairing */
    check_is(W(KIN_NOW), KIN_RECOVERED);
    check_is(RELEASE(), 0);
    check_is(W(KIN_NOW), 0);
    check_is(RELEASE(), 0);
    kin_segment_close(segment);
}

static void a_writer_who_dies_while_he_waits_is_no_news(void **state)
{
    (void)state;
    things_open();
    check_is(R(KIN_NOW), 0);
    pid_t writer = test_child(write_it, NULL);
    test_asleep(writer);
    test_kill(writer);
    check_is(others(try_read), 0);
    check_is(RELEASE(), 0);
    check_is(W(KIN_NOW), 0);
    check_is(RELEASE(), 0);
    check_is(things->left, 0);
    kin_segment_close(segment);
}

static int upgrade_it(void *context)
{
    (void)context;
    check_is(R(SOON), 0);
    ADD(things->ready);
    check_is(UPGRADE(SOON), 0);
    check_is(things->left, things->right);
    things->left++;
    things->right++;
    return RELEASE();
}

static void two_who_upgrade_do_not_wait_for_each_other(void **state)
{
    (void)state;
    things_open();
    check_is(R(KIN_NOW), 0);
    pid_t other = test_child(upgrade_it, NULL);
    test_until(GET(things->ready));
    test_asleep(other);
    check_refused(UPGRADE(KIN_FOREVER), -EDEADLK, "release it");
    check_is(RELEASE(), 0);
    check_is(test_end(other), 0);
    check_is(things->left, 1);
    check_is(R(KIN_NOW), 0);
    check_is(UPGRADE(KIN_NOW), 0);
    check_is(others(try_read), ETIMEDOUT);
    check_is(DOWNGRADE(), 0);
    check_is(others(try_read), 0);
    check_is(others(try_write), ETIMEDOUT);
    check_is(RELEASE(), 0);
    kin_segment_close(segment);
}

#define OWN (KIN_RWLOCK_LINES * KIN_RWLOCK_SLOTS / 2) /* lives below have slots of their own */
#define COMMON OWN                                    /* and so many are for all others */

static pid_t last;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void wait_at_gate(void)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void *read_without_own_slot(void *context)
{
    (void)context;
    check_is(kin_lock_acquire(segment, &things->lock, SOON), 0); /* takes a life */
    check_is(kin_lock_release(segment, &things->lock), 0);
    unsigned turn = ID_INDEX(life_now.id) < OWN ? 0 : ADD(things->count);
    if (turn > 0 && turn <= COMMON) {
        check_is(R(SOON), 0);
        ADD(things->ready);
        wait_at_gate();
        check_is(RELEASE(), 0);
    } else if (turn == COMMON + 1) {
        test_until(GET(things->ready) == COMMON);
        check_is(R(KIN_NOW), -ETIMEDOUT);
        __atomic_store_n(&last, gettid(), __ATOMIC_SEQ_CST);
        check_is(R(SOON), 0);
        check_is(RELEASE(), 0);
    } else {
        wait_at_gate();
    }
    return NULL;
}

/* One more reader than there are slots waits for one of them, and gets it. */
static void more_readers_than_slots(void **state)
{
    (void)state;
    enum { MANY = OWN + COMMON };
    pthread_t threads[MANY];
    things_open();
    pthread_mutex_lock(&gate);
    for (unsigned i = 0; i < MANY; i++)
        check_is(pthread_create(&threads[i], NULL, read_without_own_slot, NULL), 0);
    test_until(GET(last) != 0);
    check_is(others(try_write), ETIMEDOUT);
    test_asleep(last);
    pthread_mutex_unlock(&gate);
    for (unsigned i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    check_is(W(KIN_NOW), 0);
    check_is(RELEASE(), 0);
    kin_segment_close(segment);
}

static int read_much(void *context)
{
    (void)context;
    for (unsigned i = 0; i < 3000; i++) {
        check_is(R(SOON), 0);
        check_is(GET(things->left), GET(things->right));
        check_is(RELEASE(), 0);
    }
    return 0;
}

static int write_much(void *context)
{
    (void)context;
    for (unsigned i = 0; i < 1000; i++) {
        bool up = i % 3 == 0;
        check_is(up ? R(SOON) : W(SOON), 0);
        if (up && UPGRADE(SOON) < 0) {
            check_is(RELEASE(), 0);
            continue;
        }
        check_is(ADD(things->left), things->right + 1);
        check_is(ADD(things->right), things->left);
        if (i % 2)
            check_is(DOWNGRADE(), 0);
        check_is(RELEASE(), 0);
    }
    return 0;
}

static void readers_never_see_half_a_change(void **state)
{
    (void)state;
    pid_t children[6];
    things_open();
    for (unsigned i = 0; i < 6; i++)
        children[i] = test_child(i % 2 ? write_much : read_much, NULL);
    for (unsigned i = 0; i < 6; i++)
        check_is(test_end(children[i]), 0);
    check(things->left > 1000);
    kin_segment_close(segment);
}

#define UNABLE 77
#define LITTLE 20

static int write_in_sandbox(void *context)
{
    (void)context;
    if (!test_forbid_membarrier())
        return UNABLE;
    for (unsigned i = 0; i < LITTLE; i++) {
        check_is(W(SOON), 0);
        check_is(ADD(things->left), things->right + 1);
        check_is(ADD(things->right), things->left);
        check_is(RELEASE(), 0);
    }
    return 0;
}

static int read_on(void *context)
{
    (void)context;
    while (!GET(things->stop)) {
        check_is(R(SOON), 0);
        check_is(GET(things->left), GET(things->right));
        check_is(RELEASE(), 0);
        ADD(things->count);
    }
    return 0;
}

/* Readers who need no fence, and a writer who cannot make one for them. */
static void without_membarrier_a_writer_is_alone_too(void **state)
{
    (void)state;
    pid_t readers[2];
    things_open();
    for (unsigned i = 0; i < 2; i++)
        readers[i] = test_child(read_on, NULL);
    test_until(GET(things->count) > 1000); /* quick by now */
    int ended = test_end(test_child(write_in_sandbox, NULL));
    SET(things->stop);
    for (unsigned i = 0; i < 2; i++)
        check_is(test_end(readers[i]), 0);
    if (ended == 0)
        check_is(things->left, LITTLE);
    kin_segment_close(segment);
    if (ended == UNABLE)
        test_skip("no seccomp filters here");
    check_is(ended, 0);
}

static int wait_for_removal(void *context)
{
    (void)context;
    check_refused(W(SOON), -EIDRM, "removed");
    return 0;
}

static void by_name_and_removed(void **state)
{
    (void)state;
    kin_rwlock *rwlock;
    check_is(kin_rwlock_open(NULL, "named", KIN_RWLOCK(.flags = KIN_MUST_EXIST), &segment, &rwlock), -ENOENT);
    check_is(kin_rwlock_open(NULL, "named", NULL, &segment, &rwlock), 0);
    things = (struct things *)(void *)rwlock;
    check_is(R(KIN_NOW), 0);
    pid_t writer = test_child(wait_for_removal, NULL);
    test_asleep(writer);
    check_refused(kin_remove(NULL, "named", 0), -EBUSY, "in use");
    check_is(kin_remove(NULL, "named", KIN_EVEN_HELD), 0);
    check_is(test_end(writer), 0);
    check_is(RELEASE(), 0);
    kin_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(readers_share_and_a_writer_is_alone),
        TEST(what_is_refused),
        TEST(who_waits_to_write_goes_first),
        TEST(a_writer_who_is_late_leaves_nothing),
        TEST(a_dead_reader_is_struck_off),
        TEST(a_dead_writer_is_told_until_a_writer_has_released),
        TEST(a_writer_who_dies_while_he_waits_is_no_news),
        TEST(two_who_upgrade_do_not_wait_for_each_other),
        TEST(more_readers_than_slots),
        TEST(readers_never_see_half_a_change),
        TEST(without_membarrier_a_writer_is_alone_too),
        TEST(by_name_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
