#include "run.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct running {
    const struct run *run;
    struct run_end *end;
    kin_process *process;
    int signals;
    kin_time deadline; /* of the next step: first SIGTERM, then SIGKILL */
    bool told_to_end;
};

enum { WATCH_PROCESS, WATCH_SIGNALS, WATCH_OUTPUT, WATCHED };

static bool has_group(const struct run *run)
{
    return run->spawn.flags & KIN_SPAWN_GROUP;
}

/* CMD has not been reaped, so its number is still its own, and its group's. */
static void pass_on(const struct running *running, int signal)
{
    if (has_group(running->run))
        kill(-kin_process_pid(running->process), signal);
    else
        kin_process_signal(running->process, signal);
}

/* A stopped CMD would not notice otherwise. */
static void tell_to_end(struct running *running, int signal)
{
    pass_on(running, signal);
    pass_on(running, SIGCONT);
    if (!running->told_to_end)
        running->deadline = running->run->kill_after ? kin_after(running->run->kill_after) : KIN_FOREVER;
    running->told_to_end = true;
}

static void deadline_passed(struct running *running)
{
    if (running->told_to_end) {
        pass_on(running, SIGKILL);
        running->deadline = KIN_FOREVER;
        return;
    }
    running->end->timed_out = true;
    tell_to_end(running, SIGTERM);
}

/* What a terminal sends to our whole group has reached CMD already, unless CMD has a group of its own. */
static void take_signal(struct running *running)
{
    struct signalfd_siginfo about;
    if (read(running->signals, &about, sizeof about) != sizeof about)
        return;
    if (!running->end->signal)
        running->end->signal = (int)about.ssi_signo;
    if (about.ssi_code != SI_KERNEL || has_group(running->run))
        tell_to_end(running, (int)about.ssi_signo);
}

static void close_capture(struct capture *capture)
{
    if (capture->ours >= 0)
        close(capture->ours);
    capture->ours = -1;
}

/* Reads what is there. A CMD that prints too much loses its reader, and ends by SIGPIPE. */
static void take_output(struct capture *capture)
{
    while (capture->ours >= 0) {
        if (capture->length == capture->room) {
            size_t room = capture->room ? 2 * capture->room : 65536;
            char *more = realloc(capture->data, room);
            if (!more) {
                capture->too_long = true;
                close_capture(capture);
                return;
            }
            capture->data = more;
            capture->room = room;
        }
        ssize_t length = read(capture->ours, capture->data + capture->length, capture->room - capture->length);
        if (length < 0 && errno == EAGAIN)
            return;
        if (length > 0)
            capture->length += (size_t)length;
        capture->too_long = capture->length > capture->most;
        if ((length <= 0 && errno != EINTR) || length == 0 || capture->too_long)
            close_capture(capture);
    }
}

static int milliseconds_until(kin_time deadline)
{
    if (deadline == KIN_FOREVER)
        return -1;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t left = deadline - (now.tv_sec * INT64_C(1000000000) + now.tv_nsec);
    if (left <= 0)
        return 0;
    return left / 1000000 < 1000000 ? (int)(left / 1000000) + 1 : 1000000;
}

static int milliseconds_to_sleep(const struct running *running)
{
    int wait = milliseconds_until(running->deadline), look = (int)(running->run->look_every / 1000000);
    return look && (wait < 0 || wait > look) ? look : wait;
}

static void watch(struct running *running)
{
    const struct run *run = running->run;
    struct capture *capture = run->capture;
    for (;;) {
        struct pollfd watched[WATCHED] = {
            [WATCH_PROCESS] = {kin_process_fd(running->process), POLLIN, 0},
            [WATCH_SIGNALS] = {running->signals, POLLIN, 0},
            [WATCH_OUTPUT] = {capture ? capture->ours : -1, POLLIN, 0},
        };
        int ready = poll(watched, WATCHED, milliseconds_to_sleep(running));
        if (ready < 0)
            continue;
        if (ready == 0 && run->look)
            run->look(run->context, kin_process_pid(running->process));
        if (watched[WATCH_OUTPUT].revents)
            take_output(capture);
        if (watched[WATCH_SIGNALS].revents)
            take_signal(running);
        if (watched[WATCH_PROCESS].revents)
            return;
        if (milliseconds_until(running->deadline) == 0)
            deadline_passed(running);
    }
}

/* How CMD ended, asked without reaping it: its number must stay its own while the group is signalled. */
static bool has_failed(pid_t pid)
{
    siginfo_t about = {0};
    waitid(P_PID, (id_t)pid, &about, WEXITED | WNOWAIT);
    return about.si_code != CLD_EXITED || about.si_status != 0;
}

void block_ending_signals(sigset_t *ours, sigset_t *before)
{
    static const int ending[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    struct sigaction action;
    sigemptyset(ours);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(ours, ending[i]);
    sigprocmask(SIG_BLOCK, ours, before);
}

int not_started(const struct call *call, int result)
{
    struct stat about;
    const char *directory = value_of(call, OPTION_CWD);
    bool in_place = !directory || stat(directory, &about) == 0;
    failed(call, result);
    return result == -ENOENT && in_place ? EXIT_NO_COMMAND : EXIT_NOT_EXECUTABLE;
}

static int start_and_watch(struct running *running)
{
    const struct run *run = running->run;
    int result = run->body ? kin_process_fork(run->body, run->context, &run->spawn, &running->process)
                           : kin_process_spawn(run->call->cmd, &run->spawn, &running->process);
    if (run->capture)
        close(run->capture->theirs);
    if (run->handed_on > 0)
        close(run->handed_on);
    if (result < 0)
        return not_started(run->call, result);
    pid_t pid = kin_process_pid(running->process);
    if (run->guard)
        guard_watch(run->guard, pid);
    watch(running);
    if (run->guard && has_failed(pid))
        kill(-pid, SIGKILL);
    if (run->guard)
        guard_watch(run->guard, 0);
    if (run->capture)
        take_output(run->capture);
    result = kin_process_wait(running->process, 0, KIN_FOREVER, &running->end->how);
    kin_process_close(running->process);
    return result < 0 ? failed(run->call, result) : EXIT_OK;
}

int run_cmd(const struct run *run, struct run_end *end)
{
    sigset_t ours, before;
    *end = (struct run_end){.signal = 0};
    block_ending_signals(&ours, &before);
    struct running running = {
        .run = run,
        .end = end,
        .signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK),
        .deadline = run->timeout ? kin_after(run->timeout) : KIN_FOREVER,
    };
    int code = start_and_watch(&running);
    close(running.signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}
