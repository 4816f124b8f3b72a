/* The path at which a socket listens: whose it is, when it is replaced, when it goes. */
#include "support.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <kin/socket.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH "socket"
static const enum kin_socket_kind kinds[] = {KIN_SOCKET_STREAM, KIN_SOCKET_SEQPACKET, KIN_SOCKET_DATAGRAM};
#define KINDS (sizeof kinds / sizeof *kinds)

static bool exists(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0;
}

/* How many entries the current directory has. */
static int entries(void)
{
    int count = 0;
    DIR *list = opendir(".");
    check(list);
    while (readdir(list))
        count++;
    closedir(list);
    return count - 2;
}

static kin_socket *listen_at(const char *path, enum kin_socket_kind kind)
{
    kin_socket *listener;
    check_is(kin_socket_listen(path, KIN_SOCKET(.kind = kind), kin_after(TEST_HANG * INT64_C(1000000000)), &listener),
             0);
    return listener;
}

static int listen_and_die(void *context)
{
    listen_at(PATH, *(const enum kin_socket_kind *)context);
    raise(SIGKILL);
    return 0;
}

static void a_stale_path_is_replaced(void **state)
{
    check_is(chdir(*state), 0);
    for (size_t i = 0; i < KINDS; i++)
        for (size_t j = 0; j < KINDS; j++) {
            check_is(test_end(test_child(listen_and_die, (void *)&kinds[i])), -SIGKILL);
            check(exists(PATH));
            kin_socket *client, *listener;
            check_refused(kin_socket_connect(PATH, KIN_SOCKET(.kind = kinds[i]), KIN_NOW, &client), -ECONNREFUSED,
                          "nobody listens");
            listener = listen_at(PATH, kinds[j]);
            check_is(kin_socket_connect(PATH, KIN_SOCKET(.kind = kinds[j]), KIN_NOW, &client), 0);
            kin_socket_close(client);
            kin_socket_close(listener);
            check_is(entries(), 0);
        }
}

static int listen_until_killed(void *context)
{
    listen_at(PATH, KIN_SOCKET_STREAM);
    *(volatile int *)context = 1;
    for (;;)
        pause();
    return 0;
}

static void a_living_ones_path_is_refused_with_his_pid(void **state)
{
    char words[64];
    kin_socket *listener;
    volatile int *ready = test_shared(sizeof *ready);
    check_is(chdir(*state), 0);
    pid_t child = test_child(listen_until_killed, (void *)ready);
    test_until(*ready);
    snprintf(words, sizeof words, "process %d listens there", child);
    for (size_t i = 0; i < KINDS; i++)
        check_refused(kin_socket_listen(PATH, KIN_SOCKET(.kind = kinds[i]), KIN_FOREVER, &listener), -EADDRINUSE,
                      words);
    kill(child, SIGSTOP); /* stopped is not dead */
    check_refused(kin_socket_listen(PATH, NULL, KIN_FOREVER, &listener), -EADDRINUSE, words);
    test_kill(child);
    kin_socket_close(listen_at(PATH, KIN_SOCKET_STREAM));
    check_is(entries(), 0);
}

/* Others bind first and listen later; in between, whoever connects is refused though the owner lives. */
static void one_that_does_not_listen_yet_is_alive(void **state)
{
    kin_socket *listener;
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = PATH};
    check_is(chdir(*state), 0);
    for (size_t i = 0; i < KINDS; i++) {
        const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
        int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
        check_is(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        check_refused(kin_socket_listen(PATH, NULL, KIN_FOREVER, &listener), -EADDRINUSE, "is bound there");
        close(fd);
        kin_socket_close(listen_at(PATH, KIN_SOCKET_STREAM));
        check(!exists(PATH));
    }
}

static void a_full_backlog_is_alive(void **state)
{
    kin_socket *listener, *client[2], *other;
    check_is(chdir(*state), 0);
    check_is(kin_socket_listen(PATH, KIN_SOCKET(.backlog = 1), KIN_FOREVER, &listener), 0);
    for (int i = 0; i < 2; i++)
        check_is(kin_socket_connect(PATH, NULL, KIN_NOW, &client[i]), 0);
    check_is(kin_socket_listen(PATH, NULL, KIN_FOREVER, &other), -EADDRINUSE);
    for (int i = 0; i < 2; i++)
        kin_socket_close(client[i]);
    kin_socket_close(listener);
}

