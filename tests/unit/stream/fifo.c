/* FIFOs: made with the very mode, opened without hanging, written by many. */
#include "old.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <kin/fifo.h>
#include <kin/pipe.h>

#define MS INT64_C(1000000)
#define LONG kin_after(TEST_HANG *INT64_C(1000000000))

static char path[256];

static const char *in_domain(void **state, const char *name)
{
    snprintf(path, sizeof path, "%s/%s", (const char *)*state, name);
    return path;
}

static const char *made(void **state)
{
    check_is(kin_fifo_make(in_domain(state, "fifo"), 0600), 0);
    return path;
}

static int open_side(enum kin_fifo_side side, kin_time until)
{
    int fd;
    int result = kin_fifo_open(path, side, until, &fd);
    return result < 0 ? result : fd;
}

static unsigned mode_of(const char *name)
{
    struct stat about;
    check_is(lstat(name, &about), 0);
    check(S_ISFIFO(about.st_mode));
    return about.st_mode & 07777;
}

static void the_mode_is_exact_whatever_the_umask(void **state)
{
    static const unsigned modes[] = {0600, 0666, 0622, 0, 0777, 02660, 01777};
    mode_t before = umask(0);
    for (unsigned mask = 0; mask <= 0777; mask += 0111)
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
            umask(mask);
            check_is(kin_fifo_make(in_domain(state, "fifo"), modes[i]), 0);
            check_is(mode_of(path), modes[i]);
            check_is(umask(mask), mask);
            check_is(unlink(path), 0);
        }
    umask(before);
}

static int make_it(void *context)
{
    umask(0777);
    int result = kin_fifo_make(context, 0646);
    if (mode_of(context) != 0646)
        return 2;
    return result == 0 ? 0 : result == -EEXIST ? 1 : 3;
}

/* Of many who make it at once one does, and nobody ever sees it half made. */
static void it_appears_whole(void **state)
{
    for (int round = 0; round < 20; round++) {
        pid_t makers[6];
        int count = 0, winners = 0;
        in_domain(state, "fifo");
        for (int i = 0; i < 6; i++)
            makers[i] = test_child(make_it, path);
        for (int i = 0; i < 6; i++) {
            int status = test_end(makers[i]);
            check(status <= 1);
            winners += status == 0;
        }
        check_is(winners, 1);
        check_is(unlink(path), 0);
        DIR *directory = opendir(*state);
        for (struct dirent *entry; (entry = readdir(directory));)
            count += entry->d_name[0] != '.';
        closedir(directory);
        check_is(count, 0);
    }
}

static void what_cannot_be_made_is_told(void **state)
{
    char name[PATH_MAX + 100];
    check_refused(kin_fifo_make(made(state), 0600), -EEXIST, "is a FIFO");
    check_refused(kin_fifo_make((const char *)*state, 0600), -EEXIST, "is no FIFO");
    check_refused(kin_fifo_make(in_domain(state, "x"), 0100600), -EINVAL, "no mode of a FIFO");
    check_refused(kin_fifo_make(in_domain(state, "none/x"), 0600), -ENOENT, "none/x");
    check_is(kin_fifo_make("", 0600), -ENOENT);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    check_is(kin_fifo_make(name, 0600), -ENAMETOOLONG);
    check_is(symlink("nowhere", in_domain(state, "link")), 0);
    check_is(kin_fifo_make(path, 0600), -EEXIST);
}

static void nobody_on_the_other_side_is_a_timeout(void **state)
{
    made(state);
    check_refused(open_side(KIN_FIFO_READ, KIN_NOW), -ETIMEDOUT, "to write in time");
    check_refused(open_side(KIN_FIFO_WRITE, KIN_NOW), -ETIMEDOUT, "to read in time");
    check_is(open_side(KIN_FIFO_READ, kin_after(5 * MS)), -ETIMEDOUT);
    check_is(open_side(KIN_FIFO_WRITE, kin_after(5 * MS)), -ETIMEDOUT);
    /* The check bites: nothing of ours is left open there. */
    check_is(open(path, O_WRONLY | O_NONBLOCK), -1);
    check_is(errno, ENXIO);
}

