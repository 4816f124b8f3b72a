/* Locks of files: what excludes what, what ends them, and how long one waits. */
#include "lockfile.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHARED KIN_FILELOCK_SHARED
#define FLOCK KIN_FILELOCK_FLOCK
#define SECOND INT64_C(1000000000)

int flock(int fd, int operation); /* <sys/file.h> is hidden by a header of our own */

static void ranges_exclude_where_they_meet(void **state)
{
    int fd = lockfile_open(state, 0);
    check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.offset = 10, .length = 10), KIN_NOW), 0);
    check(lockfile_free(state, 0, 0, 10));
    check(lockfile_free(state, 0, 20, 0));
    check(!lockfile_free(state, 0, 19, 1));
    check(!lockfile_free(state, SHARED, 0, 11));
    check(!lockfile_free(state, 0, 0, 0));
    check_is(kin_filelock_release(fd, KIN_FILELOCK(.offset = 12, .length = 2)), 0);
    check(lockfile_free(state, 0, 12, 2));
    check(!lockfile_free(state, 0, 14, 1));
    check_is(kin_filelock_release(fd, NULL), 0);
    check(lockfile_free(state, 0, 0, 0));
    check_is(kin_filelock_release(fd, NULL), 0);
    check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.offset = INT64_MAX, .length = 0), KIN_NOW), 0);
    check(!lockfile_free(state, 0, 0, 0));
    close(fd);
}

static void those_who_share_share(void **state)
{
    for (unsigned kind = 0; kind <= FLOCK; kind += FLOCK) {
        int fd = lockfile_open(state, kind);
        check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = kind | SHARED), KIN_NOW), 0);
        check(lockfile_free(state, kind | SHARED, 0, 0));
        check(!lockfile_free(state, kind, 0, 0));
        close(fd);
    }
}

static void the_kinds_do_not_see_each_other(void **state)
{
    int fd = lockfile_open(state, 0);
    check_is(kin_filelock_acquire(fd, NULL, KIN_NOW), 0);
    check(lockfile_free(state, FLOCK, 0, 0));
    check_is(flock(fd, LOCK_EX | LOCK_NB), 0);
    check(!lockfile_free(state, FLOCK, 0, 0));
    close(fd);
}

/* The trap of F_SETLK: a library that opens and closes the same file drops its caller's locks. */
static void any_other_close_leaves_the_lock(void **state)
{
    int fd = lockfile_open(state, 0), other = lockfile_open(state, 0);
    struct flock posix = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1};
    check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.length = 1), KIN_NOW), 0);
    check_is(fcntl(fd, F_SETLK, &posix), 0);
    check(!lockfile_free(state, 0, 100, 1));
    close(other);
    check(lockfile_free(state, 0, 100, 1)); /* dropped */
    check(!lockfile_free(state, 0, 0, 1)); /* ours is not */
    int copy = dup(fd);
    close(fd);
    check(!lockfile_free(state, 0, 0, 1));
    close(copy);
    check(lockfile_free(state, 0, 0, 1));
}

static void two_descriptions_of_one_process_exclude_each_other(void **state)
{
    int one = lockfile_open(state, 0), other = lockfile_open(state, 0), copy = dup(one);
    check_is(kin_filelock_acquire(one, NULL, KIN_NOW), 0);
    check_refused(kin_filelock_acquire(other, NULL, KIN_NOW), -ETIMEDOUT, "kin_filelock_each_holder");
    check_is(kin_filelock_acquire(copy, NULL, KIN_NOW), 0);
    close(one);
    close(other);
    close(copy);
}

static int outlive(void *context)
{
    for (int *go = context; !__atomic_load_n(go, __ATOMIC_SEQ_CST);)
        pause();
    return 0;
}

static void a_forked_child_holds_too_and_either_may_release(void **state)
{
    int *go = test_shared(sizeof *go), fd = lockfile_open(state, 0);
    check_is(kin_filelock_acquire(fd, NULL, KIN_NOW), 0);
    pid_t child = test_child(outlive, go);
    close(fd);
    check(!lockfile_free(state, 0, 0, 0)); /* the child has it */
    test_kill(child);
    check(lockfile_free(state, 0, 0, 0));
    fd = lockfile_open(state, 0);
    check_is(kin_filelock_acquire(fd, NULL, KIN_NOW), 0);
    child = test_child(outlive, go);
    check_is(kin_filelock_release(fd, NULL), 0);
    check(lockfile_free(state, 0, 0, 0)); /* for both */
    test_kill(child);
    close(fd);
}

/* A child that executes `cat`, which lasts until the pipe ends. */
static pid_t execute_cat(int pipe_read, int pipe_write)
{
    pid_t child = fork();
    if (child == 0) {
        dup2(pipe_read, 0);
        close(pipe_read);
        close(pipe_write);
        execlp("cat", "cat", (char *)NULL);
        _exit(127);
    }
    return child;
}

