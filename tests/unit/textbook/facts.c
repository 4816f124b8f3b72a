/* What kin-textbook(7) says under "THE TEXT SAYS, LINUX DOES": each sentence that a program can prove, proved. */
#include "support.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <kin/process.h>
#include <kin/queue.h>
#include <kin/socket.h>
#include <mqueue.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

/* This compiles because no header declares gets() any more. */
static int gets(void)
{
    return 1;
}

static void gets_is_no_function_of_c(void **state)
{
    (void)state;
    check_is(gets(), 1);
}

static void signals_have_these_numbers(void **state)
{
    (void)state;
    check_is(SIGSYS, 31);
    check_is(SIGUSR1, 10);
    check_is(SIGUSR2, 12);
    check_is(SIGCHLD, 17);
}

static void names_are_spelled_so(void **state)
{
    (void)state;
    check(SIGCHLD && WNOHANG && IPC_NOWAIT && IPC_CREAT);
}

static void priorities_reach_32767(void **state)
{
    (void)state;
    char name[64], byte;
    unsigned priority;
    struct mq_attr limits = {.mq_maxmsg = 3, .mq_msgsize = 1};
    check_is(sysconf(_SC_MQ_PRIO_MAX), 32768);
    snprintf(name, sizeof name, "/kin-facts-%d", (int)getpid());
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &limits);
    if (queue == (mqd_t)-1)
        test_skip("no POSIX queue here: %s", strerror(errno));
    mq_unlink(name);
    check_is(mq_send(queue, "a", 1, 31), 0);
    check_is(mq_send(queue, "b", 1, 32767), 0);
    check(mq_send(queue, "c", 1, 32768) < 0 && errno == EINVAL);
    check_is(mq_receive(queue, &byte, 1, &priority), 1);
    check_is(priority, KIN_PRIORITY_MAX);
    mq_close(queue);
}

static void a_time_out_is_that_of_sem_timedwait(void **state)
{
    (void)state;
    sem_t semaphore;
    int (*wait_without)(sem_t *) = sem_wait; /* no room for one */
    struct timespec past = {.tv_sec = 1};
    check_is(sem_init(&semaphore, 0, 1), 0);
    check_is(wait_without(&semaphore), 0);
    check(sem_timedwait(&semaphore, &past) < 0 && errno == ETIMEDOUT);
    sem_destroy(&semaphore);
}