static void other_files_are_refused(void **state)
{
    struct rejected {
        const char *name, *words;
    } all[] = {{"/dev/null", "a device"}, {"/etc", "a directory"}, {"/proc/self/exe", "a file"}};
    for (size_t i = 0; i < 3; i++)
        for (int side = KIN_FIFO_READ; side <= KIN_FIFO_SERVE; side++) {
            snprintf(path, sizeof path, "%s", all[i].name);
            check_refused(open_side((enum kin_fifo_side)side, KIN_FOREVER), -EINVAL, all[i].words);
        }
    in_domain(state, "none");
    check_refused(open_side(KIN_FIFO_READ, KIN_FOREVER), -ENOENT, "kin mk fifo");
    check_refused(open_side((enum kin_fifo_side)0, KIN_NOW), -EINVAL, "no side of a FIFO");
    check_refused(open_side((enum kin_fifo_side)4, KIN_NOW), -EINVAL, "no side of a FIFO");
}

struct meeting {
    enum kin_fifo_side side;
    bool silent; /* it writes nothing before it is told to go on */
    int *go;
};

static int meet(void *context)
{
    const struct meeting *meeting = context;
    int fd = open_side(meeting->side, KIN_FOREVER);
    char byte = 'm';
    check(fd >= 0);
    check_is(fcntl(fd, F_GETFD), FD_CLOEXEC);
    if (meeting->side == KIN_FIFO_READ) {
        check_is(kin_pipe_read(fd, &byte, 1, LONG), 1);
        check_is(kin_pipe_read(fd, &byte, 1, KIN_FOREVER), 0);
        return 0;
    }
    if (meeting->silent)
        test_until(*(volatile int *)meeting->go);
    check_is(kin_pipe_write(fd, &byte, 1, LONG), 1);
    return 0;
}

/* Whichever comes first, and though the writer says nothing for long. */
static void both_sides_meet(void **state)
{
    int *go = test_shared(sizeof *go);
    made(state);
    for (int i = 0; i < 20; i++) {
        struct meeting reads = {KIN_FIFO_READ, false, go}, writes = {KIN_FIFO_WRITE, i % 4 > 1, go};
        *go = 0;
        pid_t first = test_child(meet, i % 2 ? &reads : &writes), second = test_child(meet, i % 2 ? &writes : &reads);
        *go = 1;
        check_is(test_end(first), 0);
        check_is(test_end(second), 0);
    }
}

/* With open(), as a shell does it; and a silent writer lets the open return before it has written. */
static int open_plainly(void *context)
{
    const struct meeting *meeting = context;
    int fd = open(path, O_WRONLY);
    check(fd >= 0);
    test_until(*(volatile int *)meeting->go);
    check_is(write(fd, "p", 1), 1);
    return 0;
}

static void a_silent_writer_is_seen(void **state)
{
    int *go = test_shared(sizeof *go);
    struct meeting meeting = {KIN_FIFO_WRITE, true, go};
    char byte;
    made(state);
    pid_t child = test_child(open_plainly, &meeting);
    int fd = open_side(KIN_FIFO_READ, LONG);
    check(fd >= 0);
    check_is(kin_pipe_read(fd, &byte, 1, KIN_NOW), -ETIMEDOUT);
    *go = 1;
    check_is(kin_pipe_read(fd, &byte, 1, LONG), 1);
    check_is(test_end(child), 0);
    check_is(kin_pipe_read(fd, &byte, 1, LONG), 0);
    close(fd);
}

