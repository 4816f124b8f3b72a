/* A supervisor that is killed: the next one of its name adopts exactly what lives, starts nothing twice, leaves nobody
 * out, and every end is counted once.
 *
 * Killed at each system call, before and after it: that is where the world changes, and there are some hundred. Killed
 * at any instruction: of some 100,000 a sample, as each costs the better part of a second; and that once more with the
 * next one killed too, while it takes over. And a child that is on its way when its supervisor dies comes too late.
 *
 *     sweep_supervise [NAME]; the sample's seed is printed; KIN_LONG=1 takes a large one, and two crashers. */
#include "aid.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <kin/supervise.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0)                                                                                                \
            return fail("%s: %s", #call, kin_reason());                                                                \
    } while (0)
#define PATIENCE INT64_C(8000000000) /* ns: what takes longer hangs; a little less than the harness waits */

struct act {
    const char *name;
    int (*before)(void);
    int (*operate)(void);
    bool runs; /* it is to run when the act is done */
};

static char base[48], path[64]; /* each state has a domain of its own: of the one before somebody may be left yet */
static kin_supervisor *supervisor;
static char *sentence; /* what failed, for the first process */
static bool twice;

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(sentence, 256, format, list);
    va_end(list);
    return kin_crash_fail("%s", sentence);
}

static int add_one(void)
{
    char *const argv[] = {"sleep", "1000", NULL};
    OK(kin_supervisor_open(NULL, "site", KIN_SUPERVISOR(.flags = KIN_SUPERVISE_ADOPT, .intensity = UINT32_MAX),
                           &supervisor));
    OK(kin_supervisor_add(supervisor, KIN_PROGRAM(.name = "it", .argv = argv, .pause_min = 1000, .pause_max = 1000)));
    return 0;
}

static int keep(void *context, const struct kin_instance *instance)
{
    *(struct kin_instance *)context = *instance;
    return 0;
}

static struct kin_instance look(void)
{
    struct kin_instance instance = {.pid = 0};
    kin_supervisor_each(supervisor, keep, &instance);
    return instance;
}

static int until(enum kin_instance_state state, uint32_t restarts)
{
    kin_time end = kin_after(PATIENCE);
    for (;;) {
        struct kin_instance it = look();
        if (it.state == state && it.restarts >= restarts)
            return 0;
        if (kin_supervisor_wait(supervisor, end) == -ETIMEDOUT)
            return fail("it stays %s", kin_instance_state_name(it.state));
    }
}

static int start(void)
{
    OK(kin_supervisor_start(supervisor, NULL));
    return until(KIN_INSTANCE_READY, 0);
}

static int add_and_start(void)
{
    return add_one() < 0 ? -1 : start();
}

static int stop(void)
{
    OK(kin_supervisor_stop(supervisor, NULL));
    return until(KIN_INSTANCE_OFF, 0);
}

static int restart(void)
{
    OK(kin_supervisor_restart(supervisor, NULL));
    return until(KIN_INSTANCE_READY, 1);
}

static int add_start_and_kill(void)
{
    siginfo_t info;
    if (add_and_start() < 0)
        return -1;
    pid_t pid = look().pid;
    OK(kill(pid, SIGKILL));
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

static int try_again(void)
{
    return until(KIN_INSTANCE_READY, 1);
}

static int take_over(void)
{
    return add_one() < 0 ? -1 : start();
}

/* A supervisor dies with its program running. */
static int leave_one(void)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (add_and_start() == 0)
            raise(SIGKILL);
        _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? 0 : fail("the first supervisor did not come so far");
}

static const struct act acts[] = {
    {"kin_supervisor_start", add_one, start, true},
    {"kin_supervisor_stop", add_and_start, stop, false},
    {"kin_supervisor_restart", add_and_start, restart, true},
    {"kin_supervisor_wait, when one has ended", add_start_and_kill, try_again, true},
    {"kin_supervisor_open, taking over", leave_one, take_over, true},
};

/* Whether it was started in that domain or, unless `whole`, in one whose path begins so. */
static bool is_of(const char *process, const char *domain, bool whole)
{
    char name[300], text[65536], wanted[128];
    snprintf(name, sizeof name, "/proc/%s/environ", process);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    close(fd);
    snprintf(wanted, sizeof wanted, "KIN_DOMAIN=%s", domain);
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(text + at) + 1) {
        text[length] = 0;
        if (strncmp(text + at, wanted, strlen(wanted) + whole) == 0)
            return true;
    }
    return false;
}

