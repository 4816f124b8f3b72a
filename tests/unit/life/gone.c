/* What the application or its user takes away: descriptors, the domain itself. */
#include "lives.h"
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

static void close_everything(void)
{
    check_is(syscall(SYS_close_range, 3, ~0U, 0), 0);
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about, (void)type, (void)place;
    return remove(path);
}

static void delete_domain(const char *path)
{
    check_is(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int die_with_it(void *segment)
{
    check(kin_lock_acquire(segment, &desk_of(segment)->lock, SOON) >= 0);
    raise(SIGKILL);
    return 0;
}

/* Goes on to use everything after its descriptors were closed. */
static int close_all_and_go_on(void *context)
{
    struct lessee *lessee = context;
    struct kin_message message;
    char name[16];
    check_is(acquire_and_release(lessee->segment, SOON), 0);
    close_everything();
    check_is(acquire_and_release(lessee->segment, SOON), 0);
    for (unsigned i = 0; i < 200; i++)
        check_is(send_number(lessee->queue, i), 0); /* it grows */
    check_is(receive_number(lessee->queue, KIN_NOW), 0);
    check_is(kin_queue_take(lessee->queue, NULL, KIN_NOW, &message), 0);
    check_is(kin_queue_done(lessee->queue, &message), 0);
    close_everything();
    check_is(test_end(test_child(die_with_it, lessee->segment)), -SIGKILL);
    check_is(acquire_and_release(lessee->segment, SOON), KIN_RECOVERED);
    snprintf(name, sizeof name, "new");
    kin_queue_close(queue_of(name, 4));
    check_is(kin_remove(NULL, name, 0), 0);
    check(kin_queue_fd(lessee->queue, KIN_CAN_RECEIVE) >= 0);
    check(clean() >= 0);
    return 0;
}

static void all_descriptors_closed(void **state)
{
    (void)state;
    struct lessee lessee = {desk_open(), queue_of("q", 1000)};
    check_is(test_end(test_child(close_all_and_go_on, &lessee)), 0);
    check_is(acquire_and_release(lessee.segment, SOON), 0);
    clean();
    kin_queue_close(lessee.queue);
    kin_segment_close(lessee.segment);
}

/* Numbers that kin once had are the application's now. */
static int close_all_and_use_the_numbers(void *context)
{
    const char *path = context;
    char file[128];
    int fds[20];
    kin_domain *domain;
    kin_segment *segment = desk_open();
    check_is(kin_domain_open(NULL, NULL, &domain), 0);
    kin_queue *queue = queue_of("q", 1000);
    check_is(acquire_and_release(segment, SOON), 0);
    close_everything();
    snprintf(file, sizeof file, "%s/../%d.mine", path, getpid());
    for (unsigned i = 0; i < 20; i++) {
        fds[i] = open(file, O_RDWR | O_CREAT, 0600);
        check(fds[i] >= 0);
    }
    unlink(file);
    check_is(acquire_and_release(segment, SOON), 0);
    for (unsigned i = 0; i < 200; i++)
        check_is(send_number(queue, i), 0);
    check_is(test_end(test_child(acquire_the_lock, segment)), 0);
    struct stat about;
    check(fstat(fds[0], &about) == 0 && about.st_size == 0);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    kin_queue_close(queue);
    kin_segment_close(segment);
    kin_domain_close(domain);
    for (unsigned i = 0; i < 20; i++) {
        struct stat same;
        check(fstat(fds[i], &same) == 0 && same.st_ino == about.st_ino);
        check_is(fcntl(fds[i], F_OFD_GETLK, &lock), 0);
        check_is(lock.l_type, F_UNLCK);
    }
    return 0;
}

static void numbers_that_are_another_file_now(void **state)
{
    check_is(test_end(test_child(close_all_and_use_the_numbers, *state)), 0);
}

/* A thread without a life: the handle is freed with the last close. */
static void *use_briefly(void *context)
{
    (void)context;
    kin_segment *segment = desk_open();
    check_is(acquire_and_release(segment, SOON), 0);
    kin_segment_close(segment);
    return NULL;
}

static int close_the_handle_after_all(void *context)
{
    pthread_t thread;
    char file[128];
    struct stat mine, same;
    kin_domain *domain = domain_here();
    check_is(pthread_create(&thread, NULL, use_briefly, NULL), 0);
    check_is(pthread_join(thread, NULL), 0);
    close_everything();
    snprintf(file, sizeof file, "%s/../%d.mine", (char *)context, getpid());
    for (int i = 3; i < 20; i++)
        check_is(open(file, O_RDWR | O_CREAT, 0600), i);
    unlink(file);
    check_is(fstat(3, &mine), 0);
    kin_domain_close(domain);
    for (int i = 3; i < 20; i++)
        check(fstat(i, &same) == 0 && same.st_ino == mine.st_ino);
    return 0;
}

static void closing_the_domain_closes_nothing_of_others(void **state)
{
    check_is(test_end(test_child(close_the_handle_after_all, *state)), 0);
}

static int acquire_until_deleted(void *segment)
{
    return -acquire_and_release(segment, SOON);
}

static int receive_until_deleted(void *queue)
{
    return (int)-receive_number(queue, SOON);
}

static int take_until_deleted(void *queue)
{
    struct kin_message message;
    return -kin_queue_take(queue, NULL, SOON, &message);
}

static int send_until_deleted(void *queue)
{
    uint64_t number = 1;
    return -kin_queue_send(queue, &number, sizeof number, NULL, SOON);
}

static void waiters_learn_that_the_domain_is_deleted(void **state)
{
    kin_segment *segment = desk_open();
    kin_queue *empty = queue_of("empty", 4), *full = queue_of("full", 1);
    pid_t waiters[4];
    check_is(send_number(full, 1), 0);
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, KIN_NOW), 0);
    waiters[0] = test_child(acquire_until_deleted, segment);
    waiters[1] = test_child(receive_until_deleted, empty);
    waiters[2] = test_child(take_until_deleted, empty);
    waiters[3] = test_child(send_until_deleted, full);
    for (unsigned i = 0; i < 4; i++)
        test_asleep(waiters[i]);
    delete_domain(*state);
    for (unsigned i = 0; i < 4; i++)
        check_is(test_end(waiters[i]), EIDRM);
    kin_queue_close(empty);
    kin_queue_close(full);
    kin_segment_close(segment);
}

