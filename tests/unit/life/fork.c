/* What becomes of a life in children: fork, vfork, clone. */
#include "lives.h"
#include "sys/robust.h"
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>

static int end_with(void *result)
{
    return *(int *)result;
}

static int look_at_pending(void *context)
{
    (void)context;
    struct robust_head *head = robust_head();
    return head == NULL || head->pending == NULL ? 0 : 1;
}

static void the_inherited_pending_word_is_cleared(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    check_is(acquire_and_release(segment, KIN_NOW), 0);
    check_is(test_end(test_child(look_at_pending, NULL)), 0);
    kin_segment_close(segment);
}

static int take_a_life(void *segment)
{
    kin_domain *domain = domain_here();
    check_is(lives_living(domain), 1); /* the parent's */
    check_is(acquire_and_release(segment, SOON), 0);
    check_is(lives_living(domain), 2);
    struct life *life = life_of_thread(domain, getpid());
    check(life != NULL);
    check_is(process_at(domain, LOAD(life->process))->pid, getpid());
    check_is(processes_used(domain), 2);
    kin_domain_close(domain);
    exit(0);
}

static void a_child_has_no_life_until_it_takes_one(void **state)
{
    (void)state;
    int zero = 0;
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    check_is(acquire_and_release(segment, KIN_NOW), 0);
    check_is(test_end(test_child(end_with, &zero)), 0);
    check_is(lives_living(domain), 1);
    check_is(lives_dead(domain), 0);
    check_is(test_end(test_child(take_a_life, segment)), 0);
    check_is(lives_living(domain), 1);
    check_is(lives_dead(domain), 0);
    check_is(processes_used(domain), 1);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

/* The parent holds a lock, a lease, a loan, a borrow; a child closes everything it inherited and ends. */
struct estate {
    kin_segment *segment;
    kin_queue *queue;
    struct kin_message lease, loan, borrow;
};

static int touch_and_close(void *context)
{
    struct estate *estate = context;
    struct kin_message lease = estate->lease, loan = estate->loan, borrow = estate->borrow;
    check_is(kin_lock_release(estate->segment, &desk_of(estate->segment)->lock), -EPERM);
    check_is(acquire_and_release(estate->segment, kin_after(SECOND / 100)), -ETIMEDOUT);
    check(kin_queue_done(estate->queue, &lease) < 0);
    check(kin_queue_send_loan(estate->queue, &loan, NULL) < 0);
    check(kin_queue_release(estate->queue, &borrow) < 0);
    kin_queue_close(estate->queue);
    kin_segment_close(estate->segment);
    exit(0);
}

static int only_close(void *context)
{
    struct estate *estate = context;
    kin_queue_close(estate->queue);
    kin_segment_close(estate->segment);
    exit(0);
}

static void a_child_does_not_touch_what_its_parent_holds(void **state)
{
    (void)state;
    struct estate estate = {.segment = desk_open(), .queue = queue_of("q", 8)};
    check_is(kin_lock_acquire(estate.segment, &desk_of(estate.segment)->lock, KIN_NOW), 0);
    check_is(send_number(estate.queue, 1), 0);
    check_is(send_number(estate.queue, 2), 0);
    check_is(kin_queue_take(estate.queue, NULL, KIN_NOW, &estate.lease), 0);
    check_is(kin_queue_borrow(estate.queue, NULL, KIN_NOW, &estate.borrow), 0);
    check_is(kin_queue_loan(estate.queue, 8, KIN_NOW, &estate.loan), 0);
    check_is(test_end(test_child(touch_and_close, &estate)), 0);
    check_is(test_end(test_child(only_close, &estate)), 0);
    struct kin_queue_status status;
    check_is(kin_queue_status(estate.queue, &status), 0);
    check(status.leased == 1 && status.loaned == 1 && status.borrowed == 1 && status.queued == 0);
    check_is(kin_queue_send_loan(estate.queue, &estate.loan, NULL), 0);
    check_is(kin_queue_release(estate.queue, &estate.borrow), 0);
    check_is(kin_queue_done(estate.queue, &estate.lease), 0);
    check_is(kin_lock_release(estate.segment, &desk_of(estate.segment)->lock), 0);
    kin_queue_close(estate.queue);
    kin_segment_close(estate.segment);
}

static int die(void *context)
{
    (void)context;
    raise(SIGKILL);
    return 0;
}

/* A child's death is not its parent's. */
static void the_death_of_a_child_marks_nobody(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, KIN_NOW), 0);
    check_is(test_end(test_child(die, NULL)), -SIGKILL);
    check_is(lives_dead(domain), 0);
    check_is(kin_lock_release(segment, &desk_of(segment)->lock), 0);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

static void reap(pid_t child, int wanted)
{
    int status;
    check_is(waitpid(child, &status, 0), child);
    check_is(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), wanted);
}

static int try_once(void *segment)
{
    return acquire_and_release(segment, KIN_NOW) == -ETIMEDOUT ? 0 : 1;
}

static void vfork_and_exec_leave_the_parents_life(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, KIN_NOW), 0);
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(99);
    }
    reap(child, 0);
    char *arguments[] = {"false", NULL};
    check_is(posix_spawn(&child, "/bin/false", NULL, NULL, arguments, NULL), 0);
    reap(child, 1);
    kin_domain *domain = domain_here();
    check_is(lives_dead(domain), 0);
    kin_domain_close(domain);
    check_is(test_end(test_child(try_once, segment)), 0);
    check_is(kin_lock_release(segment, &desk_of(segment)->lock), 0);
    kin_segment_close(segment);
}