static bool is_sleep(const char *process)
{
    char name[300], text[64] = "";
    snprintf(name, sizeof name, "/proc/%s/comm", process);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    bool found = fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strcmp(text, "sleep\n") == 0;
    close(fd);
    return found;
}

static bool is_zombie(pid_t pid)
{
    char name[64], text[512] = "";
    snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    bool found = fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strrchr(text, ')') && strrchr(text, ')')[2] == 'Z';
    close(fd);
    return found;
}

/* Running copies of the program, whoever started them; a zombie has no environment any more. They get the signal. */
static int count_running(const char *domain, bool whole, int signal)
{
    int count = 0;
    DIR *list = opendir("/proc");
    struct dirent *entry;
    while (list && (entry = readdir(list)))
        if (isdigit((unsigned char)entry->d_name[0]) && is_sleep(entry->d_name) &&
            is_of(entry->d_name, domain, whole)) {
            kill(atoi(entry->d_name), signal);
            count++;
        }
    closedir(list);
    return count;
}

static int check_counts(int running)
{
    struct kin_supervisor_status status;
    int found;
    kin_time end = kin_after(PATIENCE);
    do { /* until it has seen what has ended, and what it has started has become a sleep */
        kin_supervisor_wait(supervisor, kin_after(1000000));
        OK(kin_supervisor_status(supervisor, &status));
        found = count_running(path, true, 0);
    } while ((found != running || status.running != (uint32_t)running) && kin_after(1) < end);
    struct kin_instance it = look();
    if (found != running || status.running != (uint32_t)running)
        return fail("%d run, %u by the book, and it should be %d", found, status.running, running);
    if (status.ends + status.running != it.restarts + (it.started ? 1u : 0u))
        return fail("%u starts, %llu ends, %u running", it.restarts + 1, (unsigned long long)status.ends,
                    status.running);
    return 0;
}

/* What a killed stop leaves to the next one is either stopped or goes on being so. */
static int settle(const struct act *act, bool finished)
{
    if (add_one() < 0)
        return -1;
    if (finished && !twice && act->runs && look().state != KIN_INSTANCE_READY)
        return fail("it was started, and is %s", kin_instance_state_name(look().state));
    if (finished && !twice && !act->runs && look().state != KIN_INSTANCE_OFF)
        return fail("it was stopped, and is %s", kin_instance_state_name(look().state));
    return start() < 0 ? -1 : check_counts(1);
}

static int check(void *context, const struct kin_crash_point *point)
{
    if (settle(context, point->finished) < 0)
        return -1;
    if (stop() < 0 || check_counts(0) < 0)
        return -1;
    kin_supervisor_close(supervisor);
    return 0;
}

static int prepare(void *context)
{
    static unsigned number;
    (void)context;
    count_running(base, false, SIGKILL);
    if (path[0] && remove_directory(path) != 0)
        return fail("cannot remove %s", path);
    snprintf(path, sizeof path, "%s%u", base, number++);
    setenv("KIN_DOMAIN", path, 1);
    return mkdir(path, 0700) == 0 ? 0 : fail("cannot make %s", path);
}

static int arrive(void *context)
{
    const struct act *act = context;
    return act->before();
}

static int operate(void *context)
{
    const struct act *act = context;
    return act->operate();
}

static int nothing(void *context)
{
    (void)context;
    return 0;
}

static int second_takes_over(void *context)
{
    (void)context;
    return take_over();
}

static void sweep(const struct act *act, enum kin_crash_mode mode, const char *what, uint64_t limit)
{
    struct kin_crash_result result;
    char title[160];
    snprintf(title, sizeof title, "%s, %s", act->name, what);
    twice = mode == KIN_CRASH_KILL_TWICE;
    int found =
        kin_crash_run(KIN_CRASH(.context = (void *)(uintptr_t)act, .prepare = prepare, .victim = {arrive, operate},
                                .second = {nothing, second_takes_over}, .check = check,
                                .limit = getenv("KIN_LONG") ? 100 * limit : limit, .seed = sweep_seed()),
                      mode, &result);
    tap_sweep(found == 0, title, &result, "%s", title);
}

/* Stands traced before `operate`, and once more behind it. */
static pid_t start_victim(const struct act *act)
{
    fflush(NULL);
    pid_t victim = fork();
    if (victim != 0)
        return victim;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    if (act->before() < 0)
        _exit(1);
    raise(SIGSTOP);
    _exit(act->operate() < 0 ? 1 : 0);
}

