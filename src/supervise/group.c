/* All that an instance has started: its process group, its cgroup if it has one, and the orphans that came to us.
 *
 * An orphan is known by the variable KIN_INSTANCE that it was started with: which supervisor, which instance. */
#include "supervise/supervisor.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include "sys/reason.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENVIRONMENT_MOST (256 * 1024)

int group_open(struct instance *instance, int *procs)
{
    const char *parent = instance->supervisor->cgroup;
    char path[4096];
    if (!parent)
        return 0;
    snprintf(path, sizeof path, "%s/%s", parent, instance->name);
    if (instance->group < 0 && ((mkdir(path, 0755) < 0 && errno != EEXIST) ||
                                (instance->group = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0))
        return reason_errno("%s: cannot make its cgroup %s", instance->name, path);
    *procs = openat(instance->group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    return *procs < 0 ? reason_errno("%s: cannot use its cgroup %s", instance->name, path) : 0;
}

void group_close(struct instance *instance)
{
    char path[4096];
    if (instance->group < 0)
        return;
    file_close(instance->group);
    instance->group = -1;
    snprintf(path, sizeof path, "%s/%s", instance->supervisor->cgroup, instance->name);
    rmdir(path);
}

/* The token of the process: the value of KIN_INSTANCE that it was started with. */
static bool read_token(pid_t pid, char *token, size_t size)
{
    char path[64];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    int fd = file_open(path, O_RDONLY | O_CLOEXEC, 0);
    char *text = fd < 0 ? NULL : malloc(ENVIRONMENT_MOST + 1);
    ssize_t length = 0, got;
    while (text && length < ENVIRONMENT_MOST &&
           (got = file_read(fd, text + length, (size_t)(ENVIRONMENT_MOST - length))) > 0)
        length += got;
    for (char *line = text; line && !found && line < text + length; line += strlen(line) + 1) {
        text[length] = 0;
        if (strncmp(line, TOKEN "=", sizeof TOKEN) == 0)
            found = snprintf(token, size, "%s", line + sizeof TOKEN) < (int)size;
    }
    free(text);
    file_close(fd);
    return found;
}

/* The instance of ours that it belongs to, whichever start of it; NULL: none. */
static struct instance *instance_of(const kin_supervisor *self, pid_t pid)
{
    char token[NAME_BYTES + 40], wanted[NAME_BYTES + 40];
    if (!read_token(pid, token, sizeof token))
        return NULL;
    for (const struct program *program = self->programs; program; program = program->next)
        for (uint32_t i = 0; i < program->count; i++) {
            struct instance *instance = program->instances[i];
            int length = snprintf(wanted, sizeof wanted, "%" PRIx64 "/%s/", self->identity, instance->name);
            if (strncmp(token, wanted, (size_t)length) == 0)
                return instance;
        }
    return NULL;
}

static bool is_started_by_us(const kin_supervisor *self, pid_t pid)
{
    for (const struct program *program = self->programs; program; program = program->next)
        for (uint32_t i = 0; i < program->count; i++) {
            const struct instance *instance = program->instances[i];
            if ((instance->process && kin_process_pid(instance->process) == pid) ||
                (instance->probe && kin_process_pid(instance->probe) == pid))
                return true;
        }
    return false;
}

/* Calls visit with each child of this process. */
static void each_child(kin_supervisor *self, void (*visit)(kin_supervisor *self, pid_t pid, void *context),
                       void *context)
{
    DIR *threads = opendir("/proc/self/task");
    struct dirent *entry;
    while (threads && (entry = readdir(threads))) {
        char path[300];
        int pid;
        snprintf(path, sizeof path, "/proc/self/task/%s/children", entry->d_name);
        FILE *list = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
        while (list && fscanf(list, "%d", &pid) == 1)
            visit(self, pid, context);
        if (list)
            fclose(list);
    }
    if (threads)
        closedir(threads);
}

/* Calls visit with every process. */
static void each_process(kin_supervisor *self, void (*visit)(kin_supervisor *self, pid_t pid, void *context),
                         void *context)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    while (processes && (entry = readdir(processes)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            visit(self, (pid_t)atoi(entry->d_name), context);
    if (processes)
        closedir(processes);
}

/* By its pidfd, which is looked up before its token is read: so the number was not given to another in between. */
static void kill_member(kin_supervisor *self, pid_t pid, void *context)
{
    const struct instance *instance = context;
    int pidfd = pid == getpid() || is_started_by_us(self, pid) ? -1 : pidfd_of(pid);
    if (pidfd >= 0 && instance_of(self, pid) == instance)
        pidfd_signal(pidfd, SIGKILL);
    file_close(pidfd);
}

static void kill_cgroup(const struct instance *instance)
{
    int fd = openat(instance->group, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    int list = fd >= 0 ? -1 : openat(instance->group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *members = list < 0 ? NULL : fdopen(list, "re");
    int pid;
    if (fd >= 0)
        file_write(fd, "1", 1);
    while (members && fscanf(members, "%d", &pid) == 1)
        kill(pid, SIGKILL); /* before Linux 5.14 */
    if (members)
        fclose(members);
    file_close(fd);
}

/* The number of the group is the leader's: nobody else can have it before the leader is reaped. After that the members
 * are found by what they were started with. */
void group_kill(struct instance *instance)
{
    kin_supervisor *self = instance->supervisor;
    if (instance->group >= 0)
        kill_cgroup(instance);
    if (instance->process && !pidfd_reaped(kin_process_fd(instance->process)))
        kill(-kin_process_pid(instance->process), SIGKILL);
    if (instance->adopted)
        each_process(self, kill_member, instance);
    else if (self->children)
        each_child(self, kill_member, instance);
}

/* An orphan of an instance that runs no more goes the same way: its parent may have died after the instance. */
static void look_at_orphan(kin_supervisor *self, pid_t pid, void *context)
{
    (void)context;
    if (is_started_by_us(self, pid))
        return;
    const struct instance *instance = instance_of(self, pid);
    if (waitpid(pid, NULL, WNOHANG) == pid)
        board_count_orphan(self->segment);
    else if (instance && !instance->process)
        kill(pid, SIGKILL);
}

static void child_ended(struct source *source)
{
    kin_supervisor *self = source->owner;
    struct kin_signal signal;
    while (kin_signals_next(self->children, KIN_NOW, &signal) == 0)
        ;
    each_child(self, look_at_orphan, NULL);
}

int orphans_open(kin_supervisor *self)
{
    const int signals[] = {SIGCHLD, 0};
    source_init(&self->orphans, child_ended, self);
    if (!(self->options.flags & KIN_SUPERVISE_SUBREAPER))
        return 0;
    int result = kin_process_subreaper(1);
    if (result == 0)
        result = kin_signals_open(signals, &self->children);
    return result == 0 ? source_watch(self, &self->orphans, kin_signals_fd(self->children), EPOLLIN) : result;
}

void orphans_close(kin_supervisor *self)
{
    source_forget(self, &self->orphans);
    if (!self->children)
        return;
    kin_signals_close(self->children);
    kin_process_subreaper(0);
}