static void other_files_are_left_alone(void **state)
{
    kin_socket *listener;
    check_is(chdir(*state), 0);
    close(open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    check_is(symlink("nowhere", "link"), 0);
    check_is(mkdir("folder", 0700), 0);
    const char *const names[] = {"file", "link", "folder"};
    for (int i = 0; i < 3; i++) {
        check_refused(kin_socket_listen(names[i], NULL, KIN_FOREVER, &listener), -EEXIST, "is no socket");
        check(exists(names[i]));
    }
    check_refused(kin_socket_listen("none/socket", NULL, KIN_FOREVER, &listener), -ENOENT, "directory of");
    check_refused(kin_socket_listen("folder/", NULL, KIN_FOREVER, &listener), -EINVAL, "is a directory");
    check_is(entries(), 3);
}

static void closing_removes_only_what_is_ours(void **state)
{
    struct stat before, after;
    check_is(chdir(*state), 0);
    kin_socket *first = listen_at(PATH, KIN_SOCKET_STREAM);
    check_is(unlink(PATH), 0);
    kin_socket *second = listen_at(PATH, KIN_SOCKET_STREAM);
    check_is(stat(PATH, &before), 0);
    kin_socket_close(first);
    check_is(stat(PATH, &after), 0);
    check_is(after.st_ino, before.st_ino);
    check_is(chdir("/"), 0); /* the path was relative to where we were */
    kin_socket_close(second);
    check_is(chdir(*state), 0);
    check_is(entries(), 0);
}

static int close_it(void *context)
{
    kin_socket_close(context);
    return 0;
}

static void a_childs_close_leaves_the_path(void **state)
{
    kin_socket *client;
    check_is(chdir(*state), 0);
    kin_socket *listener = listen_at(PATH, KIN_SOCKET_STREAM);
    check_is(test_end(test_child(close_it, listener)), 0);
    check_is(kin_socket_connect(PATH, NULL, KIN_NOW, &client), 0);
    kin_socket_close(client);
    kin_socket_close(listener);
    check(!exists(PATH));
}

static void the_mode_is_exact(void **state)
{
    struct stat about;
    static const unsigned modes[] = {0600, 0660, 0666, 0777, 0700, 0640};
    check_is(chdir(*state), 0);
    mode_t before = umask(0077);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        kin_socket *listener;
        umask(i % 2 ? 0 : 0777);
        check_is(kin_socket_listen(PATH, KIN_SOCKET(.mode = modes[i]), KIN_FOREVER, &listener), 0);
        check_is(stat(PATH, &about), 0);
        check_is(about.st_mode & 07777, modes[i]);
        kin_socket_close(listener);
    }
    umask(before);
    kin_socket *listener = listen_at(PATH, KIN_SOCKET_STREAM);
    check_is(stat(PATH, &about), 0);
    check_is(about.st_mode & 07777, 0600);
    kin_socket_close(listener);
}

/* The longest name in a deep directory: nothing of it fits the 108 bytes of an address. */
static void paths_may_be_long(void **state)
{
    char path[1024], name[256];
    kin_socket *client;
    check_is(chdir(*state), 0);
    memset(name, 'n', 255);
    name[255] = 0;
    snprintf(path, sizeof path, "%s/%.200s", (char *)*state, name);
    check_is(mkdir(path, 0700), 0);
    strcat(path, "/");
    strcat(path, name);
    check(strlen(path) > 450);
    for (size_t i = 0; i < KINDS; i++) {
        kin_socket *listener = listen_at(path, kinds[i]), *other;
        check_is(kin_socket_connect(path, KIN_SOCKET(.kind = kinds[i]), KIN_NOW, &client), 0);
        kin_socket_close(client);
        check_is(kin_socket_listen(path, NULL, KIN_FOREVER, &other), -EADDRINUSE);
        kin_socket_close(listener);
        check(!exists(path));
        check_is(kin_socket_connect(path, NULL, KIN_NOW, &client), -ENOENT);
    }
    strcat(path, "n");
    check_refused(kin_socket_listen(path, NULL, KIN_FOREVER, &client), -ENAMETOOLONG, "too long");
    for (int length = 90; length < 125; length++) { /* around the limit */
        snprintf(path, sizeof path, "%.*s", length, name);
        kin_socket *listener = listen_at(path, KIN_SOCKET_STREAM);
        check_is(kin_socket_connect(path, NULL, KIN_NOW, &client), 0);
        kin_socket_close(client);
        kin_socket_close(listener);
    }
}