/* A writer who came, wrote and went before we looked counts, and what he wrote is all there. */
static void what_was_written_before_is_not_taken_out(void **state)
{
    made(state);
    int keeper = open_side(KIN_FIFO_SERVE, KIN_NOW), writer = open_side(KIN_FIFO_WRITE, KIN_NOW);
    char text[8] = "";
    check(keeper >= 0 && writer >= 0);
    check_is(kin_pipe_write(writer, "before", 6, KIN_NOW), 6);
    int reader = open_side(KIN_FIFO_READ, KIN_NOW);
    check(reader >= 0);
    check_is(kin_pipe_read(reader, text, sizeof text, KIN_NOW), 6);
    check(strcmp(text, "before") == 0);
    close(keeper), close(writer), close(reader);
}

enum { WRITERS = 5, RECORDS = 200 };

static int write_records(void *context)
{
    char record[PIPE_BUF];
    int fd = open_side(KIN_FIFO_WRITE, KIN_FOREVER);
    (void)context;
    check(fd >= 0);
    memset(record, 'a' + getpid() % 26, sizeof record);
    for (int i = 0; i < RECORDS; i++)
        check_is(kin_pipe_write_record(fd, record, sizeof record, i % 2 ? KIN_FOREVER : LONG), 0);
    check_is(kin_pipe_write_record(fd, record, PIPE_BUF + 1, KIN_FOREVER), -EMSGSIZE);
    return 0;
}

static int serve_records(void *context)
{
    char record[PIPE_BUF], same[PIPE_BUF], byte;
    pid_t writers[WRITERS];
    int server = open_side(KIN_FIFO_SERVE, KIN_NOW);
    (void)context;
    check(server >= 0);
    for (int i = 0; i < WRITERS; i++)
        writers[i] = test_child(write_records, NULL);
    for (int i = 0; i < WRITERS * RECORDS; i++) {
        check_is(kin_pipe_read_all(server, record, sizeof record, KIN_FOREVER), sizeof record);
        memset(same, record[0], sizeof same);
        check(memcmp(same, record, sizeof record) == 0);
    }
    for (int i = 0; i < WRITERS; i++)
        check_is(test_end(writers[i]), 0);
    check_is(kin_pipe_read(server, &byte, 1, kin_after(MS)), -ETIMEDOUT); /* no end, though all have left */
    return 0;
}

static void records_of_many_processes_stay_whole(void **state)
{
    made(state);
    in_old_and_new(serve_records, NULL);
}

static int write_and_hang(void *context)
{
    int fd = open_side(KIN_FIFO_WRITE, LONG);
    check_is(kin_pipe_write(fd, "w", 1, KIN_NOW), 1);
    *(volatile int *)context = 1;
    for (;;)
        pause();
    return 0;
}

static int read_and_hang(void *context)
{
    int fd = open_side(KIN_FIFO_READ, LONG);
    check(fd >= 0);
    *(volatile int *)context = 1;
    for (;;)
        pause();
    return 0;
}

static void a_killed_peer_is_an_end(void **state)
{
    volatile int *there = test_shared(sizeof *there);
    char byte;
    made(state);
    pid_t child = test_child(write_and_hang, (void *)there);
    int fd = open_side(KIN_FIFO_READ, LONG);
    check_is(kin_pipe_read(fd, &byte, 1, LONG), 1);
    test_kill(child);
    check_is(kin_pipe_read(fd, &byte, 1, KIN_FOREVER), 0);
    close(fd);
    *there = 0;
    child = test_child(read_and_hang, (void *)there);
    fd = open_side(KIN_FIFO_WRITE, LONG);
    check(fd >= 0);
    test_until(*there);
    test_kill(child);
    check_is(kin_pipe_write(fd, "x", 1, KIN_FOREVER), -EPIPE);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_mode_is_exact_whatever_the_umask),
        TEST(it_appears_whole),
        TEST(what_cannot_be_made_is_told),
        TEST(nobody_on_the_other_side_is_a_timeout),
        TEST(other_files_are_refused),
        TEST(both_sides_meet),
        TEST(a_silent_writer_is_seen),
        TEST(what_was_written_before_is_not_taken_out),
        TEST(records_of_many_processes_stay_whole),
        TEST(a_killed_peer_is_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
