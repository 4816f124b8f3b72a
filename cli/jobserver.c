/* kin sem --jobserver: a pipe with a byte for each job beyond the first, which makes take and put back. A make that is
 * killed keeps what it took; here it is put back.
 *
 * Nothing tells who took a byte. But a make that sleeps holds as many as it has children, less the first, which needs
 * none. So when every process that has the pipe open is accounted for in that way, twice in the same state, then what
 * is still missing is held by nobody. Whoever cannot be accounted for (a program that is no make and has the pipe open)
 * stops this until he is gone: he may hold all of it. Of a CMD that is a shell it is believed that it holds nothing,
 * once somebody who had the pipe open is gone. */
#include "jobserver.h"
#include "run.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_EVERY INT64_C(100000000) /* ns */
#define TASKS_MAX 4096

struct task {
    pid_t pid, parent;
    char state, name[16];
    unsigned children;
    bool ours, has_pipe;
};

struct server {
    const struct call *call;
    int read_end, write_end;
    int tokens; /* in all: jobs less one */
    char directory[64], fifo[80];
    struct task *tasks;
    size_t count;
    uint64_t state_before; /* a hash of what the last look saw */
    unsigned clients_before;
    bool somebody_ended, in_doubt; /* CMD is a shell that may only hand the pipe on, and may not */
};

static bool read_task(pid_t pid, struct task *task)
{
    char path[64], text[512], *end;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (length <= 0)
        return false;
    text[length] = 0;
    char *name = strchr(text, '(');
    end = strrchr(text, ')');
    int parent;
    *task = (struct task){.pid = pid};
    if (!name || !end || sscanf(end + 1, " %c %d", &task->state, &parent) != 2)
        return false;
    task->parent = parent;
    snprintf(task->name, sizeof task->name, "%.*s", (int)(end - name - 1), name + 1);
    return true;
}

static bool is_pipe(const char *path, const struct stat *pipe)
{
    struct stat about;
    return stat(path, &about) == 0 && about.st_dev == pipe->st_dev && about.st_ino == pipe->st_ino;
}

static bool has_pipe_open(pid_t pid, const struct stat *pipe)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *list = opendir(path);
    struct dirent *entry;
    bool found = false;
    while (list && !found && (entry = readdir(list))) {
        snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)pid, entry->d_name);
        found = entry->d_name[0] != '.' && is_pipe(path, pipe);
    }
    if (list)
        closedir(list);
    return found;
}

static struct task *task_of(struct server *server, pid_t pid)
{
    for (size_t i = 0; i < server->count; i++)
        if (server->tasks[i].pid == pid)
            return &server->tasks[i];
    return NULL;
}

/* All processes that come from us: orphans are given to us, as their subreaper. */
static void find_ours(struct server *server)
{
    struct task *parent;
    bool more = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < server->count; i++) {
            struct task *task = &server->tasks[i];
            bool ours = task->parent == getpid() || ((parent = task_of(server, task->parent)) && parent->ours);
            more |= ours && !task->ours;
            task->ours |= ours;
        }
    }
}

static void take_census(struct server *server)
{
    struct stat pipe;
    DIR *list = opendir("/proc");
    struct dirent *entry;
    server->count = 0;
    while (list && (entry = readdir(list)) && server->count < TASKS_MAX) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid > 0 && read_task(pid, &server->tasks[server->count]))
            server->count++;
    }
    if (list)
        closedir(list);
    find_ours(server);
    if (fstat(server->read_end, &pipe) < 0)
        return;
    for (size_t i = 0; i < server->count; i++) {
        struct task *task = &server->tasks[i], *parent = task->ours ? task_of(server, task->parent) : NULL;
        task->has_pipe = task->ours && task->state != 'Z' && has_pipe_open(task->pid, &pipe);
        if (parent)
            parent->children++;
    }
}

static bool is_make(const struct task *task)
{
    return strcmp(task->name, "make") == 0 || strcmp(task->name, "gmake") == 0;
}

static bool is_above_a_make(struct server *server, const struct task *task)
{
    for (size_t i = 0; i < server->count; i++) {
        const struct task *other = &server->tasks[i];
        if (!other->ours || !is_make(other))
            continue;
        for (unsigned depth = 0; other && depth < 64; depth++, other = task_of(server, other->parent))
            if (other == task)
                return true;
    }
    return false;
}

/* A shell that only hands the pipe on: one that a recipe has started for another make; CMD itself, most likely. */
static bool hands_it_on(struct server *server, const struct task *task)
{
    size_t length = strlen(task->name);
    if (length < 2 || strcmp(task->name + length - 2, "sh") != 0)
        return false;
    if (is_above_a_make(server, task))
        return true;
    server->in_doubt |= task->parent == getpid();
    return task->parent == getpid();
}

/* How many bytes those who live may hold; -1: it cannot be known now. */
static int count_held(struct server *server, uint64_t *state, unsigned *clients)
{
    int held = 0;
    bool known = true;
    *clients = 0;
    server->in_doubt = false;
    for (size_t i = 0; i < server->count; i++) {
        const struct task *task = &server->tasks[i];
        if (!task->has_pipe)
            continue;
        *state =
            (*state ^ ((uint64_t)(uint32_t)task->pid << 16 | (task->children & 0xffffu))) * UINT64_C(1099511628211);
        ++*clients;
        if (hands_it_on(server, task))
            continue;
        known &= is_make(task) && task->state == 'S';
        held += task->children > 1 ? (int)task->children - 1 : 0;
    }
    return known ? held : -1;
}

