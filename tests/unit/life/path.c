/* Where a domain can be, and what is told where it cannot. */
#include "lives.h"
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static char path[4096];

static const char *below(void **state, const char *name)
{
    snprintf(path, sizeof path, "%s/%s", (char *)*state, name);
    return path;
}

static void it_is_made_where_nothing_or_nothing_is_in_it(void **state)
{
    kin_domain *domain, *again;
    struct stat about;
    check_refused(kin_domain_open(below(state, "d"), KIN_DOMAIN(.flags = KIN_MUST_EXIST), &domain), -ENOENT,
                  "kin mk domain");
    check_is(kin_domain_open(below(state, "d"), KIN_DOMAIN(.flags = KIN_MUST_CREATE), &domain), 0);
    check(strcmp(kin_domain_path(domain), path) == 0);
    check(stat(path, &about) == 0 && (about.st_mode & 07777) == 0700);
    check_refused(kin_domain_open(path, KIN_DOMAIN(.flags = KIN_MUST_CREATE), &again), -EEXIST, path);
    check_is(kin_domain_open(path, KIN_DOMAIN(.flags = KIN_MUST_EXIST), &again), 0);
    check(again == domain);
    kin_domain_close(again);
    kin_domain_close(domain);
    check_is(mkdir(below(state, "empty"), 0700), 0);
    check_is(kin_domain_open(path, KIN_DOMAIN(.flags = KIN_MUST_CREATE), &domain), 0);
    kin_domain_close(domain);
    kin_domain_close(NULL);
}

#define ROUNDS 300
#define AT_ONCE 4

struct race {
    unsigned arrived;
    const char *path;
};

static int make_it_and_use_it(void *context)
{
    struct race *race = context;
    kin_domain *domain;
    kin_segment *segment;
    char name[32];
    snprintf(name, sizeof name, "of-%d", (int)getpid());
    __atomic_fetch_add(&race->arrived, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&race->arrived, __ATOMIC_SEQ_CST) % AT_ONCE != 0)
        sched_yield();
    check_is(kin_domain_open(race->path, NULL, &domain), 0);
    check_is(kin_segment_open(domain, name, KIN_SEGMENT(.bytes = 64), &segment), 0);
    kin_segment_close(segment);
    kin_domain_close(domain);
    return 0;
}

static void many_may_make_it_at_once(void **state)
{
    struct race *race = test_shared(sizeof *race);
    race->path = below(state, "race");
    for (unsigned i = 0; i < ROUNDS; i++) {
        pid_t children[AT_ONCE];
        char command[5000];
        for (unsigned k = 0; k < AT_ONCE; k++)
            children[k] = test_child(make_it_and_use_it, race);
        for (unsigned k = 0; k < AT_ONCE; k++)
            check_is(test_end(children[k]), 0);
        snprintf(command, sizeof command, "rm -rf '%s'", race->path);
        check_is(system(command), 0);
    }
}

static void modes_are_as_asked_for_whatever_the_umask(void **state)
{
    static const unsigned modes[] = {0700, 0770, 01777};
    mode_t mask = umask(077);
    for (unsigned i = 0; i < 3; i++) {
        char name[16];
        struct stat about;
        kin_domain *domain;
        snprintf(name, sizeof name, "d%u", i);
        check_is(kin_domain_open(below(state, name), KIN_DOMAIN(.mode = modes[i]), &domain), 0);
        check(stat(path, &about) == 0 && (about.st_mode & 07777) == modes[i]);
        snprintf(name, sizeof name, "d%u/domain", i);
        check(stat(below(state, name), &about) == 0 && (about.st_mode & 07777) == (modes[i] & 0666));
        kin_domain_close(domain);
    }
    umask(mask);
}

static void the_witness_file_is_shared_as_the_domain_is(void **state)
{
    mode_t mask = umask(022);
    kin_domain *domain;
    struct stat about;
    int result;
    check_is(kin_domain_open(below(state, "d"), KIN_DOMAIN(.mode = 01777), &domain), 0);
    check(life_enter(domain, &result) != NULL);
    check(stat(below(state, "d/witness"), &about) == 0);
    check_is(about.st_mode & 0777, 0666);
    umask(mask);
    kin_domain_close(domain);
}

