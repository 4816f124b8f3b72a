/* What a sweep frees, and what it must leave. */
#include "lives.h"
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

static int hold_and_die(void *context)
{
    check_is(kin_lock_acquire(context, &desk_of(context)->lock, SOON), 0);
    raise(SIGKILL);
    return 0;
}

static void what_is_settled_is_freed(void **state)
{
    (void)state;
    need_marks();
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    check_is(test_end(test_child(hold_and_die, segment)), -SIGKILL);
    check_is(lives_dead(domain), 1);
    check_is(clean(), 2); /* a life, a process */
    check_is(lives_dead(domain), 0);
    check_is(processes_used(domain), 1);
    check_is(clean(), 0);
    check_is(acquire_and_release(segment, KIN_NOW), KIN_RECOVERED);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

static void share(const char *directory)
{
    char path[128];
    check_is(chmod(directory, 01777), 0);
    snprintf(path, sizeof path, "%s/domain", directory);
    check_is(chmod(path, 0666), 0);
}

static void become(unsigned user)
{
    check_is(setgroups(0, NULL), 0);
    check_is(setresgid(user, user, user), 0);
    check_is(setresuid(user, user, user), 0);
}

static int clean_as_another(void *context)
{
    (void)context;
    become(65534);
    check(clean() >= 0);
    return 0;
}

/* Somebody who may not open the object must not free the life that holds something of it. */
static void an_object_of_others_keeps_the_life(void **state)
{
    if (!root_here())
        test_skip("not root: no second user to be");
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    char path[128];
    share(*state);
    snprintf(path, sizeof path, "%s/desk.kin", (char *)*state);
    check_is(chmod(path, 0600), 0);
    pid_t child = test_child(hold_and_die, segment);
    check_is(test_end(child), -SIGKILL);
    check_is(test_end(test_child(clean_as_another, NULL)), 0);
    check_is(life_of_thread(domain, child) != NULL, 1);
    struct sweep swept;
    int result;
    check(life_enter(domain, &result) != NULL);
    life_sweep(domain, &swept);
    check_is(swept.left, 0);
    check(life_of_thread(domain, child) == NULL);
    check_is(acquire_and_release(segment, KIN_NOW), KIN_RECOVERED);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

static void change_layout(const char *path, int by)
{
    struct segment_header header;
    int fd = open(path, O_RDWR);
    check_is(pread(fd, &header, sizeof header, 0), sizeof header);
    header.layout += (uint32_t)by;
    check_is(pwrite(fd, &header.layout, sizeof header.layout, offsetof(struct segment_header, layout)), 4);
    close(fd);
}

/* The same for one of another version. */
static void an_object_of_another_layout_keeps_the_life(void **state)
{
    (void)state;
    need_marks();
    kin_segment *segment = desk_open();
    kin_domain *domain = domain_here();
    struct sweep swept;
    int result;
    pid_t child = test_child(hold_and_die, segment);
    check_is(test_end(child), -SIGKILL);
    check(life_enter(domain, &result) != NULL);
    char path[128];
    snprintf(path, sizeof path, "%s/desk.kin", (char *)*state);
    change_layout(path, 1);
    life_sweep(domain, &swept);
    check(swept.lives == 0 && swept.left == 1);
    check(life_of_thread(domain, child) != NULL);
    change_layout(path, -1);
    life_sweep(domain, &swept);
    check(swept.lives == 1 && swept.left == 0);
    check_is(acquire_and_release(segment, KIN_NOW), KIN_RECOVERED);
    kin_domain_close(domain);
    kin_segment_close(segment);
}

static unsigned bells(const char *directory)
{
    unsigned count = 0;
    DIR *list = opendir(directory);
    check(list != NULL);
    for (struct dirent *entry; (entry = readdir(list));)
        count += strncmp(entry->d_name, "bell.", 5) == 0;
    closedir(list);
    return count;
}

static int make_a_bell(kin_queue *queue)
{
    struct kin_message message;
    check(kin_queue_fd(queue, KIN_CAN_RECEIVE) >= 0);
    check_is(kin_queue_receive(queue, NULL, 0, NULL, KIN_NOW, &message), -ETIMEDOUT);
    return 0;
}

static int ring_and_die(void *queue)
{
    make_a_bell(queue);
    raise(SIGKILL);
    return 0;
}

static int ring_and_exit(void *queue)
{
    make_a_bell(queue);
    exit(0);
}

static void the_bells_of_the_dead_are_swept(void **state)
{
    kin_queue *queue = queue_of("q", 4);
    check_is(test_end(test_child(ring_and_die, queue)), -SIGKILL);
    check_is(bells(*state), 1);
    clean();
    check_is(bells(*state), 0);
    kin_queue_close(queue);
}

static void an_exit_without_close_leaves_no_bell(void **state)
{
    kin_queue *queue = queue_of("q", 4);
    check_is(test_end(test_child(ring_and_exit, queue)), 0);
    clean();
    check_is(bells(*state), 0);
    kin_queue_close(queue);
}

/* A job of a killed worker and its result are settled before their records go, whoever sweeps. */
struct pipeline {
    kin_queue *jobs, *results;
};

static int finish_one_and_die(void *context)
{
    struct pipeline *line = context;
    struct kin_message job, result;
    check_is(kin_queue_take(line->jobs, NULL, SOON, &job), 0);
    check_is(kin_queue_loan(line->results, 8, KIN_NOW, &result), 0);
    memcpy(result.data, job.data, 8);
    check_is(kin_queue_done_and_send(line->jobs, &job, line->results, &result, NULL), 0);
    check_is(kin_queue_take(line->jobs, NULL, SOON, &job), 0);
    check_is(kin_queue_loan(line->results, 8, KIN_NOW, &result), 0);
    raise(SIGKILL);
    return 0;
}

static void a_swept_pipeline_counts_once(void **state)
{
    (void)state;
    struct pipeline line = {queue_of("jobs", 8), queue_of("results", 8)};
    kin_domain *domain = domain_here();
    check_is(send_number(line.jobs, 1), 0);
    check_is(send_number(line.jobs, 2), 0);
    check_is(test_end(test_child(finish_one_and_die, &line)), -SIGKILL);
    clean();
    check_is(lives_dead(domain), 0);
    check_is(processes_used(domain), 1);
    check_is(receive_number(line.jobs, KIN_NOW), 2);
    check_is(receive_number(line.jobs, KIN_NOW), -ETIMEDOUT);
    check_is(receive_number(line.results, KIN_NOW), 1);
    check_is(receive_number(line.results, KIN_NOW), -ETIMEDOUT);
    kin_domain_close(domain);
    kin_queue_close(line.jobs);
    kin_queue_close(line.results);
}

enum { QUEUES = 40 };

static int take_of_many(void *context)
{
    kin_queue **queues = context;
    struct kin_message message;
    for (unsigned i = 0; i < QUEUES; i++)
        check_is(kin_queue_take(queues[i], NULL, KIN_NOW, &message), 0);
    raise(SIGKILL);
    return 0;
}

/* More objects than a process record has room to name. */
static void leases_of_forty_queues_come_back(void **state)
{
    (void)state;
    kin_queue *queues[QUEUES];
    kin_domain *domain = domain_here();
    char name[16];
    for (unsigned i = 0; i < QUEUES; i++) {
        snprintf(name, sizeof name, "q%u", i);
        queues[i] = queue_of(name, 4);
        check_is(send_number(queues[i], i + 1), 0);
    }
    check_is(test_end(test_child(take_of_many, queues)), -SIGKILL);
    clean();
    check_is(lives_dead(domain), 0);
    check_is(processes_used(domain), 1);
    for (unsigned i = 0; i < QUEUES; i++) {
        struct kin_message message;
        check_is(kin_queue_take(queues[i], NULL, KIN_NOW, &message), 0);
        check_is(message.attempts, 1);
        check_is(kin_queue_done(queues[i], &message), 0);
        kin_queue_close(queues[i]);
    }
    kin_domain_close(domain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_settled_is_freed),
        TEST(an_object_of_others_keeps_the_life),
        TEST(an_object_of_another_layout_keeps_the_life),
        TEST(the_bells_of_the_dead_are_swept),
        TEST(an_exit_without_close_leaves_no_bell),
        TEST(a_swept_pipeline_counts_once),
        TEST(leases_of_forty_queues_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
