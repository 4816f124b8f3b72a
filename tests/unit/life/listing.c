/* Listing, finding, parties, removing, the recovery log, clean. */
#include "lives.h"
#include <fcntl.h>
#include <sys/stat.h>

struct list {
    unsigned count, stop_at;
    struct kin_object found[64];
};

static int collect(void *context, const struct kin_object *object)
{
    struct list *list = context;
    check(list->count < 64);
    list->found[list->count++] = *object;
    return list->count == list->stop_at ? 42 : 0;
}

static const struct kin_object *in_list(const struct list *list, const char *name)
{
    for (unsigned i = 0; i < list->count; i++)
        if (strcmp(list->found[i].name, name) == 0)
            return &list->found[i];
    return NULL;
}

static void each_shows_every_object_once(void **state)
{
    static struct list list;
    char longest[KIN_NAME_MAX + 1], path[300];
    kin_segment *home;
    kin_lock *lock;
    memset(&list, 0, sizeof list);
    check_is(kin_domain_each(NULL, collect, &list), 0);
    check_is(list.count, 0);
    memset(longest, 'n', KIN_NAME_MAX);
    longest[KIN_NAME_MAX] = 0;
    kin_segment *segment = desk_open();
    kin_queue *queue = queue_of(longest, 4);
    check_is(kin_lock_open(NULL, "a lock", KIN_LOCK(.mode = 0640), &home, &lock), 0);
    check(kin_queue_fd(queue, KIN_CAN_RECEIVE) >= 0); /* its bell is no object */
    snprintf(path, sizeof path, "%s/not-an-object", (char *)*state);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    snprintf(path, sizeof path, "%s/junk.kin", (char *)*state);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    snprintf(path, sizeof path, "%s/.kin", (char *)*state);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    check_is(kin_domain_each(NULL, collect, &list), 0);
    check_is(list.count, 4);
    check(in_list(&list, longest)->kind == KIN_KIND_QUEUE && in_list(&list, "desk")->kind == KIN_KIND_SEGMENT);
    const struct kin_object *found = in_list(&list, "a lock");
    check(found->kind == KIN_KIND_LOCK && found->mode == 0640 && found->state == 0 && found->size > 0 &&
          found->uid == geteuid() && found->created > 0);
    check(in_list(&list, "junk")->kind == 0 && in_list(&list, "junk")->state == -EBADMSG);
    list = (struct list){.stop_at = 2};
    check_is(kin_domain_each(NULL, collect, &list), 42);
    check_is(list.count, 2);
    kin_segment_close(home);
    kin_segment_close(segment);
    kin_queue_close(queue);
}

static void find_tells_one_apart_from_its_successor(void **state)
{
    (void)state;
    struct kin_object first, second;
    check_refused(kin_object_find(NULL, "q", &first), -ENOENT, "no object named q");
    check_refused(kin_object_find(NULL, "a/b", &first), -EINVAL, "'/'");
    check_is(kin_object_find(NULL, "", &first), -EINVAL);
    check_is(kin_object_find(NULL, "..", &first), -EINVAL);
    kin_queue *queue = queue_of("q", 4);
    check_is(kin_object_find(NULL, "q", &first), 0);
    check(first.kind == KIN_KIND_QUEUE && strcmp(first.name, "q") == 0);
    check_is(kin_remove(NULL, "q", 0), 0);
    check_is(kin_object_find(NULL, "q", &second), -ENOENT);
    kin_queue *next = queue_of("q", 4);
    check_is(kin_object_find(NULL, "q", &second), 0);
    check(first.inode != second.inode); /* the first file is still mapped */
    kin_queue_close(queue);
    kin_queue_close(next);
}

struct parties {
    unsigned count;
    struct kin_party found[16];
};

static int collect_party(void *context, const struct kin_party *party)
{
    struct parties *parties = context;
    check(parties->count < 16);
    parties->found[parties->count++] = *party;
    return 0;
}

static const struct kin_party *party_of(const struct parties *parties, pid_t process)
{
    for (unsigned i = 0; i < parties->count; i++)
        if (parties->found[i].pid == process)
            return &parties->found[i];
    return NULL;
}

static int take_three(void *context)
{
    struct lessee *lessee = context;
    struct kin_message message;
    check_is(kin_queue_take(lessee->queue, NULL, KIN_NOW, &message), 0);
    check_is(kin_queue_take(lessee->queue, NULL, KIN_NOW, &message), 0);
    check_is(kin_queue_borrow(lessee->queue, NULL, KIN_NOW, &message), 0);
    flag_raise(lessee->segment, 1);
    for (;;)
        pause();
}

