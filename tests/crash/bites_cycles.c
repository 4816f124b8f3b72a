/* Cycles of threads that wait for each other, over locks and a rwlock: for each planted bug a scenario that the sound
 * library passes and that must hang or fail with it. No backstop mends anything here. */
#include "aid.h"
#include <errno.h>
#include <kin/domain.h>
#include <kin/lock.h>
#include <kin/rwlock.h>
#include <signal.h>
#include <sys/wait.h>

struct door {
    kin_segment *home;
    kin_lock *lock;
};

static int open_door(const char *name, struct door *door)
{
    int result = kin_lock_open(NULL, name, NULL, &door->home, &door->lock);
    if (result == 0)
        kin_lock_check_cycles(door->home, 1);
    return result;
}

/* Holds one door, stops if he is told to, and asks for the other: refused if that would wait for himself. */
static int hold_and_ask(const char *first, const char *second, bool stop)
{
    struct door mine, next;
    if (open_door(first, &mine) < 0 || open_door(second, &next) < 0 ||
        kin_lock_acquire(mine.home, mine.lock, KIN_NOW) < 0)
        return 1;
    if (stop)
        raise(SIGSTOP);
    int result = kin_lock_acquire(next.home, next.lock, KIN_FOREVER);
    if (result >= 0)
        kin_lock_release(next.home, next.lock);
    kin_lock_release(mine.home, mine.lock);
    return result < 0 && result != -EDEADLK;
}

static int hold_a_ask_b(void)
{
    return hold_and_ask("a", "b", false);
}

static int hold_b_ask_a(void)
{
    return hold_and_ask("b", "a", true);
}

/* The first has looked, and not slept yet, when the second closes the cycle: who looks last sees the other. */
static int closed_together(int patience)
{
    pid_t second = start_process(0, hold_b_ask_a);
    until_state(second, 'T');
    pid_t first = start_process(PLANT_BIT(PLANT_STOP_AWAKE), hold_a_ask_b);
    until_state(first, 'T');
    kill(second, SIGCONT);
    int result = ends(second, patience);
    kill(first, SIGCONT);
    return ends(first, patience) + result;
}

static int hold_c_ask_b(void)
{
    return hold_and_ask("c", "b", false);
}

static int hold_a_ask_c(void)
{
    struct door a, c;
    if (open_door("a", &a) < 0 || open_door("c", &c) < 0 || kin_lock_acquire(a.home, a.lock, KIN_NOW) < 0)
        return 1;
    raise(SIGSTOP);
    int result = kin_lock_acquire(c.home, c.lock, kin_after(1000 * 1000));
    kin_lock_release(a.home, a.lock);
    return result != -ETIMEDOUT;
}

/* Of the three in a cycle one is dead, and who waits for him has not heard of it. */
static int broken_by_death(int patience)
{
    pid_t third = start_process(0, hold_a_ask_c);
    until_state(third, 'T');
    pid_t first = start_process(0, hold_b_ask_a);
    until_state(first, 'T');
    pid_t second = start_process(0, hold_c_ask_b);
    until_state(second, 'S');
    kill(first, SIGCONT);
    until_state(first, 'S');
    kill(second, SIGSTOP);
    until_state(second, 'T');
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    kill(third, SIGCONT);
    int result = ends(third, patience);
    kill(second, SIGKILL);
    waitpid(second, NULL, 0);
    return result;
}

/* It gets the last one, which another holds. */
static int hold_c_get_a(void)
{
    struct door c, a;
    if (open_door("c", &c) < 0 || open_door("a", &a) < 0 || kin_lock_acquire(c.home, c.lock, KIN_NOW) < 0)
        return 1;
    return kin_lock_acquire(a.home, a.lock, KIN_FOREVER) < 0;
}

static int hold_b_ask_d(void)
{
    return hold_and_ask("b", "d", false);
}

static int hold_d_ask_c(void)
{
    return hold_and_ask("d", "c", true);
}

/* c -> a -> b -> d -> c were never all there: b's owner died before d's asked for c, and he who looks has seen him wait
 * before, and d's owner wait after. a's owner has not heard of it. */
static int never_all_at_once(int patience)
{
    pid_t fourth = start_process(0, hold_d_ask_c);
    until_state(fourth, 'T');
    pid_t third = start_process(0, hold_b_ask_d);
    until_state(third, 'S');
    pid_t second = start_process(0, hold_a_ask_b);
    until_state(second, 'S');
    pid_t first = start_process(PLANT_BIT(PLANT_STOP_LOOKING), hold_c_get_a);
    until_state(first, 'T');
    kill(second, SIGSTOP);
    until_state(second, 'T');
    kill(third, SIGKILL);
    waitpid(third, NULL, 0);
    kill(fourth, SIGCONT);
    until_state(fourth, 'S');
    kill(first, SIGCONT);
    until_state(first, 'S');
    kill(second, SIGKILL);
    waitpid(second, NULL, 0);
    return ends(first, patience) + ends(fourth, patience);
}