static void paths_that_cannot_be(void **state)
{
    kin_domain *domain;
    char longest[5000];
    check_refused(kin_domain_open("relative", NULL, &domain), -EINVAL, "whole path");
    check_refused(kin_domain_open("", NULL, &domain), -EINVAL, "whole path");
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = 0;
    check(kin_domain_open(longest, NULL, &domain) < 0);
    check_refused(kin_domain_open(below(state, "no/such"), NULL, &domain), -ENOENT, path);
    check_refused(kin_domain_open("/proc/self/kin", NULL, &domain), -ENOENT, "/proc/self/kin");
    int fd = open(below(state, "file"), O_CREAT | O_WRONLY, 0600);
    close(fd);
    check_refused(kin_domain_open(path, NULL, &domain), -ENOTDIR, "is a file");
    check_refused(kin_domain_open(below(state, "file/d"), NULL, &domain), -ENOTDIR, path);
    check_refused(kin_domain_open(*state, NULL, &domain), -ENOTEMPTY, "file");
    check_refused(kin_domain_open("/proc", NULL, &domain), -EMEDIUMTYPE, "not on tmpfs");
}

static void one_that_all_may_write_needs_the_sticky_bit(void **state)
{
    kin_domain *domain;
    check_is(mkdir(below(state, "open"), 0700), 0);
    check_is(chmod(path, 0777), 0);
    check_refused(kin_domain_open(path, NULL, &domain), -EPERM, "chmod +t");
    check_is(chmod(path, 01777), 0);
    check_is(kin_domain_open(path, NULL, &domain), 0);
    kin_domain_close(domain);
}

static void the_environment_names_it(void **state)
{
    kin_domain *domain;
    setenv("KIN_DOMAIN", below(state, "by-name"), 1);
    check_is(kin_domain_open(NULL, NULL, &domain), 0);
    check(strcmp(kin_domain_path(domain), path) == 0);
    kin_domain_close(domain);
    setenv("KIN_DOMAIN", "relative", 1);
    check_refused(kin_domain_open(NULL, NULL, &domain), -EINVAL, "KIN_DOMAIN");
    kin_queue *queue;
    check_is(kin_queue_open(NULL, "q", NULL, &queue), -EINVAL);
}

/* As a user whose number nobody has, and root's to clean up after. */
#define NOBODYS 54321u
#define DEFAULT_PATH "/dev/shm/kin-54321"

static void become(unsigned user)
{
    check_is(setgroups(0, NULL), 0);
    check_is(setresgid(user, user, user), 0);
    check_is(setresuid(user, user, user), 0);
}

static int use_the_default(void *given)
{
    struct stat about;
    kin_domain *domain;
    become(NOBODYS);
    if (given)
        setenv("KIN_DOMAIN", given, 1);
    else
        unsetenv("KIN_DOMAIN");
    check_is(kin_domain_open(NULL, NULL, &domain), 0);
    check(strcmp(kin_domain_path(domain), DEFAULT_PATH) == 0);
    check(stat(DEFAULT_PATH, &about) == 0 && about.st_uid == NOBODYS && (about.st_mode & 07777) == 0700);
    kin_domain_close(domain);
    unlink(DEFAULT_PATH "/domain");
    check_is(rmdir(DEFAULT_PATH), 0);
    return 0;
}

static int be_refused_the_default(void *unused)
{
    (void)unused;
    kin_domain *domain;
    become(NOBODYS);
    unsetenv("KIN_DOMAIN");
    check_refused(kin_domain_open(NULL, NULL, &domain), -EPERM, "belongs to user 0");
    return 0;
}

static void need_root(void)
{
    if (!root_here())
        test_skip("not root: no other user to be");
    if (access(DEFAULT_PATH, F_OK) == 0)
        test_skip(DEFAULT_PATH " is there already");
}

static void the_default_is_the_users_own(void **state)
{
    (void)state;
    need_root();
    check_is(test_end(test_child(use_the_default, NULL)), 0);
    check_is(test_end(test_child(use_the_default, "")), 0);
}

static void a_default_that_belongs_to_another_is_refused(void **state)
{
    (void)state;
    need_root();
    check_is(mkdir(DEFAULT_PATH, 0777), 0);
    check_is(chmod(DEFAULT_PATH, 01777), 0);
    int result = test_end(test_child(be_refused_the_default, NULL));
    rmdir(DEFAULT_PATH);
    check_is(result, 0);
}