static int receive_late(void *queue)
{
    return receive_number(queue, SOON) > 0 ? 0 : 1;
}

static void parties_are_holders_and_waiters(void **state)
{
    (void)state;
    struct lessee lessee = {desk_open(), queue_of("q", 8)};
    struct parties parties = {0};
    check_is(kin_object_each_party(NULL, "none", collect_party, &parties), -ENOENT);
    check_is(kin_object_each_party(NULL, "q", collect_party, &parties), 0);
    check_is(parties.count, 0);
    for (unsigned i = 0; i < 3; i++)
        check_is(send_number(lessee.queue, i + 1), 0);
    pid_t taker = test_child(take_three, &lessee);
    flag_await(lessee.segment, 1);
    pid_t receiver = test_child(receive_late, lessee.queue);
    test_asleep(receiver);
    check_is(kin_object_each_party(NULL, "q", collect_party, &parties), 0);
    check_is(parties.count, 2);
    const struct kin_party *holder = party_of(&parties, taker), *waiter = party_of(&parties, receiver);
    check(holder && holder->part == KIN_PART_HOLDS && holder->tid == 0 && holder->count == 3 && holder->alive == 1);
    check(waiter && waiter->part == KIN_PART_WAITS && waiter->tid == receiver && waiter->alive == 1);
    check(holder->command[0] != 0);
    check_refused(kin_remove(NULL, "q", 0), -EBUSY, "in use");
    pid_t owner = test_child(hold_the_lock, lessee.segment);
    flag_await(lessee.segment, 0);
    parties.count = 0;
    check_is(kin_object_each_party(NULL, "desk", collect_party, &parties), 0);
    check_is(parties.count, 1);
    check(parties.found[0].pid == owner && parties.found[0].tid == owner && parties.found[0].count == 1 &&
          parties.found[0].offset == offsetof(struct desk, lock) && parties.found[0].part == KIN_PART_HOLDS);
    test_kill(owner);
    parties.count = 0;
    check_is(kin_object_each_party(NULL, "desk", collect_party, &parties), 0);
    check(parties.count == 1 && parties.found[0].pid == owner && parties.found[0].alive == 0);
    test_kill(taker);
    check_is(test_end(receiver), 0);
    check_is(kin_remove(NULL, "desk", 0), 0); /* the dead do not count */
    kin_segment_close(lessee.segment);
    kin_queue_close(lessee.queue);
}

static void removing(void **state)
{
    (void)state;
    kin_queue *queue = queue_of("q", 4);
    check_refused(kin_remove(NULL, "none", 0), -ENOENT, "none");
    check_refused(kin_remove(NULL, "a/b", 0), -EINVAL, "'/'");
    check_is(send_number(queue, 1), 0);
    check_is(kin_remove(NULL, "q", 0), 0); /* messages are not held */
    check_is(receive_number(queue, KIN_NOW), -EIDRM);
    check_is(send_number(queue, 2), -EIDRM);
    kin_queue_close(queue);
    char path[300];
    snprintf(path, sizeof path, "%s/junk.kin", (char *)*state);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    check_is(kin_remove(NULL, "junk", 0), 0);
    check(access(path, F_OK) < 0);
}

static int die_with_it(void *segment)
{
    check(kin_lock_acquire(segment, &desk_of(segment)->lock, SOON) >= 0);
    raise(SIGKILL);
    return 0;
}

struct deaths {
    uint64_t first, last;
    unsigned count;
    pid_t victim, settler;
};

static int count_death(void *context, const struct kin_death *death)
{
    struct deaths *deaths = context;
    check(deaths->count == 0 || death->number == deaths->last + 1);
    if (deaths->count == 0)
        deaths->first = death->number;
    deaths->last = death->number;
    deaths->count++;
    deaths->victim = death->pid;
    deaths->settler = death->settler;
    check(strcmp(death->name, "desk") == 0 && strcmp(death->held, "lock") == 0 && death->kind == KIN_KIND_SEGMENT);
    check(death->when > 0 && death->command[0] != 0);
    return death->number == 299 ? 7 : 0;
}

