/* kin_lock_hand_on: a command holds the lock that knows nothing of kin. */
#include "accounts.h"
#include <errno.h>
#include <fcntl.h>
#include <kin/filelock.h>
#include <kin/poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

struct stage {
    pid_t wrapper, command;
};

static kin_segment *segment;
static kin_lock *lock;
static struct stage *stage;

static void set_stage(void)
{
    segment = accounts_open();
    lock = &account_of(segment)->others[3];
    stage = test_shared(sizeof *stage);
}

static void become_command(int witness)
{
    prctl(PR_SET_PDEATHSIG, 0);
    fcntl(witness, F_SETFD, 0);
    execl("/bin/sleep", "sleep", "1000", (char *)NULL);
    _exit(127);
}

static int hand_on_and_wait(void *context)
{
    int witness;
    (void)context;
    check(kin_lock_acquire(segment, lock, SOON) >= 0);
    check_is(kin_lock_hand_on(segment, lock, &witness), 0);
    check_is(fcntl(witness, F_GETFD), FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0)
        become_command(witness);
    stage->command = child;
    stage->wrapper = getpid();
    for (;;)
        pause();
}

static void start_command(void)
{
    pid_t wrapper = test_child(hand_on_and_wait, NULL);
    test_until(stage->wrapper == wrapper);
}

static bool has_witness(void)
{
    struct flock found = {.l_type = F_WRLCK};
    check_is(fcntl(kin_segment_fd(segment), F_GETLK, &found), 0);
    return found.l_type != F_UNLCK;
}

static void end_command(void)
{
    kill(stage->command, SIGKILL);
    test_until(!has_witness());
}

static int see_holder(void *context, const struct kin_party *party)
{
    if (party->part == KIN_PART_HOLDS)
        *(struct kin_party *)context = *party;
    return 0;
}

static struct kin_party holder(void)
{
    struct kin_party found = {.pid = 0};
    check_is(kin_object_each_party(NULL, "accounts", see_holder, &found), 0);
    return found;
}

static int see_command(void *context, const struct kin_filelock_holder *found)
{
    *(bool *)context |= found->pid == stage->command;
    return 0;
}

static int acquire_recovered(void *context)
{
    struct kin_owner owner;
    (void)context;
    check_is(kin_lock_acquire(segment, lock, SOON), KIN_RECOVERED);
    check_is(kin_lock_dead_owner(segment, lock, &owner), 0);
    check_is(owner.pid, stage->wrapper);
    check_is(kin_lock_release(segment, lock), 0);
    check_is(kin_lock_acquire(segment, lock, KIN_NOW), 0);
    check_is(kin_lock_release(segment, lock), 0);
    return 0;
}

static void it_stays_held_until_the_command_ends(void **state)
{
    (void)state;
    bool seen = false;
    set_stage();
    start_command();
    check_is(holder().alive, 1);
    test_kill(stage->wrapper);
    check_is(kin_lock_acquire(segment, lock, KIN_NOW), -ETIMEDOUT);
    check_is(kin_lock_acquire(segment, lock, kin_after(SECOND)), -ETIMEDOUT); /* past some naps and backstops */
    check_is(kin_lock_acquire(segment, &account_of(segment)->others[2], KIN_NOW), 0); /* its neighbour is free */
    check_is(kin_lock_release(segment, &account_of(segment)->others[2]), 0);
    check_is(holder().pid, stage->wrapper);
    check_is(holder().alive, 2);
    check_is(kin_filelock_each_holder(kin_segment_fd(segment), NULL, see_command, &seen), 0);
    check(seen);
    check_refused(kin_remove(NULL, "accounts", 0), -EBUSY, "command");
    for (unsigned i = 0; i < 3; i++) /* the sweep leaves it */
        check(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) >= 1);
    check_is(kin_lock_acquire(segment, lock, KIN_NOW), -ETIMEDOUT);
    pid_t waiter = test_child(acquire_recovered, NULL);
    test_asleep(waiter);
    end_command();
    check_is(test_end(waiter), 0);
    kin_segment_close(segment);
}

