/* Files that are shared memory: their birth, what is refused, who closed what. */
#include "segment/segment.h"
#include "segment/table.h"
#include "support.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYOUT 0x1234u

static char path[128];

static const char *file_in(void **state, const char *name)
{
    snprintf(path, sizeof path, "%s/%s", (char *)*state, name);
    return path;
}

static unsigned entries(const char *directory)
{
    unsigned count = 0;
    DIR *list = opendir(directory);
    check(list != NULL);
    for (struct dirent *entry; (entry = readdir(list));)
        count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}

static struct segment_birth plain(void)
{
    return (struct segment_birth){
        .kind = KIN_KIND_QUEUE, .layout = LAYOUT, .header_bytes = 5000, .mode = 0640, .id = 7, .domain = 9};
}

static void it_is_born_whole(void **state)
{
    struct segment_birth birth = plain();
    struct segment segment, again;
    struct stat about;
    mode_t mask = umask(077);
    check_is(segment_create(file_in(state, "a"), &birth, &segment), 0);
    umask(mask);
    check(stat(path, &about) == 0 && about.st_size == 8192 && (about.st_mode & 07777) == 0640);
    check_is(about.st_blocks * 512, 8192); /* reserved: no SIGBUS later */
    check(segment.header->magic == SEGMENT_MAGIC && segment.header->id == 7 && segment.header->domain == 9 &&
          segment.header->created > 0 && segment.header_bytes == 8192);
    for (unsigned i = sizeof *segment.header; i < 8192; i++)
        check(((char *)segment.header)[i] == 0);
    check_refused(segment_create(path, &birth, &again), -EEXIST, path);
    check_is(segment_open(path, KIN_KIND_QUEUE, LAYOUT, &again), 0);
    ((uint32_t *)again.header)[1000] = 42;
    check_is(((uint32_t *)segment.header)[1000], 42);
    segment_close(&again);
    segment_close(&segment);
    check_is(entries(*state), 1);
}

static int refuse(void *context, struct segment *segment)
{
    (void)context;
    check(segment->header->magic == SEGMENT_MAGIC);
    return -EBUSY;
}

static int die(void *context, struct segment *segment)
{
    (void)segment;
    check_is(entries(context), 0); /* nobody sees it while it is built */
    raise(SIGKILL);
    return 0;
}

static int build_and_die(void *context)
{
    struct segment_birth birth = plain();
    struct segment segment;
    birth.fill = die;
    birth.context = context;
    return segment_create(path, &birth, &segment);
}

static void a_birth_that_fails_leaves_nothing(void **state)
{
    struct segment_birth birth = plain();
    struct segment segment = {.fd = 99};
    birth.fill = refuse;
    check_is(segment_create(file_in(state, "a"), &birth, &segment), -EBUSY);
    check_is(segment.fd, 99); /* out is untouched */
    check_is(entries(*state), 0);
    check_is(test_end(test_child(build_and_die, *state)), -SIGKILL);
    check_is(entries(*state), 0);
    check_refused(segment_create(file_in(state, "no/such"), &birth, &segment), -ENOENT, (char *)*state);
}

static void change(size_t offset, const void *data, size_t size)
{
    int fd = open(path, O_RDWR);
    check_is(pwrite(fd, data, size, (off_t)offset), (ssize_t)size);
    close(fd);
}