static void the_log_keeps_the_last_256(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    pid_t last = 0;
    for (unsigned i = 0; i < 300; i++) {
        last = test_child(die_with_it, segment);
        check_is(test_end(last), -SIGKILL);
        check_is(acquire_and_release(segment, SOON), KIN_RECOVERED);
        if (i == 3) {
            struct deaths few = {0};
            check_is(kin_domain_each_death(domain, 0, count_death, &few), 0);
            check(few.count == 4 && few.first == 1 && few.victim == last && few.settler == getpid());
            few = (struct deaths){0};
            check_is(kin_domain_each_death(domain, 3, count_death, &few), 0);
            check(few.count == 1 && few.first == 4);
            few = (struct deaths){0};
            check_is(kin_domain_each_death(domain, 4, count_death, &few), 0);
            check_is(few.count, 0);
        }
    }
    struct deaths deaths = {0};
    check_is(kin_domain_each_death(domain, 0, count_death, &deaths), 7); /* what visit gave */
    check(deaths.first == 45 && deaths.last == 299 && deaths.count == 255);
    deaths = (struct deaths){0};
    check_is(kin_domain_each_death(domain, 299, count_death, &deaths), 0);
    check(deaths.first == 300 && deaths.count == 1 && deaths.victim == last);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

struct proofs {
    unsigned lives, processes;
    pid_t pid;
};

static void see(void *context, const struct kin_stale *stale)
{
    struct proofs *proofs = context;
    proofs->lives += strcmp(stale->what, "life") == 0;
    proofs->processes += strcmp(stale->what, "process") == 0;
    proofs->pid = stale->pid;
    check(stale->proof && strlen(stale->proof) > 20);
}

static void clean_shows_before_it_acts(void **state)
{
    (void)state;
    kin_segment *segment = desk_open();
    struct proofs proofs = {0};
    check_is(kin_domain_clean(NULL, 0, see, &proofs), 0);
    pid_t living = test_child(hold_the_lock, segment);
    flag_await(segment, 0);
    pid_t dead = test_child(die_with_it, segment);
    test_asleep(dead);
    test_kill(dead);
    for (unsigned turn = 0; turn < 2; turn++) {
        proofs = (struct proofs){0};
        check_is(kin_domain_clean(NULL, turn ? KIN_CLEAN_ACT : 0, see, &proofs), 2);
        check(proofs.lives == 1 && proofs.processes == 1 && proofs.pid == dead);
    }
    check_is(kin_domain_clean(NULL, KIN_CLEAN_ACT, see, &proofs), 0);
    check_is(acquire_and_release(segment, KIN_NOW), -ETIMEDOUT); /* the living one still has it */
    test_kill(living);
    check_is(acquire_and_release(segment, SOON), KIN_RECOVERED);
    kin_segment_close(segment);
}

static void facilities_count(void **state)
{
    (void)state;
    struct kin_facilities facilities;
    kin_segment *segment = desk_open();
    check_is(kin_domain_facilities(NULL, &facilities), 0);
    check(facilities.lives == 0 && facilities.processes == 0);
    check_is(test_end(test_child(die_with_it, segment)), -SIGKILL);
    check_is(acquire_and_release(segment, SOON), KIN_RECOVERED);
    check_is(kin_domain_facilities(NULL, &facilities), 0);
    check(facilities.lives == 1 && facilities.lives_dead == 1 && facilities.processes == 2);
    check_is(facilities.fallback, !facilities.waitv || !facilities.robust_list);
    kin_segment_close(segment);
}

static void kinds_have_names(void **state)
{
    (void)state;
    check(strcmp(kin_kind_name(KIN_KIND_QUEUE), "queue") == 0 && strcmp(kin_kind_name(KIN_KIND_LOCK), "lock") == 0);
    check(kin_kind_name(KIN_KIND_ANY) == NULL && kin_kind_name(1000) == NULL);
}

static void see_file(void *context, const struct kin_stale *stale)
{
    if (strcmp(stale->what, "file") == 0 && strcmp(stale->name, "bell.77.1") == 0 && stale->proof[0])
        ++*(int *)context;
}

/* A doorbell whose owner left no record is a file that nobody would ever miss. */
static void a_doorbell_without_an_owner_is_stale(void **state)
{
    char path[256];
    int files = 0;
    snprintf(path, sizeof path, "%s/bell.77.1", (const char *)*state);
    check_is(kin_domain_clean(NULL, 0, NULL, NULL), 0);
    check_is(mkfifo(path, 0600), 0);
    check_is(kin_domain_clean(NULL, 0, see_file, &files), 1);
    check(files == 1 && access(path, F_OK) == 0);
    check_is(kin_domain_clean(NULL, KIN_CLEAN_ACT, see_file, &files), 1);
    check(files == 2 && access(path, F_OK) < 0);
    check_is(kin_domain_clean(NULL, 0, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_shows_every_object_once),
        TEST(find_tells_one_apart_from_its_successor),
        TEST(parties_are_holders_and_waiters),
        TEST(removing),
        TEST(the_log_keeps_the_last_256),
        TEST(clean_shows_before_it_acts),
        TEST(a_doorbell_without_an_owner_is_stale),
        TEST(facilities_count),
        TEST(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