/* Only its domain file: the objects' files are still there. */
static void waiters_learn_that_the_domain_file_is_deleted(void **state)
{
    kin_segment *segment = desk_open();
    kin_queue *empty = queue_of("empty", 4);
    char path[128];
    check_is(kin_lock_acquire(segment, &desk_of(segment)->lock, KIN_NOW), 0);
    pid_t locker = test_child(acquire_until_deleted, segment), receiver = test_child(receive_until_deleted, empty);
    test_asleep(locker);
    test_asleep(receiver);
    snprintf(path, sizeof path, "%s/domain", (char *)*state);
    check_is(unlink(path), 0);
    check_is(test_end(locker), EIDRM);
    check_is(test_end(receiver), EIDRM);
    kin_queue_close(empty);
    kin_segment_close(segment);
}

static int open_in_deleted(void *domain)
{
    kin_queue *queue;
    kin_segment *segment;
    check_refused(kin_queue_open(domain, "q", NULL, &queue), -ESTALE, "deleted");
    check_is(kin_queue_open(domain, "q", KIN_QUEUE(.flags = KIN_MUST_EXIST), &queue), -ESTALE);
    check_is(kin_segment_open(domain, "s", KIN_SEGMENT(.bytes = 64), &segment), -ESTALE);
    return 0;
}

static void opens_in_a_deleted_domain_are_stale(void **state)
{
    kin_domain *domain = domain_here();
    kin_queue_close(queue_of("q", 4));
    delete_domain(*state);
    open_in_deleted(domain);
    check_is(test_end(test_child(open_in_deleted, domain)), 0);
    check_is(mkdir(*state, 0700), 0);
    kin_domain *anew;
    check_is(kin_domain_open(*state, NULL, &anew), 0);
    check(anew != domain);
    check_is(test_end(test_child(open_in_deleted, domain)), 0);
    kin_queue *queue;
    check_is(kin_queue_open(anew, "q", NULL, &queue), 0);
    kin_queue_close(queue);
    kin_domain_close(anew);
    kin_domain_close(domain);
}

static int attach_to_deleted(void *segment)
{
    return -acquire_and_release(segment, KIN_NOW);
}

static void a_newcomer_to_a_deleted_domain(void **state)
{
    kin_segment *segment = desk_open();
    check_is(acquire_and_release(segment, KIN_NOW), 0);
    delete_domain(*state);
    check_is(test_end(test_child(attach_to_deleted, segment)), ESTALE);
    check_is(acquire_and_release(segment, KIN_NOW), 0); /* who is in may go on */
    kin_segment_close(segment);
}

/* Whoever deletes the domain file alone leaves objects that no new domain may call its own. */
static void a_new_domain_does_not_adopt_the_objects_of_a_deleted_one(void **state)
{
    char path[128];
    kin_domain *domain;
    kin_segment *segment = desk_open();
    check_is(acquire_and_release(segment, KIN_NOW), 0);
    snprintf(path, sizeof path, "%s/domain", (char *)*state);
    check_is(unlink(path), 0);
    check_refused(kin_domain_open(*state, NULL, &domain), -ESTALE, "was deleted");
    kin_segment_close(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_descriptors_closed),
        TEST(numbers_that_are_another_file_now),
        TEST(closing_the_domain_closes_nothing_of_others),
        TEST(waiters_learn_that_the_domain_is_deleted),
        TEST(waiters_learn_that_the_domain_file_is_deleted),
        TEST(opens_in_a_deleted_domain_are_stale),
        TEST(a_newcomer_to_a_deleted_domain),
        TEST(a_new_domain_does_not_adopt_the_objects_of_a_deleted_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