/* Orphans of a make that was killed, and ended by now. Not CMD: run_cmd waits for it. */
static void reap_orphans(const struct server *server, pid_t cmd)
{
    for (size_t i = 0; i < server->count; i++)
        if (server->tasks[i].state == 'Z' && server->tasks[i].parent == getpid() && server->tasks[i].pid != cmd)
            waitpid(server->tasks[i].pid, NULL, WNOHANG);
}

static int orphans_of(const struct server *server, pid_t cmd)
{
    int orphans = 0;
    for (size_t i = 0; i < server->count; i++)
        orphans += server->tasks[i].parent == getpid() && server->tasks[i].pid != cmd && server->tasks[i].state != 'Z';
    return orphans;
}

static void look(void *context, pid_t cmd)
{
    struct server *server = context;
    int there = 0;
    uint64_t state = UINT64_C(14695981039346656037);
    unsigned clients;
    take_census(server);
    reap_orphans(server, cmd);
    int held = count_held(server, &state, &clients);
    ioctl(server->read_end, FIONREAD, &there);
    state = state * 31 + (uint64_t)there;
    server->somebody_ended |= clients < server->clients_before;
    server->clients_before = clients;
    bool same = state == server->state_before;
    server->state_before = state;
    /* Jobs whose make is gone run on, in the slots that it had. */
    int missing = server->tokens - there - held - orphans_of(server, cmd);
    if (there == server->tokens)
        server->somebody_ended = false;
    if (held < 0 || missing <= 0 || !same || (server->in_doubt && !server->somebody_ended))
        return;
    for (int i = 0; i < missing; i++)
        if (write(server->write_end, "+", 1) != 1)
            return;
    server->somebody_ended = false;
    complain(server->call, "%d of %d jobserver slots came back from processes that were killed", missing,
             server->tokens + 1);
}

static int make_pipe(struct server *server)
{
    const char *where = getenv("TMPDIR");
    snprintf(server->directory, sizeof server->directory, "%.40s/kin-jobs-XXXXXX", where && *where ? where : "/tmp");
    if (!mkdtemp(server->directory))
        return -1;
    snprintf(server->fifo, sizeof server->fifo, "%s/fifo", server->directory);
    if (mkfifo(server->fifo, 0600) < 0)
        return -1;
    server->read_end = open(server->fifo, O_RDWR | O_CLOEXEC);
    server->write_end = open(server->fifo, O_RDWR | O_CLOEXEC);
    if (server->read_end < 0 || server->write_end < 0)
        return -1;
    for (int i = 0; i < server->tokens; i++)
        if (write(server->write_end, "+", 1) != 1)
            return -1;
    return 0;
}

static void remove_pipe(const struct server *server)
{
    unlink(server->fifo);
    rmdir(server->directory);
}

/* What make reads: to 4.3 two descriptors, from 4.4 on the path of a FIFO, if asked for. */
static void announce(const struct server *server, bool fifo)
{
    char flags[4096];
    const char *before = getenv("MAKEFLAGS");
    if (before && strstr(before, "--jobserver"))
        before = NULL; /* another's */
    int length = snprintf(flags, sizeof flags, "%s -j%d --jobserver-auth=", before ? before : "", server->tokens + 1);
    if (length < 0 || (size_t)length >= sizeof flags - 128)
        length = snprintf(flags, sizeof flags, " -j%d --jobserver-auth=", server->tokens + 1);
    if (fifo)
        snprintf(flags + length, sizeof flags - (size_t)length, "fifo:%s", server->fifo);
    else
        snprintf(flags + length, sizeof flags - (size_t)length, "%d,%d", server->read_end, server->write_end);
    setenv("MAKEFLAGS", flags, 1);
}

static int serve(struct server *server)
{
    const struct call *call = server->call;
    bool fifo = is_given(call, OPTION_FIFO);
    const struct kin_fd_map fds[] = {{server->read_end, server->read_end}, {server->write_end, server->write_end}};
    struct run run = {
        .call = call,
        .spawn = *KIN_SPAWN(.flags = KIN_SPAWN_KEEP_IGNORED | KIN_SPAWN_KEEP_FDS, .fds = fds, .fd_count = fifo ? 0 : 2),
        .handed_on = -1,
        .look_every = LOOK_EVERY,
        .look = look,
        .context = server,
    };
    struct run_end end;
    announce(server, fifo);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int code = run_cmd(&run, &end);
    return code == EXIT_OK ? exit_code_of(&end.how) : code;
}

int run_jobserver(const struct call *call, int64_t jobs)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct server server = {
        .call = call,
        .tokens = (int)(jobs             ? jobs
                        : processors > 0 ? processors
                                         : 1) -
                  1,
        .tasks = calloc(TASKS_MAX, sizeof *server.tasks),
    };
    if (!server.tasks)
        return no_memory(call);
    int code = EXIT_FAILED;
    if (make_pipe(&server) < 0)
        complain(call, "cannot make a FIFO for the job slots in %s: %m", server.directory);
    else
        code = serve(&server);
    remove_pipe(&server);
    free(server.tasks);
    return code;
}
