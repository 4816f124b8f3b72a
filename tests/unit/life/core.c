/* A process that writes its core for a long time is dead: it will never run its own code again. */
#include "lives.h"
#include "sys/task.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define READER "/bin/sleep"
#define PATTERN "/proc/sys/kernel/core_pattern"
#define MEMORY ((size_t)64 << 20)

static char before[256];

static bool write_pattern(const char *text)
{
    int fd = open(PATTERN, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return written;
}

static bool read_pattern(void)
{
    int fd = open(PATTERN, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, before, sizeof before - 1);
    if (fd >= 0)
        close(fd);
    if (length > 0)
        before[length] = 0;
    return length > 0;
}

static void restore_pattern(void)
{
    if (before[0])
        write_pattern(before);
}

static int dump(void *context)
{
    struct lessee *lessee = context;
    struct kin_message message;
    setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    char *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED);
    memset(memory, 1, MEMORY);
    check_is(kin_lock_acquire(lessee->segment, &desk_of(lessee->segment)->lock, SOON), 0);
    check_is(kin_queue_take(lessee->queue, NULL, KIN_NOW, &message), 0);
    flag_raise(lessee->segment, 0);
    abort();
}

static bool is_dumping(pid_t process)
{
    char path[64], line[128];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/status", process);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        found |= strcmp(line, "CoreDumping:\t1\n") == 0;
    if (file)
        fclose(file);
    return found;
}

/* The reader of that process's core: `sleep NUMBER` with the process's own number. 0: it is not to be seen. */
static pid_t reader_of(pid_t process)
{
    char path[300], wanted[32], found[32];
    DIR *list = opendir("/proc");
    pid_t reader = 0;
    int length = snprintf(wanted, sizeof wanted, READER "%c%d", 0, process) + 1;
    for (struct dirent *entry; list && !reader && (entry = readdir(list));) {
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && read(fd, found, sizeof found) == length && memcmp(found, wanted, (size_t)length) == 0)
            reader = atoi(entry->d_name);
        if (fd >= 0)
            close(fd);
    }
    if (list)
        closedir(list);
    return reader;
}

/* The core goes to a program that never reads it: the dump lasts until the test ends that one. */
static void what_a_dumping_process_holds_is_given_on(void **state)
{
    (void)state;
    struct kin_message message;
    if (!root_here() || !read_pattern())
        test_skip("not root: the core pattern cannot be set");
    struct lessee lessee = {desk_open(), queue_of("q", 4)};
    check_is(send_number(lessee.queue, 1), 0);
    if (!write_pattern("|" READER " %p"))
        test_skip("the core pattern cannot be set here");
    atexit(restore_pattern);
    pid_t child = test_child(dump, &lessee);
    flag_await(lessee.segment, 0);
    test_until(is_dumping(child));
    restore_pattern();
    test_until(reader_of(child) != 0);
    int locked = acquire_and_release(lessee.segment, SOON);
    int taken = kin_queue_take(lessee.queue, NULL, SOON, &message);
    bool still = is_dumping(child);
    check_is(kill(reader_of(child), SIGKILL), 0);
    check_is(test_end(child), -SIGABRT);
    check(still); /* or the test would show nothing */
    check_is(locked, KIN_RECOVERED);
    check_is(taken, 0);
    check_is(message.attempts, 1);
    check_is(kin_queue_done(lessee.queue, &message), 0);
    kin_queue_close(lessee.queue);
    kin_segment_close(lessee.segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(what_a_dumping_process_holds_is_given_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
