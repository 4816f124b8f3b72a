/* The control socket, and pools that follow a queue. */
#include "stage.h"
#include <errno.h>
#include <kin/queue.h>
#include <kin/socket.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct question {
    char control[200];
    const char *verb, *name;
    int signal;
};

static int ask(void *context)
{
    const struct question *question = context;
    return -kin_supervisor_ask(question->control, question->verb, question->name, question->signal,
                               kin_after(TEST_HANG * INT64_C(1000000000)));
}

/* In a process of its own, as the answer comes when this one lets the supervisor work. */
static int answer(kin_supervisor *self, struct question *question)
{
    pid_t child = test_child(ask, question);
    kin_process *process;
    check_is(kin_process_open(child, 0, 0, &process), 0);
    while (kin_process_wait(process, 0, KIN_NOW, NULL) == -ETIMEDOUT)
        kin_supervisor_wait(self, kin_after(MS));
    kin_process_close(process);
    return -test_end(child);
}

static void it_does_what_it_is_asked_for(void **state)
{
    struct question question = {.name = "it"};
    snprintf(question.control, sizeof question.control, "%s/control", (char *)*state);
    kin_supervisor *self = stage_open(NULL, KIN_SUPERVISOR(.control = question.control));
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "it",
                                                  .argv = SHELL("trap 'exit 7' HUP; while :; do sleep 0.01; done"),
                                                  .restart = KIN_RESTART_NEVER)),
             0);
    question.verb = "start";
    check_is(answer(self, &question), 0);
    check(stage_is(self, "it", KIN_INSTANCE_READY));
    question.verb = "restart";
    check_is(answer(self, &question), 0);
    stage_until(self, stage_is(self, "it", KIN_INSTANCE_READY) && stage_look(self, "it").restarts == 1);
    question.verb = "signal";
    question.signal = SIGKILL;
    check_is(answer(self, &question), 0);
    stage_until(self, stage_is(self, "it", KIN_INSTANCE_FAILED));
    question.verb = "stop";
    check_is(answer(self, &question), 0);
    check(stage_is(self, "it", KIN_INSTANCE_OFF));
    question.name = "nobody";
    check_is(answer(self, &question), -ENOENT);
    kin_supervisor_close(self);
}

static void bad_questions_are_refused_and_harm_nobody(void **state)
{
    char control[200], text[2048];
    static const char *const bad[] = {" ", "stop", "stop it", "frob it 0", "\xff\xff \n 0", "stop nobody 0"};
    snprintf(control, sizeof control, "%s/control", (char *)*state);
    kin_supervisor *self = stage_open(NULL, KIN_SUPERVISOR(.control = control));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        kin_socket *socket;
        check_is(kin_socket_connect(control, KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), KIN_FOREVER, &socket), 0);
        check_is(kin_socket_send(socket, bad[i], strlen(bad[i]), KIN_FOREVER), (ssize_t)strlen(bad[i]));
        kin_supervisor_wait(self, KIN_NOW);
        kin_supervisor_wait(self, KIN_NOW);
        ssize_t length = kin_socket_receive(socket, text, sizeof text, KIN_NOW);
        check(length == 0 || (length > 0 && text[0] == '-'));
        kin_socket_close(socket);
    }
    check_refused(kin_supervisor_ask(control, "frob", NULL, 0, KIN_NOW), -EINVAL, "frob");
    check_refused(kin_supervisor_ask(control, "signal", NULL, 1, KIN_NOW), -EINVAL, "name");
    kin_supervisor_close(self);
    check_is(kin_supervisor_ask(control, "stop", NULL, 0, KIN_NOW), -ENOENT);
}

/* More than there are places for ask nothing: the next who asks is answered. */
static void who_asks_nothing_holds_up_nobody(void **state)
{
    struct question question = {.verb = "stop"};
    kin_socket *idle[40];
    snprintf(question.control, sizeof question.control, "%s/control", (char *)*state);
    kin_supervisor *self = stage_open(NULL, KIN_SUPERVISOR(.control = question.control));
    for (int i = 0; i < 40; i++) {
        check_is(kin_socket_connect(question.control, KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), KIN_FOREVER, &idle[i]),
                 0);
        kin_supervisor_wait(self, KIN_NOW);
    }
    check_is(answer(self, &question), 0);
    for (int i = 0; i < 40; i++)
        kin_socket_close(idle[i]);
    kin_supervisor_close(self);
}

static unsigned running(kin_supervisor *self)
{
    struct kin_supervisor_status status;
    check_is(kin_supervisor_status(self, &status), 0);
    return status.running;
}

static void a_pool_follows_its_queue(void **state)
{
    (void)state;
    kin_queue *queue;
    kin_supervisor *self = stage_plain(NULL, 0);
    check_is(kin_queue_open(NULL, "jobs", NULL, &queue), 0);
    check_is(kin_supervisor_add(self, KIN_PROGRAM(.name = "worker", .argv = SHELL("exec sleep 1000"), .instances = 1,
                                                  .instances_max = 4, .queue = "jobs")),
             0);
    check_is(kin_supervisor_start(self, NULL), 0);
    stage_until(self, running(self) == 1);
    for (int i = 0; i < 3; i++)
        check_is(kin_queue_send(queue, "job", 3, NULL, KIN_NOW), 0);
    stage_until(self, running(self) == 3);
    for (int i = 0; i < 3; i++)
        check_is(kin_queue_send(queue, "job", 3, NULL, KIN_NOW), 0);
    stage_until(self, running(self) == 4);
    char job[64];
    struct kin_message message;
    while (kin_queue_receive(queue, job, sizeof job, NULL, KIN_NOW, &message) == 0)
        ;
    stage_until(self, running(self) == 3);
    check_is(kin_supervisor_stop(self, NULL), 0);
    stage_until(self, running(self) == 0);
    check_is(stage_end(self), -ECHILD);
    kin_supervisor_close(self);
    kin_queue_close(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_does_what_it_is_asked_for),
        TEST(bad_questions_are_refused_and_harm_nobody),
        TEST(who_asks_nothing_holds_up_nobody),
        TEST(a_pool_follows_its_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
