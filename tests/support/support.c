#include "support.h"
#include <errno.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX 4096
#define SHARED_MAX 64
#define FAILED_STATUS 97

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static pid_t home;
static char domain_path[64];
static pid_t children[CHILDREN_MAX];
static size_t child_count;
static struct { void *memory; size_t size; } shared[SHARED_MAX];
static size_t shared_count;

__attribute__((constructor)) static void remember_home(void)
{
    home = getpid();
}

int test_domain(void **state)
{
    const char *run = getenv("KIN_TEST_RUN");
    snprintf(domain_path, sizeof domain_path, "/dev/shm/kin-test-%.10s-XXXXXX", run ? run : "0");
    if (!mkdtemp(domain_path) || setenv("KIN_DOMAIN", domain_path, 1) < 0) {
        print_error("cannot make a directory below /dev/shm: %s\n", strerror(errno));
        return -1;
    }
    *state = domain_path;
    return 0;
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about, (void)type, (void)place;
    return remove(path);
}

int test_domain_end(void **state)
{
    (void)state;
    while (child_count > 0)
        test_kill(children[0]);
    while (shared_count > 0) {
        shared_count--;
        munmap(shared[shared_count].memory, shared[shared_count].size);
    }
    unsetenv("KIN_DOMAIN");
    int result = nftw(domain_path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    return result < 0 && errno != ENOENT ? -1 : 0;
}

void test_failed(const char *file, int line, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (getpid() == home && syscall(SYS_gettid) == home) {
        print_message("# %s\n", text);
        _fail(file, line);
    }
    fprintf(stderr, "# %s:%d: in %s %d: %s\n", file, line, getpid() == home ? "a thread of" : "child", getpid(), text);
    fflush(NULL);
    _exit(FAILED_STATUS);
}

bool test_contains(const char *text, const char *words)
{
    return strstr(text, words) != NULL;
}

void test_skip_reason(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("# skip: ", stdout);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    va_end(arguments);
}

/* cmocka's own handlers would carry a crashed child on into the next test. */
static void become_child(pid_t parent)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        signal(crashes[i], SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(FAILED_STATUS);
    child_count = 0;
}

pid_t test_child(int (*run)(void *context), void *context)
{
    pid_t parent = getpid();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        become_child(parent);
        int result = run(context);
        fflush(NULL);
        _exit(result);
    }
    if (child < 0 || child_count == CHILDREN_MAX)
        test_failed(__FILE__, __LINE__, "no more children: %s", strerror(errno));
    children[child_count++] = child;
    return child;
}

static void show_line(pid_t child, const char *name)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/%s", child, name);
    FILE *file = fopen(path, "r");
    if (file && fgets(line, sizeof line, file))
        fprintf(stderr, "# %s: %s\n", path, line);
    if (file)
        fclose(file);
}

static void forget(pid_t child)
{
    for (size_t i = 0; i < child_count; i++)
        if (children[i] == child)
            children[i--] = children[--child_count];
}

static int reap(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            test_failed(__FILE__, __LINE__, "waiting for child %d: %s", child, strerror(errno));
    forget(child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int test_end(pid_t child)
{
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
    int ready;
    do
        ready = poll(&ended, 1, TEST_HANG * 1000);
    while (ready < 0 && errno == EINTR);
    close(ended.fd);
    if (ready != 0)
        return reap(child);
    show_line(child, "stat");
    show_line(child, "syscall");
    show_line(child, "wchan");
    test_kill(child);
    test_failed(__FILE__, __LINE__, "child %d hung for %d seconds", child, TEST_HANG);
}

void test_kill(pid_t child)
{
    siginfo_t info;
    if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
        forget(child); /* the test reaped it: the number may be another's by now */
        return;
    }
    kill(child, SIGKILL);
    reap(child);
}

/* 1 asleep in a futex, 0 not, or -1 when this machine does not show system calls. */
static int sleeps_in_futex(pid_t thread)
{
    char path[64];
    long number = -1;
    snprintf(path, sizeof path, "/proc/%d/syscall", thread);
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    int found = fscanf(file, "%ld", &number);
    fclose(file);
    return found == 1 && (number == SYS_futex || number == SYS_futex_waitv);
}

static bool sleeps(pid_t thread)
{
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", thread);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    fclose(file);
    return state == 'S' && sleeps_in_futex(thread) != 0;
}

void test_asleep(pid_t thread)
{
    test_until(sleeps(thread));
}

void *test_shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || shared_count == SHARED_MAX)
        test_failed(__FILE__, __LINE__, "no more shared memory: %s", strerror(errno));
    shared[shared_count].memory = memory;
    shared[shared_count++].size = size;
    return memory;
}

void test_pause(kin_time hang, const char *file, int line, const char *condition)
{
    struct timespec turn = {0, 200000};
    if (kin_after(1) > hang)
        test_failed(file, line, "waited %d seconds in vain for %s", TEST_HANG, condition);
    nanosleep(&turn, NULL);
}

bool test_forbid_membarrier(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