static int poll_recovered(void *context)
{
    kin_poll *poll;
    int which;
    (void)context;
    check_is(kin_poll_create(&poll), 0);
    check(kin_poll_add_lock(poll, segment, lock) >= 0);
    check_is(kin_poll_wait(poll, KIN_NOW, &which), -ETIMEDOUT);
    check_is(kin_poll_wait(poll, SOON, &which), 0);
    check_is(kin_lock_acquire(segment, lock, KIN_NOW), KIN_RECOVERED);
    check_is(kin_lock_release(segment, lock), 0);
    kin_poll_destroy(poll);
    return 0;
}

static void a_poller_is_not_told_before_the_command_ends(void **state)
{
    (void)state;
    set_stage();
    start_command();
    test_kill(stage->wrapper);
    pid_t poller = test_child(poll_recovered, NULL);
    test_asleep(poller);
    end_command();
    check_is(test_end(poller), 0);
    kin_segment_close(segment);
}

static void the_sweep_tells_the_next_one(void **state)
{
    (void)state;
    struct kin_facilities facilities;
    set_stage();
    start_command();
    test_kill(stage->wrapper);
    end_command();
    check(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL) >= 1);
    check_is(kin_domain_facilities(NULL, &facilities), 0);
    check_is(facilities.lives_dead, 0);
    check_is(holder().pid, 0);
    check_is(test_end(test_child(acquire_recovered, NULL)), 0);
    kin_segment_close(segment);
}

static int acquire_and_die(void *context)
{
    (void)context;
    check_is(kin_lock_acquire(segment, lock, KIN_NOW), 0);
    raise(SIGKILL);
    return 0;
}

/* A release takes it from the command too, and what is left of the witness is nothing to the next owner. */
static void a_release_ends_it(void **state)
{
    int witness, another;
    (void)state;
    set_stage();
    check_is(kin_lock_acquire(segment, lock, KIN_NOW), 0);
    check_is(kin_lock_hand_on(segment, lock, &witness), 0);
    check_is(kin_lock_release(segment, lock), 0);
    check_is(test_end(test_child(acquire_and_die, NULL)), -SIGKILL);
    check_is(kin_lock_acquire(segment, lock, KIN_NOW), KIN_RECOVERED);
    check_is(kin_lock_hand_on(segment, lock, &another), 0); /* the old one is not in the way */
    check_is(kin_lock_release(segment, lock), 0);
    close(another);
    close(witness);
    kin_segment_close(segment);
}

static int hand_on_and_die(void *context)
{
    int witness;
    (void)context;
    check(kin_lock_acquire(segment, lock, KIN_NOW) >= 0);
    check_is(kin_lock_hand_on(segment, lock, &witness), 0);
    raise(SIGKILL);
    return 0;
}

static int acquire_late(void *context)
{
    (void)context;
    return kin_lock_acquire(segment, lock, KIN_NOW) == -ETIMEDOUT ? 0 : 1;
}

/* Nobody has inherited it; the next one is told, and keeps others out. */
static void without_a_command_it_is_a_death_like_any(void **state)
{
    (void)state;
    set_stage();
    check_is(test_end(test_child(hand_on_and_die, NULL)), -SIGKILL);
    check_is(kin_lock_acquire(segment, lock, SOON), KIN_RECOVERED);
    check_is(test_end(test_child(acquire_late, NULL)), 0);
    check_is(kin_lock_release(segment, lock), 0);
    kin_segment_close(segment);
}

static void only_the_owner_can(void **state)
{
    int witness = -7;
    char buffer[sizeof(kin_lock)] = {0};
    (void)state;
    set_stage();
    check_refused(kin_lock_hand_on(segment, lock, &witness), -EPERM, "does not hold");
    check_is(kin_lock_hand_on(segment, (kin_lock *)(void *)buffer, &witness), -EINVAL);
    check_is(witness, -7);
    kin_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_stays_held_until_the_command_ends),
        TEST(a_poller_is_not_told_before_the_command_ends),
        TEST(the_sweep_tells_the_next_one),
        TEST(a_release_ends_it),
        TEST(without_a_command_it_is_a_death_like_any),
        TEST(only_the_owner_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