/* Executed it is when its close-on-exec end of `told` has closed. */
static void exec_keeps_the_lock_on_request_only(void **state)
{
    for (int inherit = 0; inherit < 2; inherit++) {
        int ends[2], told[2], status;
        char byte;
        check_is(pipe(ends), 0);
        check_is(pipe2(told, O_CLOEXEC), 0);
        int fd = lockfile_open(state, inherit ? KIN_FILELOCK_INHERIT : 0);
        check_is(kin_filelock_acquire(fd, NULL, KIN_NOW), 0);
        pid_t child = execute_cat(ends[0], ends[1]);
        close(told[1]);
        check_is(read(told[0], &byte, 1), 0);
        close(fd);
        check_is(lockfile_free(state, 0, 0, 0), !inherit);
        close(ends[1]);
        check_is(waitpid(child, &status, 0), child);
        check_is(status, 0);
        check(lockfile_free(state, 0, 0, 0));
        close(ends[0]);
        close(told[0]);
    }
}

static void a_conversion_tells_whether_it_was_one_step(void **state)
{
    for (unsigned kind = 0; kind <= FLOCK; kind += FLOCK) {
        int fd = lockfile_open(state, kind), other = lockfile_open(state, kind);
        check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = kind | SHARED), KIN_NOW), 0);
        check_is(kin_filelock_convert(fd, KIN_FILELOCK(.flags = kind), KIN_NOW), 0);
        check_is(kin_filelock_convert(fd, KIN_FILELOCK(.flags = kind | SHARED), KIN_NOW), 0);
        check_is(kin_filelock_acquire(other, KIN_FILELOCK(.flags = kind | SHARED), KIN_NOW), 0);
        check_is(kin_filelock_convert(fd, KIN_FILELOCK(.flags = kind), kin_after(1000000)), -ETIMEDOUT);
        /* What is left of it: the usual kind stands, flock's is lost. */
        check_is(kin_filelock_convert(other, KIN_FILELOCK(.flags = kind), KIN_NOW), kind ? 0 : -ETIMEDOUT);
        close(fd);
        close(other);
    }
}

/* A child with a description of its own; that of the parent, which it has by fork, it closes. */
struct waiter {
    void **state;
    unsigned kind;
    kin_time until;
    int theirs, *ready;
};

static int upgrade(void *context)
{
    struct waiter *waiter = context;
    close(waiter->theirs);
    int fd = lockfile_open(waiter->state, waiter->kind);
    check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = waiter->kind | SHARED), KIN_NOW), 0);
    __atomic_store_n(waiter->ready, 1, __ATOMIC_SEQ_CST);
    return kin_filelock_convert(fd, KIN_FILELOCK(.flags = waiter->kind), waiter->until);
}

static int is_process(void *context, const struct kin_filelock_holder *holder)
{
    return holder->pid == *(pid_t *)context;
}

/* Whoever converts while another shares has to wait: by flock() he has lost his lock meanwhile. */
static void a_conversion_that_waits_is_anew_by_flock_only(void **state)
{
    const kin_time untils[] = {KIN_FOREVER, kin_after(100 * SECOND)};
    for (unsigned round = 0; round < 4; round++) {
        unsigned kind = round & 1 ? FLOCK : 0;
        int fd = lockfile_open(state, kind);
        struct waiter waiter = {state, kind, untils[round / 2], fd, test_shared(sizeof(int))};
        check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = kind | SHARED), KIN_NOW), 0);
        pid_t child = test_child(upgrade, &waiter);
        test_until(__atomic_load_n(waiter.ready, __ATOMIC_SEQ_CST));
        if (kind)
            test_until(kin_filelock_each_holder(fd, KIN_FILELOCK(.flags = FLOCK), is_process, &child) == 0);
        close(fd);
        check_is(test_end(child), kind ? KIN_REGAINED : 0);
    }
}

static int wait_for_it(void *context)
{
    struct waiter *waiter = context;
    close(waiter->theirs);
    int fd = lockfile_open(waiter->state, waiter->kind);
    __atomic_store_n(waiter->ready, 1, __ATOMIC_SEQ_CST);
    return kin_filelock_acquire(fd, KIN_FILELOCK(.flags = waiter->kind), waiter->until);
}

enum way { BY_UNLOCK, BY_CLOSE, BY_DEATH, WAYS };

static void let_go(enum way way, unsigned kind, int fd, pid_t holder)
{
    if (way == BY_UNLOCK)
        check_is(kin_filelock_release(fd, KIN_FILELOCK(.flags = kind)), 0);
    if (way == BY_DEATH)
        test_kill(holder);
    close(fd);
}