static int be_refused_as_another(void *context)
{
    const char *directory = context;
    kin_domain *domain;
    kin_queue *queue;
    become(NOBODYS);
    check_refused(kin_domain_open(directory, NULL, &domain), -EACCES, directory);
    check_refused(kin_queue_open(NULL, "q", NULL, &queue), -EACCES, directory);
    return 0;
}

static void no_permission(void **state)
{
    need_root();
    kin_queue_close(queue_of("q", 4));
    check_is(test_end(test_child(be_refused_as_another, *state)), 0);
}

/* In a shared domain the objects are still their owner's. */
static int share_the_domain_only(void *context)
{
    struct kin_object object;
    kin_domain *domain;
    kin_queue *queue;
    become(NOBODYS);
    check_is(kin_domain_open(context, NULL, &domain), 0);
    check_refused(kin_queue_open(domain, "theirs", NULL, &queue), -EACCES, "theirs");
    check_is(kin_object_find(domain, "theirs", &object), 0);
    check_is(object.state, -EACCES);
    check_refused(kin_remove(domain, "theirs", KIN_EVEN_HELD), -EPERM, "permission");
    check_is(kin_queue_open(domain, "mine", NULL, &queue), 0);
    check_is(send_number(queue, 1), 0);
    kin_queue_close(queue);
    check_is(kin_remove(domain, "mine", 0), 0);
    kin_domain_close(domain);
    return 0;
}

static void a_shared_domain_has_objects_of_each_user(void **state)
{
    need_root();
    kin_domain *domain;
    kin_queue *queue;
    check_is(chmod(*state, 0711), 0);
    check_is(kin_domain_open(below(state, "shared"), KIN_DOMAIN(.mode = 01777), &domain), 0);
    check_is(kin_queue_open(domain, "theirs", NULL, &queue), 0);
    check_is(test_end(test_child(share_the_domain_only, path)), 0);
    kin_queue_close(queue);
    kin_domain_close(domain);
}

static void write_at(const char *file, off_t offset, const void *data, size_t size)
{
    int fd = open(file, O_RDWR);
    check_is(pwrite(fd, data, size, offset), (ssize_t)size);
    close(fd);
}

static void another_version_is_refused(void **state)
{
    kin_domain *domain;
    uint32_t wrong = 0x12345678;
    kin_domain_close(domain_here());
    write_at(below(state, "domain"), offsetof(struct segment_header, layout), &wrong, 4);
    check_refused(kin_domain_open(*state, NULL, &domain), -EPROTO, "another version");
    write_at(path, offsetof(struct segment_header, version), &wrong, 4);
    check_refused(kin_domain_open(*state, NULL, &domain), -EPROTO, "another version");
    write_at(path, 0, &wrong, 4);
    check_refused(kin_domain_open(*state, NULL, &domain), -EMEDIUMTYPE, "not an object of kin");
    check_is(truncate(path, 10), 0);
    check_is(kin_domain_open(*state, NULL, &domain), -EMEDIUMTYPE);
}

static void an_object_is_no_domain(void **state)
{
    kin_domain *domain;
    char from[128];
    kin_queue_close(queue_of("q", 4));
    check_is(mkdir(below(state, "other"), 0700), 0);
    snprintf(from, sizeof from, "%s/q.kin", (char *)*state);
    check_is(link(from, below(state, "other/domain")), 0);
    check_is(kin_domain_open(below(state, "other"), NULL, &domain), -EMEDIUMTYPE);
    kin_domain_close(domain_here());
    snprintf(from, sizeof from, "%s/domain", (char *)*state);
    check_is(link(from, below(state, "d.kin")), 0);
    kin_queue *queue;
    check(kin_queue_open(NULL, "d", NULL, &queue) < 0);
}

static void a_copied_object_is_refused(void **state)
{
    kin_domain *other;
    kin_queue *queue;
    char command[8192];
    kin_queue_close(queue_of("q", 4));
    check_is(kin_domain_open(below(state, "other"), NULL, &other), 0);
    snprintf(command, sizeof command, "cp %s/q.kin %s/", (char *)*state, path);
    check_is(system(command), 0);
    check_refused(kin_queue_open(other, "q", NULL, &queue), -EPROTO, "another domain");
    struct kin_object object;
    check_is(kin_object_find(other, "q", &object), 0);
    check_is(object.state, -EPROTO);
    check_is(kin_remove(other, "q", 0), 0);
    kin_domain_close(other);
}