/* Lets it go on to where it enters or leaves a system call; false: it has ended. */
static bool to_next_call(pid_t victim)
{
    int status, signal = 0;
    do {
        ptrace(PTRACE_SYSCALL, victim, NULL, (void *)(intptr_t)signal);
        waitpid(victim, &status, 0);
        signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
    } while (WIFSTOPPED(status) && signal != (SIGTRAP | 0x80));
    return WIFSTOPPED(status);
}

/* Kills a victim at its call number `calls`; 1: it ended before that. */
static int kill_at(const struct act *act, unsigned calls)
{
    int status;
    pid_t victim = start_victim(act);
    waitpid(victim, &status, 0);
    while (WIFSTOPPED(status) && WSTOPSIG(status) != SIGSTOP) {
        ptrace(PTRACE_CONT, victim, NULL, (void *)(intptr_t)WSTOPSIG(status));
        waitpid(victim, &status, 0);
    }
    if (!WIFSTOPPED(status))
        return fail("the victim cannot arrive");
    ptrace(PTRACE_SETOPTIONS, victim, NULL, (void *)PTRACE_O_TRACESYSGOOD);
    for (unsigned i = 0; i < calls; i++)
        if (!to_next_call(victim))
            return 1;
    kill(victim, SIGKILL);
    waitpid(victim, &status, 0);
    return 0;
}

/* In a process of its own, as it has a life in the domain. */
static int check_apart(const struct act *act)
{
    const struct kin_crash_point point = {.finished = 0};
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(check((void *)(uintptr_t)act, &point) < 0);
    return ends(child, HANG);
}

static void sweep_calls(const struct act *act)
{
    unsigned calls = 0;
    int result = 0;
    twice = false;
    sentence[0] = 0;
    while (result == 0 && prepare(NULL) == 0 && (result = kill_at(act, calls)) == 0) {
        result = check_apart(act);
        calls++;
    }
    tap_case(result == 1, "%s, killed at each of its %u steps to and from the kernel", act->name, calls);
    if (result != 1)
        printf("# at step %u: %s\n", calls - 1, sentence[0] ? sentence : "a hang");
}

static int supervise(void)
{
    return add_and_start();
}

/* The only child of a process, once there is one; its parent is gone or waits for it. */
static pid_t child_of(pid_t parent)
{
    char name[64];
    int child = 0;
    snprintf(name, sizeof name, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    while (child == 0) {
        FILE *list = fopen(name, "re");
        if (!list || fscanf(list, "%d", &child) != 1)
            child = 0;
        if (list)
            fclose(list);
    }
    return child;
}

/* It stands before its claim when its supervisor is killed and the next one starts the program itself: it must end. */
static int late_child(int patience)
{
    char late[32];
    int result = -1;
    snprintf(path, sizeof path, "%s", getenv("KIN_DOMAIN"));
    pid_t first = start_process(PLANT_BIT(PLANT_STOP_ENTERING), supervise);
    pid_t child = child_of(first);
    until_state(child, 'T');
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    if (take_over() < 0) {
        printf("# %s\n", sentence);
        return -1;
    }
    kill(child, SIGCONT);
    snprintf(late, sizeof late, "%d", (int)child);
    for (int i = 0; i < patience && result < 0 && !(is_sleep(late) && is_of(late, path, true)); i++) {
        result = kill(child, 0) < 0 || is_zombie(child) ? 0 : -1;
        usleep(1000);
    }
    stop();
    kin_supervisor_close(supervisor);
    count_running(path, true, SIGKILL);
    return result;
}

int main(int argc, char **argv)
{
    if (!tap_begin())
        return TAP_SKIP;
    snprintf(base, sizeof base, "/dev/shm/kin-supervise-%d-", (int)getpid());
    sentence = mmap(NULL, 256, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (!tap_wants(argc > 1 ? argv[1] : NULL, acts[i].name))
            continue;
        sweep_calls(&acts[i]);
        sweep(&acts[i], KIN_CRASH_KILL, "killed", 2);
        if (getenv("KIN_LONG"))
            sweep(&acts[i], KIN_CRASH_KILL_TWICE, "killed, and the next one too", 1);
    }
    count_running(base, false, SIGKILL);
    if (path[0])
        remove_directory(path);
    tap_bite(PLANT_NO_CLAIM, "a child that its dead supervisor's successor has given up", late_child);
    return tap_end();
}
