/* What cannot be opened, and the sentence that says so. */
#include "queues.h"
#include "channel/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <kin/lock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static kin_queue *const untouched = (kin_queue *)(uintptr_t)64;

/* Opening must fail so, and leave `out` alone. */
static void refused(const char *name, const struct kin_queue_options *options, int wanted, const char *words)
{
    kin_queue *queue = untouched;
    check_refused(kin_queue_open(NULL, name, options, &queue), wanted, words);
    check(queue == untouched);
}

static void names_that_cannot_be(void **state)
{
    (void)state;
    char long_name[202];
    memset(long_name, 'n', sizeof long_name);
    long_name[201] = 0;
    refused("", NULL, -EINVAL, "empty");
    refused(NULL, NULL, -EINVAL, "empty");
    refused("a/b", NULL, -EINVAL, "'/'");
    refused("/a", NULL, -EINVAL, "'/'");
    refused(".", NULL, -EINVAL, "directory");
    refused("..", NULL, -EINVAL, "directory");
    refused(long_name, NULL, -ENAMETOOLONG, "201 bytes");
    check_refused(kin_remove(NULL, "..", 0), -EINVAL, "directory");
    check_refused(kin_remove(NULL, long_name, 0), -ENAMETOOLONG, "201 bytes");
    check_refused(kin_remove(NULL, "nobody", 0), -ENOENT, "nobody");
    long_name[200] = 0;
    kin_queue_close(queue_of(long_name, 1, 1, 0));
    kin_queue_close(queue_of("...", 1, 1, 0));
    kin_queue_close(queue_of("domain", 1, 1, 0));
    kin_queue_close(queue_of("-n\t\xc3\xa9 %s", 1, 1, 0));
}

static void sizes_that_cannot_be(void **state)
{
    (void)state;
    refused("q", KIN_QUEUE(.messages = (1 << 24) + 1), -EINVAL, "messages");
    refused("q", KIN_QUEUE(.messages = UINT32_MAX), -EINVAL, "messages");
    refused("q", KIN_QUEUE(.message_max = KIN_MESSAGE_MAX + 1), -EINVAL, "1 GiB");
    refused("q", KIN_QUEUE(.message_max = UINT64_MAX), -EINVAL, "1 GiB");
    refused("q", KIN_QUEUE(.bytes = UINT64_MAX), -EINVAL, "bytes");
    struct kin_queue_status status;
    kin_queue *queue = queue_of("default", 0, 0, 0);
    status = status_of(queue);
    check(status.messages == 1024 && status.message_max == 65536);
    kin_queue_close(queue);
    queue = queue_of("smallest", 1, 1, 1);
    check_is(kin_queue_send(queue, "x", 1, NULL, KIN_NOW), 0);
    check_is(kin_queue_send(queue, "xy", 2, NULL, KIN_NOW), -EMSGSIZE);
    check_is(kin_queue_send(queue, "x", 1, NULL, KIN_NOW), -ETIMEDOUT);
    kin_queue_close(queue);
    queue = queue_of("largest", 1 << 24, KIN_MESSAGE_MAX, 0); /* reserved as it is needed */
    check_is(send_number(queue, 1, NULL, KIN_NOW), 0);
    check(status_of(queue).reserved < 1 << 20);
    kin_queue_close(queue);
    queue = queue_of("largest", 5, 6, 7); /* an old one keeps its limits */
    check_is(status_of(queue).messages, 1 << 24);
    check_is(receive_number(queue, NULL, KIN_NOW), 1);
    kin_queue_close(queue);
}

static void what_is_there_and_what_is_not(void **state)
{
    (void)state;
    refused("q", KIN_QUEUE(.flags = KIN_MUST_EXIST), -ENOENT, "q");
    kin_queue_close(queue_of("q", 1, 1, 0));
    refused("q", KIN_QUEUE(.flags = KIN_MUST_CREATE), -EEXIST, "exists");
    refused("q2", KIN_QUEUE(.flags = KIN_MUST_CREATE | KIN_MUST_EXIST), -ENOENT, "q2");
    kin_segment *home;
    kin_lock *lock;
    check_refused(kin_lock_open(NULL, "q", NULL, &home, &lock), -EINVAL, "is a queue, not a lock");
    check_refused(kin_segment_open(NULL, "q", KIN_SEGMENT(.bytes = 1), &home), -EINVAL, "is a queue, not a segment");
    check_is(kin_lock_open(NULL, "l", NULL, &home, &lock), 0);
    refused("l", NULL, -EINVAL, "is a lock, not a queue");
    kin_segment_close(home);
}

static void path_of(void **state, const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s.kin", (char *)*state, name);
}

static void overwrite(const char *path, uint64_t offset, const void *bytes, size_t count)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(fd >= 0 && pwrite(fd, bytes, count, (off_t)offset) == (ssize_t)count);
    close(fd);
}