static void what_is_refused(void **state)
{
    struct segment_birth birth = plain();
    struct segment segment;
    check_is(segment_open(file_in(state, "a"), 0, 0, &segment), -ENOENT);
    check_is(segment_create(path, &birth, &segment), 0);
    segment_close(&segment);
    check_refused(segment_open(path, KIN_KIND_LOCK, LAYOUT, &segment), -EINVAL, "is a queue, not a lock");
    check_refused(segment_open(path, KIN_KIND_QUEUE, LAYOUT + 1, &segment), -EPROTO, "another version");
    check_is(segment_open(path, 0, LAYOUT + 1, &segment), 0); /* any kind: any layout */
    segment_close(&segment);
    static const uint32_t sizes[] = {0, 63, 4097, 8192 + 4096, SEGMENT_HEADER_MAX + 4096, UINT32_MAX};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        change(offsetof(struct segment_header, header_bytes), &sizes[i], 4);
        check_refused(segment_open(path, KIN_KIND_QUEUE, LAYOUT, &segment), -EBADMSG, "damaged");
    }
    uint32_t right = 8192, version = SEGMENT_VERSION + 1;
    change(offsetof(struct segment_header, header_bytes), &right, 4);
    check_is(truncate(path, 4096), 0);
    check_refused(segment_open(path, KIN_KIND_QUEUE, LAYOUT, &segment), -EBADMSG, "cut off");
    change(offsetof(struct segment_header, version), &version, 4);
    check_refused(segment_open(path, 0, 0, &segment), -EPROTO, "another version");
    check_is(truncate(path, 63), 0);
    check_is(segment_open(path, 0, 0, &segment), -EMEDIUMTYPE);
    check_is(truncate(path, 0), 0);
    check_is(segment_open(path, 0, 0, &segment), -EMEDIUMTYPE);
}

static void what_is_no_file(void **state)
{
    struct segment segment;
    check_is(mkdir(file_in(state, "directory"), 0700), 0);
    check(segment_open(path, 0, 0, &segment) < 0);
    check_is(mkfifo(file_in(state, "fifo"), 0600), 0);
    check_is(segment_open(path, 0, 0, &segment), -EMEDIUMTYPE);
    check_is(symlink("/etc/passwd", file_in(state, "link")), 0);
    check_is(segment_open(path, 0, 0, &segment), -ELOOP);
}

static void a_closed_descriptor_is_opened_again(void **state)
{
    struct segment_birth birth = plain();
    struct segment segment;
    struct stat about;
    check_is(segment_create(file_in(state, "a"), &birth, &segment), 0);
    close(segment.fd);
    int stranger = open("/dev/null", O_RDONLY);
    check_is(stranger, segment.fd); /* the number is somebody else's now */
    int fd = segment_fd(&segment);
    check(fd >= 0 && fd != stranger && fstat(fd, &about) == 0 && about.st_ino == segment.inode);
    check_is(segment_fd(&segment), fd);
    check_is(segment_is_gone(&segment), 0);
    close(fd);
    unlink(path);
    check_refused(segment_fd(&segment), -ESTALE, "was removed");
    check_is(segment_is_gone(&segment), 1);
    segment_close(&segment);
    check(fcntl(stranger, F_GETFD) >= 0);
    close(stranger);
}

static void a_successor_of_the_same_name_is_another(void **state)
{
    struct segment_birth birth = plain();
    struct segment first, second;
    check_is(segment_create(file_in(state, "a"), &birth, &first), 0);
    unlink(path);
    check_is(segment_is_gone(&first), 1);
    check_is(segment_create(path, &birth, &second), 0);
    check_is(segment_is_gone(&first), 1);
    close(first.fd);
    check_is(segment_is_gone(&first), 1);
    check_is(segment_fd(&first), -ESTALE);
    check_is(segment_is_gone(&second), 0);
    second.header->removed = 1;
    check_is(segment_is_gone(&second), 1);
    segment_close(&first);
    segment_close(&second);
}

static void the_layout_tells_numbers_and_their_order_apart(void **state)
{
    (void)state;
    check_is(SEGMENT_LAYOUT(1, 2, 3), SEGMENT_LAYOUT(1, 2, 3));
    check(SEGMENT_LAYOUT(1, 2, 3) != SEGMENT_LAYOUT(3, 2, 1) && SEGMENT_LAYOUT(1, 2) != SEGMENT_LAYOUT(1, 2, 0));
    check(SEGMENT_LAYOUT(256) != SEGMENT_LAYOUT(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_born_whole),
        TEST(a_birth_that_fails_leaves_nothing),
        TEST(what_is_refused),
        TEST(what_is_no_file),
        TEST(a_closed_descriptor_is_opened_again),
        TEST(a_successor_of_the_same_name_is_another),
        TEST(the_layout_tells_numbers_and_their_order_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