static void abstract_names_need_no_file(void **state)
{
    char name[200], words[64];
    kin_socket *listener, *other, *client;
    check_is(chdir(*state), 0);
    snprintf(name, sizeof name, "@%s", (char *)*state);
    listener = listen_at(name, KIN_SOCKET_SEQPACKET);
    check_is(entries(), 0);
    check_is(kin_socket_connect(name, KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), KIN_NOW, &client), 0);
    kin_socket_close(client);
    snprintf(words, sizeof words, "process %d listens there", getpid());
    check_refused(kin_socket_listen(name, KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), KIN_NOW, &other), -EADDRINUSE,
                  words);
    kin_socket_close(listener);
    check_refused(kin_socket_connect(name, NULL, KIN_NOW, &client), -ECONNREFUSED, "nobody listens");
    check_refused(kin_socket_listen(name, KIN_SOCKET(.mode = 0600), KIN_NOW, &other), -EINVAL, "no permissions");
    check_refused(kin_socket_listen("@", NULL, KIN_NOW, &other), -EINVAL, "is empty");
    memset(name + 1, 'x', sizeof name - 2);
    name[sizeof name - 1] = 0;
    check_refused(kin_socket_listen(name, NULL, KIN_NOW, &other), -ENAMETOOLONG, "at most 106");
    name[107] = 0;
    kin_socket_close(listen_at(name, KIN_SOCKET_STREAM));
    kin_socket_close(listen_at("./@file", KIN_SOCKET_STREAM));
}

static void a_locked_directory_is_waited_for(void **state)
{
    kin_socket *listener;
    check_is(chdir(*state), 0);
    int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check_is(syscall(SYS_flock, fd, LOCK_EX), 0);
    check_refused(kin_socket_listen(PATH, NULL, KIN_NOW, &listener), -ETIMEDOUT, "locked");
    check_is(kin_socket_listen(PATH, NULL, kin_after(20000000), &listener), -ETIMEDOUT);
    check_is(entries(), 0);
    close(fd);
    kin_socket_close(listen_at(PATH, KIN_SOCKET_STREAM));
}

