/* race KIND: makes stale objects of the kind, runs `$KIN clean --yes` on them, and comes to use them while it runs, one
 * after the other. Whoever came in finds his object still there behind it, by its name. Prints how many were kept and
 * how many removed, by each who came. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OBJECTS = 200, COMERS = 2 };

struct kind {
    const char *name;
    const char *options[4];
    void (*make)(int i);
    int (*come)(int i);             /* what identifies the object that was taken into use; -1: it is gone */
    bool (*stays)(int i, int what); /* whether its name leads to it */
    void (*drop)(int i);
};

static key_t key_of(int i)
{
    return i + 1;
}

static void need(bool good, const char *what)
{
    if (!good)
        err(1, "%s", what);
}

static void make_shm(int i)
{
    need(shmget(key_of(i), 4096, IPC_CREAT | IPC_EXCL | 0666) >= 0, "shmget");
}

static int come_shm(int i)
{
    int id = shmget(key_of(i), 0, 0);
    return id >= 0 && shmat(id, NULL, 0) != (void *)-1 ? id : -1;
}

static bool shm_stays(int i, int id)
{
    return shmget(key_of(i), 0, 0) == id;
}

static void drop_shm(int i)
{
    shmctl(shmget(key_of(i), 0, 0), IPC_RMID, NULL);
}

static void make_msg(int i)
{
    need(msgget(key_of(i), IPC_CREAT | IPC_EXCL | 0666) >= 0, "msgget");
}

static int come_msg(int i)
{
    struct {
        long type;
        char text[1];
    } message = {1, "x"};
    int id = msgget(key_of(i), 0);
    return id >= 0 && msgsnd(id, &message, 1, IPC_NOWAIT) == 0 ? id : -1;
}

static bool msg_stays(int i, int id)
{
    return msgget(key_of(i), 0) == id;
}

static void drop_msg(int i)
{
    msgctl(msgget(key_of(i), 0), IPC_RMID, NULL);
}

static void make_sem(int i)
{
    need(semget(key_of(i), 1, IPC_CREAT | IPC_EXCL | 0666) >= 0, "semget");
}

static int come_sem(int i)
{
    struct sembuf up = {.sem_op = 1};
    int id = semget(key_of(i), 0, 0);
    return id >= 0 && semop(id, &up, 1) == 0 ? id : -1;
}

static bool sem_stays(int i, int id)
{
    return semget(key_of(i), 0, 0) == id;
}

static void drop_sem(int i)
{
    semctl(semget(key_of(i), 0, 0), 0, IPC_RMID);
}

static const char *path_of(const char *folder, int i)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/race-%d", folder, i);
    return path;
}

static void make_file(int i)
{
    int fd = open(path_of("/dev/shm", i), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    need(fd >= 0 && fchmod(fd, 0666) == 0 && ftruncate(fd, 4096) == 0, path_of("/dev/shm", i));
    close(fd);
}

/* The descriptor stays open: that is the use. */
static int come_file(int i)
{
    return open(path_of("/dev/shm", i), O_RDWR | O_CLOEXEC);
}

static bool file_stays(int i, int fd)
{
    struct stat mine, found;
    return fstat(fd, &mine) == 0 && stat(path_of("/dev/shm", i), &found) == 0 && mine.st_ino == found.st_ino;
}

static void drop_file(int i)
{
    unlink(path_of("/dev/shm", i));
}

static int listen_at(int i)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path_of(".", i));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0)
        return fd;
    close(fd);
    return -1;
}

static void make_socket(int i)
{
    close(listen_at(i));
}

/* As a server does that starts again. */
static int come_socket(int i)
{
    return unlink(path_of(".", i)) == 0 ? listen_at(i) : -1;
}

static bool socket_stays(int i, int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)fd;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path_of(".", i));
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool stays = connect(client, (struct sockaddr *)&address, sizeof address) == 0;
    close(client);
    return stays;
}

static void drop_socket(int i)
{
    unlink(path_of(".", i));
}

static const struct kind kinds[] = {
    {"sysv:shm", {"--sysv"}, make_shm, come_shm, shm_stays, drop_shm},
    {"sysv:msg", {"--sysv", "--older", "0"}, make_msg, come_msg, msg_stays, drop_msg},
    {"sysv:sem", {"--sysv", "--older", "0"}, make_sem, come_sem, sem_stays, drop_sem},
    {"shm", {"--posix"}, make_file, come_file, file_stays, drop_file},
    {"socket", {"--sockets", "."}, make_socket, come_socket, socket_stays, drop_socket},
};

