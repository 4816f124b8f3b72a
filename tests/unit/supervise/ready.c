/* What instances tell: that they are ready, alive, going; and the descriptors that they are given and store. */
#include "stage.h"
#include <errno.h>
#include <kin/socket.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As sd_notify() does it. */
static void notify(const char *text, int fd)
{
    kin_socket *socket;
    const struct kin_packet packet = {
        .data = (void *)(uintptr_t)text, .length = strlen(text), .fds = &fd, .fd_count = fd >= 0};
    check_is(kin_socket_connect(getenv("NOTIFY_SOCKET"), KIN_SOCKET(.kind = KIN_SOCKET_DATAGRAM), KIN_FOREVER, &socket),
             0);
    check_is(kin_socket_send_packets(socket, &packet, 1, KIN_FOREVER), 1);
    kin_socket_close(socket);
}

static int tell_all(void *context)
{
    sigset_t set;
    int signal;
    (void)context;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    notify("STATUS=begins\nREADY=1\n", -1);
    while (sigwait(&set, &signal) == 0 && signal == SIGHUP) {
        notify("RELOADING=1", -1);
        notify("READY=1\nSTATUS=again", -1);
    }
    notify("STOPPING=1", -1);
    return 0;
}

static void it_tells_by_notes(void **state)
{
    (void)state;
    kin_supervisor *self = stage_plain(NULL, 0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .run = tell_all, .readiness = KIN_READY_NOTIFY)), 0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check(stage_is(self, "it", KIN_INSTANCE_STARTING));
    stage_until(self, stage_is(self, "it", KIN_INSTANCE_READY));
    check(strcmp(stage_look(self, "it").status, "begins") == 0);
    check_is(kin_supervisor_reload(self, "it"), 0);
    stage_until(self, strcmp(stage_look(self, "it").status, "again") == 0);
    check(test_contains(stage_events, "it reloading\nit ready"));
    check_is(kin_supervisor_stop(self, NULL), 0);
    check_is(stage_end(self), -ECHILD);
    check_is(stage_look(self, "it").last.kind, KIN_EXITED);
    kin_supervisor_close(self);
}

/* A note of a process that is none of ours changes nothing: the next note that does is read behind it. */
static void strangers_are_not_heard(void **state)
{
    (void)state;
    kin_supervisor *self = stage_plain(NULL, 0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .capture = 1, .readiness = KIN_READY_NOTIFY,
                                                  .argv = SHELL("echo $NOTIFY_SOCKET; exec sleep 1000"))),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    stage_until(self, strchr(stage_output, '\n'));
    *strchr(stage_output, '\n') = 0;
    setenv("NOTIFY_SOCKET", stage_output + 3, 1);
    notify("READY=1", -1);
    unsetenv("NOTIFY_SOCKET");
    check_is(kin_supervisor_wait(self, KIN_NOW), 0);
    check_is(kin_supervisor_wait(self, KIN_NOW), -ETIMEDOUT);
    check(stage_is(self, "it", KIN_INSTANCE_STARTING));
    kin_supervisor_close(self);
}

static void a_probe_finds_it_ready(void **state)
{
    char path[256], create[300];
    kin_supervisor *self = stage_plain(NULL, 0);
    snprintf(path, sizeof path, "%s/flag", (char *)*state);
    snprintf(create, sizeof create, "touch %s; exec sleep 1000", path);
    char *const probe[] = {"test", "-e", path, NULL};
    check_is(kin_supervisor_add(
                 self, KIN_PROGRAM(.name = "it", .argv = SHELL(create), .probe = probe, .readiness = KIN_READY_PROBE)),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    stage_until(self, stage_is(self, "it", KIN_INSTANCE_READY));
    unlink(path);
    kin_supervisor_close(self);
}

static void who_is_not_ready_in_time_is_tried_again(void **state)
{
    (void)state;
    kin_supervisor *self = stage_open(NULL, KIN_SUPERVISOR(.intensity = 2));
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .argv = SHELL("exec sleep 1000"), .pause_min = MS,
                                                  .readiness = KIN_READY_NOTIFY, .ready_within = 20 * MS)),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check_is(stage_end(self), -ECANCELED);
    check_is(stage_look(self, "it").restarts, 1);
    kin_supervisor_close(self);
}