static int hold_b_and_stop(void)
{
    struct door b;
    if (open_door("b", &b) < 0 || kin_lock_acquire(b.home, b.lock, KIN_NOW) < 0)
        return 1;
    return raise(SIGSTOP);
}

static int count_edge(void *context, const struct kin_edge *edge)
{
    (void)edge;
    return ++*(int *)context, 0;
}

static int get_b_and_count(void)
{
    struct door b;
    int edges = 0;
    if (open_door("b", &b) < 0 || kin_lock_acquire(b.home, b.lock, KIN_FOREVER) != KIN_RECOVERED)
        return 1;
    return kin_domain_each_edge(NULL, count_edge, &edges) < 0 || edges != 0;
}

/* The owner dies between the look for a cycle and the sleep, which does not come to pass. */
static int not_asleep_after_all(int patience)
{
    pid_t owner = start_process(0, hold_b_and_stop);
    until_state(owner, 'T');
    pid_t next = start_process(PLANT_BIT(PLANT_STOP_AWAKE), get_b_and_count);
    until_state(next, 'T');
    kill(owner, SIGKILL);
    waitpid(owner, NULL, 0);
    kill(next, SIGCONT);
    return ends(next, patience);
}

struct book {
    kin_segment *home;
    kin_rwlock *rwlock;
};

static int open_book(struct book *book)
{
    int result = kin_rwlock_open(NULL, "book", NULL, &book->home, &book->rwlock);
    if (result == 0)
        kin_lock_check_cycles(book->home, 1);
    return result;
}

static int read_and_ask_a(void)
{
    struct book book;
    struct door a;
    if (open_book(&book) < 0 || open_door("a", &a) < 0 || kin_rwlock_acquire_read(book.home, book.rwlock, KIN_NOW) < 0)
        return 1;
    return kin_lock_acquire(a.home, a.lock, KIN_FOREVER) < 0;
}

static int write_refused(void)
{
    struct book book;
    return open_book(&book) < 0 || kin_rwlock_acquire_write(book.home, book.rwlock, KIN_FOREVER) != -EDEADLK;
}

static int hold_a_get_book(void)
{
    struct book book;
    struct door a;
    if (open_book(&book) < 0 || open_door("a", &a) < 0 || kin_lock_acquire(a.home, a.lock, KIN_NOW) < 0)
        return 1;
    raise(SIGSTOP);
    return kin_rwlock_acquire_read(book.home, book.rwlock, KIN_FOREVER) < 0;
}

/* A reader waits for the lock of another, who would read too if there were not a writer between the two. Nobody waits
 * in a circle before that writer falls asleep: it is he who is refused, and then all go on. */
static int closed_by_a_writer(int patience)
{
    pid_t next = start_process(0, hold_a_get_book);
    until_state(next, 'T');
    pid_t reader = start_process(0, read_and_ask_a);
    until_state(reader, 'S');
    pid_t writer = start_process(PLANT_BIT(PLANT_STOP_ASKING), write_refused);
    until_state(writer, 'T');
    kill(next, SIGCONT);
    until_state(next, 'S');
    kill(writer, SIGCONT);
    return ends(writer, patience) + ends(next, patience) + ends(reader, patience);
}

int main(void)
{
    kin_backstop = INT64_C(1000) * 1000 * 1000 * 1000;
    tap_bite(PLANT_LOOK_FIRST, "a look before it is said what is waited for", closed_together);
    tap_bite(PLANT_NO_DEATH_CHECK, "a dead one counts as waiting", broken_by_death);
    tap_bite(PLANT_LOOK_ONCE, "a way that was there at no single moment", never_all_at_once);
    tap_bite(PLANT_STAY_LISTED, "who holds is listed as waiting", not_asleep_after_all);
    tap_bite(PLANT_DEAD_SINCE, "a sleep beside an owner who is dead already", not_asleep_after_all);
    tap_bite(PLANT_NO_KEEP, "a writer who waits for readers holds nobody up", closed_by_a_writer);
    tap_bite(PLANT_ANY_OWNER, "who has the word and is awake counts as waiting", closed_by_a_writer);
    return tap_end();
}