static void what_a_killed_starter_left_is_removed(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = ".socket.kin"};
    check_is(chdir(*state), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_is(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    check_is(entries(), 1);
    kin_socket *listener = listen_at(PATH, KIN_SOCKET_STREAM);
    check_is(entries(), 1);
    kin_socket_close(listener);
    check_is(entries(), 0);
}

struct starters {
    volatile int go, owners, most, refused;
};

/* Tries to get the path, over and over; who has it dies with it in half of the cases. */
static int start_again_and_again(void *context)
{
    struct starters *starters = context;
    while (!starters->go)
        ;
    for (int i = 0; i < 200; i++) {
        kin_socket *listener, *client;
        int result = kin_socket_listen(PATH, NULL, KIN_FOREVER, &listener);
        if (result == -EADDRINUSE) {
            __atomic_add_fetch(&starters->refused, 1, __ATOMIC_RELAXED);
            continue;
        }
        check_is(result, 0);
        int owners = __atomic_add_fetch(&starters->owners, 1, __ATOMIC_SEQ_CST);
        if (owners > starters->most)
            starters->most = owners;
        check_is(kin_socket_connect(PATH, NULL, KIN_NOW, &client), 0);
        struct kin_peer peer;
        check_is(kin_socket_peer(client, &peer), 0);
        check_is(peer.pid, getpid()); /* the path is ours and nobody else's */
        kin_socket_close(client);
        __atomic_sub_fetch(&starters->owners, 1, __ATOMIC_SEQ_CST);
        if (i % 2)
            close(kin_socket_fd(listener)); /* as a death does: the path stays */
        else
            kin_socket_close(listener);
    }
    return 0;
}

/* The trap: two find the path stale, the second removes what the first has just made. */
static void of_many_starters_one_has_the_path(void **state)
{
    pid_t children[4];
    struct starters *starters = test_shared(sizeof *starters);
    check_is(chdir(*state), 0);
    for (int i = 0; i < 4; i++)
        children[i] = test_child(start_again_and_again, starters);
    starters->go = 1;
    for (int i = 0; i < 4; i++)
        check_is(test_end(children[i]), 0);
    check_is(starters->most, 1);
    check_is(starters->owners, 0);
}

static int start_until_killed(void *context)
{
    (void)context;
    for (;;) {
        kin_socket *listener;
        check_is(kin_socket_listen(PATH, NULL, KIN_FOREVER, &listener), 0);
        close(kin_socket_fd(listener));
    }
}

/* Starters killed wherever they are: the next one starts, and nothing but the path is left. */
static void a_starter_may_be_killed_anywhere(void **state)
{
    check_is(chdir(*state), 0);
    unsigned seed = 1;
    for (int i = 0; i < 100; i++) {
        pid_t child = test_child(start_until_killed, NULL);
        test_until(exists(PATH));
        for (volatile int turn = rand_r(&seed) % 100000; turn > 0; turn--)
            ;
        test_kill(child);
        kin_socket *listener = listen_at(PATH, KIN_SOCKET_STREAM), *client;
        check_is(entries(), 1);
        check_is(kin_socket_connect(PATH, NULL, KIN_NOW, &client), 0);
        kin_socket_close(client);
        kin_socket_close(listener);
        check_is(entries(), 0);
    }
}

struct watch {
    volatile int stop, bad;
    volatile long good;
};

static int connect_again_and_again(void *context)
{
    struct watch *watch = context;
    while (!watch->stop) {
        kin_socket *client;
        int result = kin_socket_connect(PATH, NULL, KIN_NOW, &client);
        if (result == 0) {
            kin_socket_close(client);
            watch->good++;
        } else if (result != -ENOENT && result != -ETIMEDOUT) {
            watch->bad = result;
        }
    }
    return 0;
}

#define BIRTHS 200

/* A path that is there, listens: no client is refused between its birth and its listening. The listeners stay open, as
 * a client may have found the path just before one closes. */
static void no_client_is_ever_refused(void **state)
{
    kin_socket *listeners[BIRTHS];
    struct watch *watch = test_shared(sizeof *watch);
    check_is(chdir(*state), 0);
    pid_t child = test_child(connect_again_and_again, watch);
    for (int i = 0; i < BIRTHS; i++) {
        long before = watch->good;
        listeners[i] = listen_at(PATH, KIN_SOCKET_STREAM);
        test_until(watch->good > before);
        check_is(unlink(PATH), 0);
    }
    watch->stop = 1;
    check_is(test_end(child), 0);
    for (int i = 0; i < BIRTHS; i++)
        kin_socket_close(listeners[i]);
    check_is(watch->bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stale_path_is_replaced),
        TEST(a_living_ones_path_is_refused_with_his_pid),
        TEST(one_that_does_not_listen_yet_is_alive),
        TEST(a_full_backlog_is_alive),
        TEST(other_files_are_left_alone),
        TEST(closing_removes_only_what_is_ours),
        TEST(a_childs_close_leaves_the_path),
        TEST(the_mode_is_exact),
        TEST(paths_may_be_long),
        TEST(abstract_names_need_no_file),
        TEST(a_locked_directory_is_waited_for),
        TEST(what_a_killed_starter_left_is_removed),
        TEST(of_many_starters_one_has_the_path),
        TEST(a_starter_may_be_killed_anywhere),
        TEST(no_client_is_ever_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
