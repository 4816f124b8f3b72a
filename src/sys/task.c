#include "sys/task.h"
#include "sys/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PF_EXITING 0x4u
#define EXIT_CODE_FIELD 52 /* of /proc/PID/stat, the command being number 2 */

/* Fields of /proc/PID/stat, counted from the one behind the command's closing parenthesis. */
struct stat_line {
    char state;
    unsigned long flags;
    unsigned long long start;
};

static int read_file(const char *path, char *text, size_t size)
{
    int fd = file_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    ssize_t length = file_read(fd, text, size - 1);
    int error = errno;
    file_close(fd);
    if (length < 0)
        return -error;
    text[length] = 0;
    return (int)length;
}

static int read_stat(const char *path, struct stat_line *out)
{
    char text[1024];
    int length = read_file(path, text, sizeof text);
    if (length < 0)
        return length;
    char *rest = strrchr(text, ')');
    /* state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime priority nice
     * threads itrealvalue starttime */
    if (!rest || sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                        &out->state, &out->flags, &out->start) != 3)
        return -EIO;
    return 0;
}

/* Whether /proc shows our PID namespace: it may have been mounted for another. */
static bool proc_is_ours(void)
{
    char text[32];
    ssize_t length = readlink("/proc/self", text, sizeof text - 1);
    if (length <= 0)
        return false;
    text[length] = 0;
    return atol(text) == getpid();
}

/* Of the leader, which is the process: to who asks about itself qemu-user tells another start in /proc/PID/stat. */
static int read_leader(uint32_t pid, struct stat_line *out)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/task/%u/stat", pid, pid);
    return read_stat(path, out);
}

uint64_t task_start(uint32_t pid)
{
    struct stat_line line;
    return !proc_is_ours() || read_leader(pid, &line) < 0 ? 0 : line.start;
}

/* To those who may not see the status the kernel shows 0, and does not show the namespaces: one check decides both. */
bool task_exit_status(uint32_t pid, int *status)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    if (!proc_is_ours() || read_file(path, text, sizeof text) < 0)
        return false;
    const char *field = strrchr(text, ')');
    for (int number = 2; field && number < EXIT_CODE_FIELD; number++)
        field = strchr(field + 1, ' ');
    if (!field)
        return false;
    *status = atoi(field);
    snprintf(path, sizeof path, "/proc/%u/ns/user", pid);
    return *status != 0 || readlink(path, text, sizeof text) > 0;
}

static bool dumping_core(uint32_t pid)
{
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%u/status", pid);
    return read_file(path, text, sizeof text) > 0 && strstr(text, "\nCoreDumping:\t1");
}

static bool past_return(const struct stat_line *line)
{
    return line->flags & PF_EXITING || line->state == 'X';
}

/* A leader that called pthread_exit is a zombie while its other threads run: ask every one. */
static enum task_state all_threads(uint32_t pid)
{
    char path[64 + 256];
    snprintf(path, sizeof path, "/proc/%u/task", pid);
    DIR *list = opendir(path);
    if (!list)
        return TASK_UNKNOWN;
    enum task_state state = TASK_ENDING;
    struct dirent *entry;
    while (state == TASK_ENDING && (entry = readdir(list))) {
        struct stat_line line;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%u/task/%s/stat", pid, entry->d_name);
        int result = read_stat(path, &line);
        if (result == 0 && !past_return(&line))
            state = TASK_LIVING;
        else if (result < 0 && result != -ENOENT && result != -ESRCH)
            state = TASK_UNKNOWN;
    }
    closedir(list);
    return state == TASK_LIVING && dumping_core(pid) ? TASK_ENDING : state;
}

/* That /proc shows nothing is no proof: it may hide others' processes (hidepid), or be another's. kill hides
 * nothing. */
enum task_state task_state(uint32_t pid, uint64_t start)
{
    struct stat_line line;
    if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
        return TASK_GONE;
    if (!proc_is_ours() || read_leader(pid, &line) < 0)
        return TASK_UNKNOWN;
    return start && line.start != start ? TASK_GONE : all_threads(pid);
}

enum task_state task_thread_state(uint32_t pid, uint32_t tid)
{
    char path[96];
    struct stat_line line;
    if (syscall(SYS_tgkill, pid, tid, 0) < 0 && errno == ESRCH)
        return TASK_GONE;
    snprintf(path, sizeof path, "/proc/%u/task/%u/stat", pid, tid);
    if (!proc_is_ours() || read_stat(path, &line) < 0)
        return TASK_UNKNOWN;
    return past_return(&line) || dumping_core(pid) ? TASK_ENDING : TASK_LIVING;
}

uint64_t task_namespace(void)
{
    struct stat about;
    return stat("/proc/self/ns/pid", &about) < 0 ? 0 : about.st_ino;
}

uint32_t task_tid(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

void task_command(char name[16])
{
    memset(name, 0, 16);
    prctl(PR_GET_NAME, name);
}