/* A small tmpfs, full but for so many bytes. */
static void fill(const char *directory, off_t left)
{
    char file[128];
    snprintf(file, sizeof file, "%s/ballast", directory);
    int fd = open(file, O_RDWR | O_CREAT, 0600);
    off_t size = 0;
    while (posix_fallocate(fd, size, 4096) == 0)
        size += 4096;
    check_is(ftruncate(fd, size - left), 0);
    close(fd);
}

static int in_a_full_one(void *context)
{
    const char *directory = context;
    kin_domain *domain;
    kin_queue *queue;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("kin", directory, "tmpfs", 0, "size=1m") < 0)
        return 77;
    check_is(mkdir(below((void **)&directory, "made"), 0700), 0);
    check_is(kin_domain_open(below((void **)&directory, "made"), NULL, &domain), 0);
    check_is(kin_queue_open(domain, "old", KIN_QUEUE(.messages = 4000, .message_max = 64), &queue), 0);
    check_is(mkdir(below((void **)&directory, "new"), 0700), 0);
    fill(directory, 0);
    kin_domain *none;
    check_refused(kin_domain_open(path, NULL, &none), -ENOSPC, "no room");
    check_is(rmdir(path), 0); /* nothing is left in it */
    kin_queue *nothing;
    check_refused(kin_queue_open(domain, "new", NULL, &nothing), -ENOSPC, "enlarge the tmpfs");
    check_is(kin_queue_open(domain, "new", KIN_QUEUE(.flags = KIN_MUST_EXIST), &nothing), -ENOENT);
    int result, sent = 0;
    while ((result = send_number(queue, 1)) == 0)
        sent++;
    check_is(result, -ENOSPC);
    for (int i = 0; i < sent; i++)
        check_is(receive_number(queue, KIN_NOW), 1);
    kin_queue_close(queue);
    check_is(kin_remove(domain, "old", 0), 0);
    check_is(kin_queue_open(domain, "new", NULL, &queue), 0);
    kin_queue_close(queue);
    kin_domain_close(domain);
    return 0;
}

static void a_full_tmpfs(void **state)
{
    int result = test_end(test_child(in_a_full_one, *state));
    if (result == 77)
        test_skip("no permission to mount a tmpfs");
    check_is(result, 0);
}

static int die(void *context)
{
    kin_domain *domain = context;
    int result;
    if (!life_enter(domain, &result))
        check_is(result, 0);
    raise(SIGKILL);
    return 0;
}

static int live(void *context)
{
    kin_domain *domain = context;
    int result;
    if (!life_enter(domain, &result))
        check_is(result, 0);
    exit(0);
}

/* The table cannot grow, but all its records are of dead ones. */
static int among_the_dead_in_a_full_one(void *context)
{
    const char *directory = context;
    kin_domain *domain;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("kin", directory, "tmpfs", 0, "size=1m") < 0)
        return 77;
    check_is(kin_domain_open(below((void **)&directory, "made"), NULL, &domain), 0);
    check_is(test_end(test_child(live, domain)), 0); /* makes `witness` */
    fill(directory, 0);
    uint32_t records = LOAD(domain->shared->lives.count);
    for (uint32_t i = 1; i < records; i++) /* 63 at the most: an early sweep would do as well */
        check_is(test_end(test_child(die, domain)), -SIGKILL);
    check_is(test_end(test_child(live, domain)), 0);
    kin_domain_close(domain);
    return 0;
}

static void a_full_table_is_swept_before_it_is_full(void **state)
{
    need_marks();
    int result = test_end(test_child(among_the_dead_in_a_full_one, *state));
    if (result == 77)
        test_skip("no permission to mount a tmpfs");
    check_is(result, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_made_where_nothing_or_nothing_is_in_it),
        TEST(many_may_make_it_at_once),
        TEST(modes_are_as_asked_for_whatever_the_umask),
        TEST(the_witness_file_is_shared_as_the_domain_is),
        TEST(paths_that_cannot_be),
        TEST(one_that_all_may_write_needs_the_sticky_bit),
        TEST(the_environment_names_it),
        TEST(the_default_is_the_users_own),
        TEST(a_default_that_belongs_to_another_is_refused),
        TEST(no_permission),
        TEST(a_shared_domain_has_objects_of_each_user),
        TEST(another_version_is_refused),
        TEST(an_object_is_no_domain),
        TEST(a_copied_object_is_refused),
        TEST(a_full_tmpfs),
        TEST(a_full_table_is_swept_before_it_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