static int beat_twice(void *context)
{
    (void)context;
    notify("READY=1", -1);
    notify("WATCHDOG=1", -1);
    notify("WATCHDOG=1\nSTATUS=no more", -1);
    pause();
    return 0;
}

static void a_watchdog_that_hears_nothing_bites(void **state)
{
    (void)state;
    kin_supervisor *self = stage_open(NULL, KIN_SUPERVISOR(.intensity = 1));
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .run = beat_twice, .readiness = KIN_READY_NOTIFY,
                                                  .watchdog = 50 * MS)),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    check_is(stage_end(self), -ECANCELED);
    check_is(stage_look(self, "it").last.status, SIGABRT);
    check(strcmp(stage_look(self, "it").status, "no more") == 0);
    kin_supervisor_close(self);
}

/* Says what it was handed, stores one more under a name, and dies: the next one says what it has. */
static int use_descriptors(void *context)
{
    char text[64];
    (void)context;
    check_is(atoi(getenv("LISTEN_PID")), getpid());
    printf("%s %s\n", getenv("LISTEN_FDS"), getenv("LISTEN_FDNAMES"));
    int count = atoi(getenv("LISTEN_FDS"));
    if (count == 3) {
        check_is(read(5, text, sizeof text), 5);
        printf("%.5s\n", text);
        notify("FDSTOREREMOVE=1\nFDNAME=mine", -1);
        notify("STATUS=done", -1);
        fflush(stdout);
        pause();
    }
    int ends[2];
    check_is(pipe(ends), 0);
    check_is(write(ends[1], "saved", 5), 5);
    notify("FDSTORE=1\nFDNAME=mine", ends[0]);
    return 0;
}

static void descriptors_are_handed_on_and_kept(void **state)
{
    (void)state;
    int pair[2];
    kin_supervisor *self = stage_plain(NULL, 0);
    check_is(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const struct kin_handed handed[] = {{"first", pair[0]}, {"second", pair[1]}};
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .run = use_descriptors, .handed = handed,
                                                  .handed_count = 2, .store_max = 1, .pause_min = MS, .capture = 1)),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    stage_until(self, strcmp(stage_look(self, "it").status, "done") == 0);
    stage_until(self, stage_count(stage_output, "\n") == 3);
    check(strcmp(stage_output, "it:2 first:second\nit:3 first:second:mine\nit:saved\n") == 0);
    check_is(stage_look(self, "it").stored, 0);
    kin_supervisor_close(self);
    close(pair[0]);
    close(pair[1]);
}

/* Each waits for the one before. */
static void a_rolling_reload_keeps_all_but_one_ready(void **state)
{
    (void)state;
    kin_supervisor *self = stage_plain(NULL, 0);
    check_is(
        kin_supervisor_add(self, KIN_PROGRAM(.name = "it", .argv = SHELL("echo >&3; exec sleep 1000"), .instances = 3,
                                             .readiness = KIN_READY_FD, .ready_fd = 3, .reload_signal = -1)),
        0);
    check_is(kin_supervisor_start(self, NULL), 0);
    for (int round = 0; round < 2; round++) {
        for (const char *name = "it.1\0it.2\0it.3\0"; *name; name += 5)
            stage_until(self,
                        stage_is(self, name, KIN_INSTANCE_READY) && stage_look(self, name).restarts == (uint32_t)round);
        stage_events[0] = 0;
        check_is(round == 0 ? kin_supervisor_reload(self, "it") : 0, 0);
        while (round == 0 && stage_look(self, "it.3").restarts == 0) {
            check_is(stage_step(self), 0);
            int away = 0;
            for (const char *name = "it.1\0it.2\0it.3\0"; *name; name += 5)
                away += !stage_is(self, name, KIN_INSTANCE_READY);
            check(away <= 1);
        }
    }
    kin_supervisor_close(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_tells_by_notes),
        TEST(strangers_are_not_heard),
        TEST(a_probe_finds_it_ready),
        TEST(who_is_not_ready_in_time_is_tried_again),
        TEST(a_watchdog_that_hears_nothing_bites),
        TEST(descriptors_are_handed_on_and_kept),
        TEST(a_rolling_reload_keeps_all_but_one_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