static int killed_in_this_memory(void *context)
{
    (void)context;
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    return 0;
}

static int end_in_this_memory(void *context)
{
    (void)context;
    syscall(SYS_exit_group, 3);
    return 0;
}

static void a_child_in_this_memory_leaves_the_parents_life(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    size_t size = 65536;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(stack != MAP_FAILED);
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, KIN_NOW), 0);
    reap(clone(end_in_this_memory, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL), 3);
    reap(clone(killed_in_this_memory, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL), -SIGKILL);
    check_is(lives_dead(domain), 0);
    check_is(test_end(test_child(try_once, segment)), 0);
    check_is(kin_lock_release(segment, &desk_of(segment)->lock), 0);
    munmap(stack, size);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

/* Behind libc's back: no atfork handler runs, and the child has no robust list. */
static pid_t raw_clone(void)
{
    fflush(NULL);
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static void a_raw_clone_takes_its_own_life(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, KIN_NOW), 0);
    pid_t child = raw_clone();
    if (child == 0) {
        int result = kin_lock_acquire(segment, &desk_of(segment)->lock, kin_after(SECOND / 10));
        struct life *life = life_of_thread(domain, getpid());
        if (result != -ETIMEDOUT || !life || LOAD(life->witness) != WITNESS_TASK)
            _exit(1);
        if (process_at(domain, LOAD(life->process))->pid != (uint32_t)getpid())
            _exit(2);
        if (kin_lock_acquire(segment, &desk_of(segment)->other, KIN_NOW) != 0)
            _exit(3);
        raise(SIGKILL);
    }
    reap(child, -SIGKILL);
    struct life *life = life_of_thread(domain, child);
    check(life && !WORD_IS_DEAD(LOAD(life->word))); /* nobody marked it */
    check_is(kin_lock_release(segment, &desk_of(segment)->lock), 0);
    check_is(kin_lock_acquire(segment, &desk_of(segment)->other, SOON), KIN_RECOVERED);
    check_is(kin_lock_release(segment, &desk_of(segment)->other), 0);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

static void a_lease_of_a_raw_clone_comes_back(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4);
    struct kin_message message;
    check_is(send_number(queue, 1), 0);
    pid_t child = raw_clone();
    if (child == 0) {
        if (kin_queue_take(queue, NULL, KIN_NOW, &message) != 0)
            _exit(1);
        raise(SIGKILL);
    }
    reap(child, -SIGKILL);
    check_is(kin_queue_take(queue, NULL, SOON, &message), 0);
    check_is(message.attempts, 1);
    check_is(kin_queue_done(queue, &message), 0);
    kin_queue_close(queue);
}

/* A waiter sleeps while the raw clone lives, and asks the slow way when it dies. */
static void a_waiter_for_a_raw_clone(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    pid_t child = raw_clone();
    if (child == 0)
        _exit(hold_the_lock(segment));
    flag_await(segment, 0);
    pid_t waiter = test_child(acquire_the_lock, segment);
    test_asleep(waiter);
    kill(child, SIGKILL);
    reap(child, -SIGKILL);
    check_is(test_end(waiter), KIN_RECOVERED);
    kin_segment_close(segment);
}

/* A thread has one life a domain, and one pending word for all: both lives are marked. */
static int die_in_two_domains(void *context)
{
    kin_segment **segments = context;
    check_is(kin_lock_acquire(segments[0], &desk_of(segments[0])->lock, SOON), 0);
    check_is(kin_lock_acquire(segments[1], &desk_of(segments[1])->lock, SOON), 0);
    check_is(kin_lock_release(segments[0], &desk_of(segments[0])->lock), 0);
    check_is(kin_lock_acquire(segments[0], &desk_of(segments[0])->lock, SOON), 0);
    flag_raise(segments[0], 0);
    for (;;)
        pause();
}

static void two_domains_in_one_thread(void **state)
{
    char inner[128], before[128];
    kin_segment *segments[2];
    segments[0] = desk_open();
    snprintf(before, sizeof before, "%s", getenv("KIN_DOMAIN"));
    snprintf(inner, sizeof inner, "%s/inner", (char *)*state);
    setenv("KIN_DOMAIN", inner, 1);
    segments[1] = desk_open();
    setenv("KIN_DOMAIN", before, 1);
    for (unsigned turn = 0; turn < 2; turn++) {
        STORE(desk_of(segments[0])->flags[0], 0);
        pid_t child = test_child(die_in_two_domains, segments);
        flag_await(segments[0], 0);
        pid_t waiters[] = {test_child(acquire_the_lock, segments[0]), test_child(acquire_the_lock, segments[1])};
        test_asleep(waiters[0]);
        test_asleep(waiters[1]);
        test_kill(child);
        check_is(test_end(waiters[0]), KIN_RECOVERED);
        check_is(test_end(waiters[1]), KIN_RECOVERED);
        check_is(acquire_and_release(segments[turn], SOON), 0);
    }
    kin_segment_close(segments[0]);
    kin_segment_close(segments[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_inherited_pending_word_is_cleared),
        TEST(a_child_has_no_life_until_it_takes_one),
        TEST(a_child_does_not_touch_what_its_parent_holds),
        TEST(the_death_of_a_child_marks_nobody),
        TEST(vfork_and_exec_leave_the_parents_life),
        TEST(a_child_in_this_memory_leaves_the_parents_life),
        TEST(a_raw_clone_takes_its_own_life),
        TEST(a_lease_of_a_raw_clone_comes_back),
        TEST(a_waiter_for_a_raw_clone),
        TEST(two_domains_in_one_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