static void who_waits_gets_it(void **state)
{
    const kin_time untils[] = {KIN_FOREVER, kin_after(1000 * SECOND)};
    for (unsigned round = 0; round < 4 * WAYS; round++) {
        enum way way = round / 4;
        unsigned kind = round & 1 ? FLOCK : 0;
        pid_t holder = way == BY_DEATH ? lockfile_holder(state, kind, 0, 0) : 0;
        int fd = lockfile_open(state, kind);
        struct waiter waiter = {state, kind, untils[round / 2 % 2], fd, test_shared(sizeof(int))};
        if (!holder)
            check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = kind), KIN_NOW), 0);
        pid_t child = test_child(wait_for_it, &waiter);
        test_until(__atomic_load_n(waiter.ready, __ATOMIC_SEQ_CST));
        let_go(way, kind, fd, holder);
        check_is(test_end(child), 0);
    }
}

static void a_deadline_is_kept(void **state)
{
    struct timespec now;
    pid_t holder = lockfile_holder(state, 0, 5, 1);
    int fd = lockfile_open(state, 0);
    kin_time until = kin_after(30000000);
    check_refused(kin_filelock_acquire(fd, NULL, until), -ETIMEDOUT, "somebody else");
    check(kin_after(0) == KIN_NOW && kin_after(1) > until);
    clock_gettime(CLOCK_REALTIME, &now);
    check_is(kin_filelock_acquire(fd, NULL, kin_at(&now)), -ETIMEDOUT);
    now.tv_sec += 1000;
    test_kill(holder);
    check_is(kin_filelock_acquire(fd, NULL, kin_at(&now)), 0);
    close(fd);
}

static void what_cannot_be_is_refused(void **state)
{
    char path[256];
    int fd = lockfile_open(state, 0), other = -7;
    check_refused(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = 64), KIN_NOW), -EINVAL, "enum kin_filelock_flag");
    check_refused(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = KIN_FILELOCK_POSIX), KIN_NOW), -EINVAL, "flags");
    check_refused(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = FLOCK, .length = 1), KIN_NOW), -EINVAL, "whole");
    check_refused(kin_filelock_acquire(fd, KIN_FILELOCK(.offset = UINT64_MAX), KIN_NOW), -EINVAL, "2^63");
    check_refused(kin_filelock_release(fd, KIN_FILELOCK(.offset = 2, .length = INT64_MAX)), -EINVAL, "2^63");
    close(fd);
    for (unsigned kind = 0; kind <= FLOCK; kind += FLOCK) {
        check_refused(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = kind), KIN_NOW), -EBADF, "no open descriptor");
        check_refused(kin_filelock_release(fd, KIN_FILELOCK(.flags = kind)), -EBADF, "no open descriptor");
    }
    check_is(kin_filelock_acquire(-1, NULL, KIN_FOREVER), -EBADF);
    snprintf(path, sizeof path, "%s/lockfile", (char *)*state);
    fd = open(path, O_RDONLY);
    check_refused(kin_filelock_acquire(fd, NULL, KIN_FOREVER), -EBADF, "not open for writing");
    check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = SHARED), KIN_NOW), 0);
    check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = FLOCK), KIN_NOW), 0);
    close(fd);
    check_refused(kin_filelock_open("/no/such/place", NULL, &other), -ENOENT, "/no/such/place");
    check_refused(kin_filelock_open(*state, NULL, &other), -EISDIR, "directory");
    check_is(other, -7);
}

static void directories_and_new_files(void **state)
{
    char path[256];
    struct stat about;
    int fd;
    check_is(kin_filelock_open(*state, KIN_FILELOCK(.flags = SHARED), &fd), 0);
    check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = SHARED), KIN_NOW), 0);
    close(fd);
    check_is(kin_filelock_open(*state, KIN_FILELOCK(.flags = FLOCK), &fd), 0);
    check_is(kin_filelock_acquire(fd, KIN_FILELOCK(.flags = FLOCK), KIN_NOW), 0);
    check_is(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    snprintf(path, sizeof path, "%s/private", (char *)*state);
    check_is(kin_filelock_open(path, KIN_FILELOCK(.flags = KIN_FILELOCK_INHERIT, .mode = 0600), &fd), 0);
    check_is(fcntl(fd, F_GETFD), 0);
    check_is(fstat(fd, &about), 0);
    check_is(about.st_mode & 0777, 0600);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ranges_exclude_where_they_meet),
        TEST(those_who_share_share),
        TEST(the_kinds_do_not_see_each_other),
        TEST(any_other_close_leaves_the_lock),
        TEST(two_descriptions_of_one_process_exclude_each_other),
        TEST(a_forked_child_holds_too_and_either_may_release),
        TEST(exec_keeps_the_lock_on_request_only),
        TEST(a_conversion_tells_whether_it_was_one_step),
        TEST(a_conversion_that_waits_is_anew_by_flock_only),
        TEST(who_waits_gets_it),
        TEST(a_deadline_is_kept),
        TEST(what_cannot_be_is_refused),
        TEST(directories_and_new_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