static void what_is_no_queue_of_this_version(void **state)
{
    char path[256], other[256];
    uint32_t number = 99;
    path_of(state, "q", path);
    kin_queue_close(queue_of("q", 1, 1, 0));
    overwrite(path, offsetof(struct segment_header, version), &number, sizeof number);
    refused("q", NULL, -EPROTO, "another version");
    number = SEGMENT_VERSION;
    overwrite(path, offsetof(struct segment_header, version), &number, sizeof number);
    overwrite(path, offsetof(struct segment_header, layout), "abcd", 4);
    refused("q", NULL, -EPROTO, "another version");
    check_is(kin_remove(NULL, "q", 0), 0); /* what cannot be opened can be removed */
    refused("q", KIN_QUEUE(.flags = KIN_MUST_EXIST), -ENOENT, "q");
    path_of(state, "other", other);
    overwrite(other, 0, "This is a letter, and no object of kin at all, however long one looks at it......", 80);
    refused("other", NULL, -EMEDIUMTYPE, "not an object of kin");
    check_is(truncate(other, 0), 0);
    refused("other", NULL, -EMEDIUMTYPE, "not an object of kin");
    path_of(state, "directory", path);
    check_is(mkdir(path, 0700), 0);
    refused("directory", NULL, -EISDIR, "directory");
    path_of(state, "fifo", path);
    check_is(mkfifo(path, 0600), 0);
    refused("fifo", NULL, -EMEDIUMTYPE, "not an object of kin");
    path_of(state, "link", path);
    check_is(symlink("/etc/passwd", path), 0);
    refused("link", NULL, -ELOOP, "link");
}

/* Cut anywhere: the sentence, or a queue that works as far as its bytes are there. */
static void what_was_cut_off(void **state)
{
    char path[256];
    static const long long cuts[] = {1, 63, 64, 100, 4096, 8192};
    for (unsigned i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        path_of(state, "q", path);
        kin_queue_close(queue_of("q", 100, 4096, 0));
        check_is(truncate(path, (off_t)cuts[i]), 0);
        kin_queue *queue;
        int result = kin_queue_open(NULL, "q", NULL, &queue);
        check(result == -EMEDIUMTYPE || result == -EBADMSG || (result == 0 && cuts[i] == 8192));
        if (result < 0)
            check(test_contains(kin_reason(), "cut off"));
        else {
            if (send_number(queue, 7, NULL, KIN_NOW) == 0)
                check_is(receive_number(queue, NULL, KIN_NOW), 7);
            kin_queue_close(queue);
        }
        check_is(kin_remove(NULL, "q", KIN_EVEN_HELD), 0);
    }
}

static void an_object_from_another_domain(void **state)
{
    char inner[256], from[300], to[300];
    snprintf(inner, sizeof inner, "%s/inner", (char *)*state);
    kin_domain *domain;
    kin_queue *queue;
    kin_queue_close(queue_of("ours", 1, 1, 0));
    check_is(kin_domain_open(inner, NULL, &domain), 0);
    check_is(kin_queue_open(domain, "q", NULL, &queue), 0);
    kin_queue_close(queue);
    snprintf(from, sizeof from, "%s/q.kin", inner);
    snprintf(to, sizeof to, "%s/q.kin", (char *)*state);
    check_is(link(from, to), 0);
    refused("q", NULL, -EPROTO, "another domain");
    kin_domain_close(domain);
}

/* ---- a full tmpfs ---- */

static void fill_up(kin_queue *queue)
{
    static unsigned char bytes[4096];
    uint64_t sent = 0;
    int result;
    do {
        payload_write(bytes, sizeof bytes, sent);
        result = kin_queue_send(queue, bytes, sizeof bytes, KIN_SEND(.priority = (uint32_t)sent % 2), KIN_NOW);
        sent += result == 0;
    } while (result == 0);
    check_is(result, -ENOSPC);
    check(test_contains(kin_reason(), "no room") && test_contains(kin_reason(), "tmpfs"));
    check_is(kin_queue_send(queue, bytes, sizeof bytes, NULL, SOON), -ENOSPC); /* waiting would not help */
    check_is(status_of(queue).queued, sent);
    for (uint64_t part = 2; part-- > 0;)
        for (uint64_t number = part; number < sent; number += 2) {
            check_is(kin_queue_receive(queue, bytes, sizeof bytes, NULL, KIN_NOW, NULL), 0);
            check(payload_is(bytes, sizeof bytes, number));
        }
    check_is(receive_number(queue, NULL, KIN_NOW), -ETIMEDOUT);
    for (uint64_t i = 0; i < sent; i++) /* as many as before find room again */
        check_is(kin_queue_send(queue, bytes, sizeof bytes, NULL, KIN_NOW), 0);
}

static void on_a_full_tmpfs_nothing_is_lost(void **state)
{
    char place[256], path[300];
    kin_domain *domain;
    kin_queue *queue, *another;
    snprintf(place, sizeof place, "%s/small", (char *)*state);
    check_is(mkdir(place, 0700), 0);
    if (mount("tmpfs", place, "tmpfs", 0, "size=1m") < 0)
        test_skip("a tmpfs cannot be mounted here: %s", strerror(errno));
    snprintf(path, sizeof path, "%s/domain", place);
    check_is(kin_domain_open(path, NULL, &domain), 0);
    check_is(kin_queue_open(domain, "q", KIN_QUEUE(.messages = 10000, .message_max = 4096), &queue), 0);
    fill_up(queue);
    another = untouched;
    int result;
    unsigned made = 0;
    char name[16];
    do {
        snprintf(name, sizeof name, "%u", made++);
        result = kin_queue_open(domain, name, NULL, &another);
        if (result == 0)
            kin_queue_close(another);
    } while (result == 0);
    check_is(result, -ENOSPC);
    check(test_contains(kin_reason(), "no room"));
    kin_queue_close(queue);
    kin_domain_close(domain);
    check_is(umount2(place, MNT_DETACH), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_that_cannot_be),
        TEST(sizes_that_cannot_be),
        TEST(what_is_there_and_what_is_not),
        TEST(what_is_no_queue_of_this_version),
        TEST(what_was_cut_off),
        TEST(an_object_from_another_domain),
        TEST(on_a_full_tmpfs_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