static void write_to(const char *path, const char *format, unsigned id)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    need(fd >= 0 && dprintf(fd, format, id, id) > 0, path);
    close(fd);
}

/* No System V object and no POSIX memory but our own: clean removes what is stale, whosesoever it is. */
static void isolate(void)
{
    unsigned user = geteuid(), group = getegid();
    if (user != 0 && unshare(CLONE_NEWUSER) == 0) {
        write_to("/proc/self/setgroups", "deny", 0);
        write_to("/proc/self/uid_map", "%u %u 1", user);
        write_to("/proc/self/gid_map", "%u %u 1", group);
    }
    if (unshare(CLONE_NEWIPC | CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("none", "/dev/shm", "tmpfs", 0, NULL) == 0)
        return;
    fprintf(stderr, "there are no namespaces to be had here: %s\n", strerror(errno));
    exit(77);
}

/* CAP_IPC_OWNER passes any door of System V, as clean does not promise to stop. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    need(syscall(SYS_capset, &header, none) == 0, "capset");
}

/* Comes to one after the other, each in its own time: those that clean has passed, those that it looks at, those that
 * it will look at. Keeps what it got until `end` is closed, and then says what is no longer there. */
static int come(const struct kind *kind, int number, int end)
{
    char byte;
    int got[OBJECTS], kept = 0, lost = 0;
    drop_capabilities();
    for (int i = number; i < OBJECTS; i += COMERS) {
        usleep((useconds_t)(rand() % 200));
        got[i] = kind->come(i);
    }
    need(read(end, &byte, 1) == 0, "read");
    for (int i = number; i < OBJECTS; i += COMERS) {
        kept += got[i] >= 0;
        if (got[i] >= 0 && !kind->stays(i, got[i]))
            lost += printf("object %d was removed from under who uses it\n", i) > 0;
    }
    printf("kept %d removed %d\n", kept, OBJECTS / COMERS - kept);
    return lost != 0;
}

static pid_t start_comer(const struct kind *kind, int number, const int ends[2])
{
    pid_t pid = fork();
    need(pid >= 0, "fork");
    if (pid > 0)
        return pid;
    close(ends[1]);
    srand((unsigned)getpid());
    int code = come(kind, number, ends[0]);
    fflush(stdout);
    _exit(code);
}

static int end_of(pid_t pid)
{
    int status;
    need(waitpid(pid, &status, 0) == pid, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* Their maker is dead when clean comes. */
static void make_all(const struct kind *kind)
{
    pid_t pid = fork();
    need(pid >= 0, "fork");
    if (pid == 0) {
        for (int i = 0; i < OBJECTS; i++)
            kind->make(i);
        _exit(0);
    }
    need(end_of(pid) == 0, "make");
}

static int clean(const struct kind *kind)
{
    const char *kin = getenv("KIN"), *words[8] = {kin, "clean", "--yes"};
    memcpy(words + 3, kind->options, sizeof kind->options);
    pid_t pid = fork();
    need(pid >= 0, "fork");
    if (pid == 0) {
        need(freopen("/dev/null", "w", stdout) != NULL, "/dev/null");
        execv(kin, (char **)words);
        _exit(127);
    }
    return end_of(pid);
}

int main(int count, char **words)
{
    const struct kind *kind = kinds;
    pid_t comers[COMERS];
    int ends[2];
    while (count > 1 && kind < kinds + sizeof kinds / sizeof *kinds && strcmp(kind->name, words[1]) != 0)
        kind++;
    if (count < 2 || kind == kinds + sizeof kinds / sizeof *kinds)
        errx(2, "say a kind");
    if (!getenv("KIN"))
        errx(2, "KIN is not set");
    isolate();
    need(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    make_all(kind);
    for (int i = 0; i < COMERS; i++)
        comers[i] = start_comer(kind, i, ends);
    int code = clean(kind);
    close(ends[1]);
    for (int i = 0; i < COMERS; i++)
        code |= end_of(comers[i]);
    for (int i = 0; i < OBJECTS; i++)
        kind->drop(i);
    return code;
}