static void masked_standard_signals_coalesce(void **state)
{
    (void)state;
    int counts[2] = {0, 0}, found;
    sigset_t both, before;
    sigemptyset(&both);
    sigaddset(&both, SIGUSR2);
    sigaddset(&both, SIGRTMIN);
    check_is(sigprocmask(SIG_BLOCK, &both, &before), 0);
    for (int i = 0; i < 3; i++)
        check_is(raise(SIGUSR2) | raise(SIGRTMIN), 0);
    while ((found = sigtimedwait(&both, NULL, &(struct timespec){0})) > 0)
        counts[found != SIGUSR2]++;
    check_is(counts[0], 1);
    check_is(counts[1], 3);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void a_negative_type_takes_the_lowest_up_to_it(void **state)
{
    (void)state;
    static const long types[] = {3, 2, 5, 1}, wanted[] = {1, 2, 3};
    struct {
        long type;
        char text[1];
    } message;
    int queue = msgget(IPC_PRIVATE, 0600);
    if (queue < 0)
        test_skip("no System V queue here: %s", strerror(errno));
    for (int i = 0; i < 4; i++) {
        message.type = types[i];
        check_is(msgsnd(queue, &message, 1, IPC_NOWAIT), 0);
    }
    for (int i = 0; i < 3; i++) {
        check_is(msgrcv(queue, &message, 1, -3, IPC_NOWAIT), 1);
        check_is(message.type, wanted[i]);
    }
    check(msgrcv(queue, &message, 1, -3, IPC_NOWAIT) < 0 && errno == ENOMSG); /* type 5 is beyond */
    check_is(msgctl(queue, IPC_RMID, NULL), 0);
}

static void shmget_gives_an_id_and_no_descriptor(void **state)
{
    (void)state;
    int before = open("/dev/null", O_RDONLY);
    check(before >= 0);
    close(before);
    int id = shmget(IPC_PRIVATE, 1, 0600);
    if (id < 0)
        test_skip("no System V memory here: %s", strerror(errno));
    check_is(shmctl(id, IPC_RMID, NULL), 0);
    int after = open("/dev/null", O_RDONLY);
    close(after);
    check_is(after, before);
}

static int look_at_the_first_id(void *context)
{
    int *id = context;
    if (unshare(CLONE_NEWUSER | CLONE_NEWIPC) < 0) {
        *id = -errno;
        return 0;
    }
    *id = shmget(IPC_PRIVATE, 1, 0600);
    return 0;
}

static void an_id_may_be_0(void **state)
{
    (void)state;
    int *id = test_shared(sizeof *id);
    check_is(test_end(test_child(look_at_the_first_id, id)), 0);
    if (*id < 0)
        test_skip("no IPC namespace of one's own here: %s", strerror(-*id));
    check_is(*id, 0);
}

struct orphan {
    pid_t parent, grandparent, became;
};

static int leave_an_orphan(void *context)
{
    struct orphan *orphan = context;
    orphan->parent = getpid();
    if (fork() == 0) {
        test_until(getppid() != orphan->parent);
        orphan->became = getppid();
        _exit(0);
    }
    return 0;
}

static int adopt(void *context)
{
    struct orphan *orphan = context;
    check_is(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    orphan->grandparent = getpid();
    check_is(test_end(test_child(leave_an_orphan, orphan)), 0);
    check(wait(NULL) > 0); /* the orphan is mine to reap */
    return 0;
}

static void orphans_go_to_the_nearest_subreaper(void **state)
{
    (void)state;
    struct orphan *orphan = test_shared(sizeof *orphan);
    check_is(test_end(test_child(adopt, orphan)), 0);
    check(orphan->became == orphan->grandparent && orphan->became != 1);
}

static int read_what_is_passed(void *context)
{
    char text[8];
    int fd;
    struct kin_packet packet = {.data = text, .room = sizeof text, .fds = &fd, .fd_room = 1};
    check_is(kin_socket_receive_packets(context, &packet, 1, KIN_FOREVER), 1);
    check_is(packet.fd_count, 1);
    check_is(read(fd, text, sizeof text), 6);
    check(memcmp(text, "hello", 6) == 0);
    return 0;
}

/* The child is there before the pipe is, so it inherits none of it: as good a stranger as any. */
static void a_pipe_serves_strangers_too(void **state)
{
    (void)state;
    kin_socket *ends[2];
    int pipe_ends[2];
    check_is(kin_socket_pair(NULL, ends), 0);
    pid_t stranger = test_child(read_what_is_passed, ends[1]);
    check_is(pipe2(pipe_ends, O_CLOEXEC), 0);
    const struct kin_packet packet = {.data = "p", .length = 1, .fds = pipe_ends, .fd_count = 1};
    check_is(kin_socket_send_packets(ends[0], &packet, 1, KIN_FOREVER), 1);
    check_is(write(pipe_ends[1], "hello", 6), 6);
    check_is(test_end(stranger), 0);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    kin_socket_close(ends[0]);
    kin_socket_close(ends[1]);
}

static void librt_is_not_needed(void **state)
{
    (void)state;
    static const char *const names[] = {"shm_open", "mq_open", "sem_open", "timer_create"};
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (libc == NULL)
        test_skip("no glibc here");
    for (int i = 0; i < 4; i++)
        check(dlsym(libc, names[i]) != NULL);
    dlclose(libc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signals_have_these_numbers),
        TEST(names_are_spelled_so),
        TEST(priorities_reach_32767),
        TEST(a_time_out_is_that_of_sem_timedwait),
        TEST(masked_standard_signals_coalesce),
        TEST(a_negative_type_takes_the_lowest_up_to_it),
        TEST(shmget_gives_an_id_and_no_descriptor),
        TEST(an_id_may_be_0),
        TEST(orphans_go_to_the_nearest_subreaper),
        TEST(a_pipe_serves_strangers_too),
        TEST(librt_is_not_needed),
        TEST(gets_is_no_function_of_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
