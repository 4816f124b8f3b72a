/* Calls: what callers and servers see, and what is left of those who died. */
#include "queues.h"
#include <errno.h>
#include <kin/service.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static kin_service *service_of(const char *name, int serve)
{
    kin_service *service;
    check_is(kin_service_open(NULL, name, KIN_SERVICE(.serve = serve, .calls = 8, .request_max = 1 << 16), &service),
             0);
    return service;
}

static bool holds_only(kin_queue *queue, uint64_t seats)
{
    struct kin_queue_status status = status_of(queue);
    return status.queued + status.leased + status.borrowed == 0 && status.loaned == seats;
}

/* Nothing of any call is left but the seats of those who serve. */
static void check_empty(const char *name, uint64_t servers)
{
    char text[64];
    static const char *const parts[] = {"requests", "replies"};
    for (unsigned i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "%s.%s", name, parts[i]);
        kin_queue *queue = queue_of(text, 0, 0, 0);
        test_until(holds_only(queue, i * servers));
        kin_queue_close(queue);
    }
}

static int64_t call_number(kin_service *service, uint64_t number, const struct kin_call_options *how, kin_time until)
{
    uint64_t answer = 0;
    int result = kin_service_call(service, &number, sizeof number, &answer, sizeof answer, how, until, NULL);
    return result < 0 ? result : (int64_t)answer;
}

/* Answers each with one more, until there is nothing to do for a while. Zero ends it. */
static int serve_numbers(void *name)
{
    kin_service *service = service_of(name, 1);
    for (;;) {
        struct kin_request request;
        check_is(kin_service_take(service, SOON, &request), 0);
        uint64_t number;
        check(request.length == sizeof number);
        memcpy(&number, request.data, sizeof number);
        uint64_t answer = number + 1;
        check_is(kin_service_reply(service, &request, 0, &answer, sizeof answer), 0);
        if (number == 0)
            break;
    }
    kin_service_close(service);
    return 0;
}

static void a_call_brings_its_reply(void **state)
{
    (void)state;
    pid_t server = test_child(serve_numbers, "sum");
    kin_service *service = service_of("sum", 0);
    for (uint64_t i = 1; i < 1000; i++)
        check_is(call_number(service, i, KIN_CALL(.wait = 1), SOON), i + 1);
    check_is(call_number(service, 0, NULL, SOON), 1);
    check_is(test_end(server), 0);
    check_refused(call_number(service, 1, NULL, SOON), -ECONNREFUSED, "nobody serves sum");
    kin_service_close(service);
    check_empty("sum", 0);
}

static void lengths_and_status_come_as_they_were_given(void **state)
{
    (void)state;
    static unsigned char data[1 << 16], back[1 << 16];
    static const uint64_t lengths[] = {0, 1, 47, 48, 49, 64, 2032, 2033, 5000, 1 << 16};
    kin_service *server = service_of("echo", 1), *caller = service_of("echo", 0);
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct kin_call call;
        struct kin_request request;
        struct kin_reply reply;
        uint64_t length = lengths[i];
        payload_write(data, length, i);
        check_is(kin_service_start(caller, data, length, NULL, SOON, &call), 0);
        check_is(kin_service_finish(caller, &call, back, sizeof back, KIN_NOW, &reply), -ETIMEDOUT);
        check_is(kin_service_take(server, KIN_NOW, &request), 0);
        check(request.length == length && (uintptr_t)request.data % 64 == 0 && request.attempts == 0);
        check(payload_is(request.data, length, i));
        check_is(kin_service_finish(caller, &call, back, sizeof back, KIN_NOW, &reply), -ETIMEDOUT);
        check_is(kin_service_reply(server, &request, (int)i, request.data, length), 0);
        if (length > 0) {
            check_refused(kin_service_finish(caller, &call, back, length - 1, KIN_NOW, &reply), -E2BIG, "the buffer");
            check(reply.length == length);
        }
        check_is(kin_service_finish(caller, &call, back, length, KIN_NOW, &reply), 0);
        check(reply.length == length && reply.status == (int)i && payload_is(back, length, i));
    }
    check_empty("echo", 1);
    kin_service_close(caller);
    kin_service_close(server);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    static unsigned char data[(1 << 16) + 1];
    kin_service *server = service_of("s", 1), *caller = service_of("s", 0), *other;
    struct kin_call call;
    struct kin_request request;
    check_refused(kin_service_take(caller, KIN_NOW, &request), -EBADF, ".serve = 1");
    check_refused(kin_service_start(caller, data, sizeof data, NULL, SOON, &call), -EMSGSIZE, "request_max");
    check_is(kin_service_start(caller, data, 1, NULL, SOON, &call), 0);
    check_is(kin_service_take(server, KIN_NOW, &request), 0);
    check_refused(kin_service_reply(server, &request, 0, data, sizeof data), -EMSGSIZE, "reply_max");
    check_refused(kin_service_reply(server, &request, -1, data, 1), -EINVAL, "0 or above");
    check_is(kin_service_reply(server, &request, 0, data, 1), 0);
    check_is(kin_service_open(NULL, "none", KIN_SERVICE(.flags = KIN_MUST_EXIST), &other), -ENOENT);
    check_is(kin_service_open(NULL, "s", KIN_SERVICE(.flags = KIN_MUST_CREATE), &other), -EEXIST);
    check_is(kin_service_finish(caller, &call, data, 1, KIN_NOW, NULL), 0);
    check_is(kin_remove(NULL, "s.requests", 0), 0);
    check_is(call_number(caller, 1, NULL, SOON), -EIDRM);
    kin_service_close(caller);
    kin_service_close(server);
}

/* What stands in shared memory between a server, a caller and the test. */
struct scene {
    const char *name;
    struct kin_call_options how;
    int64_t result;
    bool taken;
};

static struct scene *scene_of(const char *name)
{
    struct scene *scene = test_shared(sizeof *scene);
    scene->name = name;
    scene->how = *KIN_CALL();
    return scene;
}

static int call_once(void *context)
{
    struct scene *scene = context;
    scene->result = call_number(service_of(scene->name, 0), 7, &scene->how, SOON);
    return 0;
}

static int take_one(void *context)
{
    struct scene *scene = context;
    struct kin_request request;
    check_is(kin_service_take(service_of(scene->name, 1), SOON, &request), 0);
    __atomic_store_n(&scene->taken, true, __ATOMIC_RELEASE);
    pause();
    return 0;
}

#define TAKEN(scene) __atomic_load_n(&(scene)->taken, __ATOMIC_ACQUIRE)

static void a_caller_learns_that_the_server_died_with_his_request(void **state)
{
    (void)state;
    struct scene *scene = scene_of("s");
    kin_service *idle = service_of("s", 1);
    pid_t server = test_child(take_one, scene);
    pid_t caller = test_child(call_once, scene);
    test_until(TAKEN(scene));
    test_asleep(caller);
    test_kill(server);
    check_is(test_end(caller), 0);
    check_is(scene->result, -ECONNRESET);
    check_empty("s", 1);
    kin_service_close(idle);
}

static void a_request_that_may_be_tried_again_goes_to_another_server(void **state)
{
    (void)state;
    struct scene *scene = scene_of("s");
    scene->how.tries = 2;
    kin_service *second = service_of("s", 1);
    pid_t server = test_child(take_one, scene);
    pid_t caller = test_child(call_once, scene);
    test_until(TAKEN(scene));
    test_kill(server);
    struct kin_request request;
    check_is(kin_service_take(second, SOON, &request), 0);
    check(request.attempts == 1);
    uint64_t answer = 70;
    check_is(kin_service_reply(second, &request, 0, &answer, sizeof answer), 0);
    check_is(test_end(caller), 0);
    check_is(scene->result, 70);
    check_empty("s", 1);
    kin_service_close(second);
}

static void a_server_returns_what_was_tried_often_enough(void **state)
{
    (void)state;
    kin_service *server = service_of("s", 1), *caller = service_of("s", 0);
    struct kin_call call;
    struct kin_request request;
    check_is(kin_service_start(caller, "x", 1, NULL, SOON, &call), 0);
    check_is(kin_service_take(server, KIN_NOW, &request), 0);
    check_is(kin_service_put_back(server, &request), 0);
    check_is(kin_service_take(server, KIN_NOW, &request), -ETIMEDOUT);
    check_refused(kin_service_finish(caller, &call, NULL, 0, KIN_FOREVER, NULL), -ECONNRESET, "died with the request");
    check_empty("s", 1);
    kin_service_close(caller);
    kin_service_close(server);
}

static void the_last_server_closes(void **state)
{
    (void)state;
    struct scene *scene = scene_of("s");
    kin_service *server = service_of("s", 1);
    pid_t caller = test_child(call_once, scene);
    test_asleep(caller);
    kin_service_close(server); /* the request still waits */
    check_is(test_end(caller), 0);
    check_is(scene->result, -ECONNREFUSED);
    server = service_of("s", 1);
    struct kin_request request;
    caller = test_child(call_once, scene);
    check_is(kin_service_take(server, SOON, &request), 0);
    test_asleep(caller);
    kin_service_close(server); /* it is in hand */
    check_is(test_end(caller), 0);
    check_is(scene->result, -ECONNRESET);
    check_empty("s", 0);
}

static int open_and_wait(void *context)
{
    struct scene *scene = context;
    service_of(scene->name, 1);
    __atomic_store_n(&scene->taken, true, __ATOMIC_RELEASE);
    pause();
    return 0;
}

static void the_last_server_dies_before_he_took_it(void **state)
{
    (void)state;
    struct scene *scene = scene_of("s");
    pid_t server = test_child(open_and_wait, scene);
    test_until(TAKEN(scene));
    pid_t caller = test_child(call_once, scene);
    test_asleep(caller);
    test_kill(server);
    check_is(test_end(caller), 0);
    check_is(scene->result, -ECONNREFUSED);
    check_empty("s", 0);
}

static void a_caller_may_wait_for_a_server(void **state)
{
    (void)state;
    struct scene *scene = scene_of("s");
    scene->how.wait = 1;
    pid_t caller = test_child(call_once, scene);
    test_asleep(caller);
    kin_service *server = service_of("s", 1);
    struct kin_request request;
    check_is(kin_service_take(server, SOON, &request), 0);
    check_is(kin_service_reply(server, &request, 0, request.data, request.length), 0);
    check_is(test_end(caller), 0);
    check_is(scene->result, 7);
    kin_service_close(server);
}

static void a_late_reply_is_no_reply_to_another_call(void **state)
{
    (void)state;
    kin_service *server = service_of("s", 1), *caller = service_of("s", 0);
    struct kin_request first, second;
    struct kin_call late, next;
    uint64_t number = 1, back = 0;
    check_is(kin_service_start(caller, &number, 8, NULL, kin_after(SECOND), &late), 0);
    check_is(kin_service_take(server, KIN_NOW, &first), 0);
    check_refused(kin_service_finish(caller, &late, &back, 8, KIN_FOREVER, NULL), -ETIMEDOUT, "has the request");
    check_is(kin_service_start(caller, &number, 8, NULL, SOON, &next), 0);
    check_is(kin_service_take(server, KIN_NOW, &second), 0);
    check_is(kin_service_reply(server, &first, 0, "late one", 8), 0);
    check_is(kin_service_finish(caller, &next, &back, 8, KIN_NOW, NULL), -ETIMEDOUT);
    number = 2;
    check_is(kin_service_reply(server, &second, 0, &number, 8), 0);
    check_is(kin_service_finish(caller, &next, &back, 8, KIN_NOW, NULL), 0);
    check_is(back, 2);
    check_is(kin_service_start(caller, &number, 8, NULL, KIN_NOW, &late), 0);
    check_is(kin_service_take(server, KIN_NOW, &first), -ETIMEDOUT); /* passed over: its time is over */
    check_empty("s", 1);
    kin_service_close(caller);
    kin_service_close(server);
}

static void the_dead_callers_calls_are_dropped(void **state)
{
    (void)state;
    struct scene *scene = scene_of("s");
    kin_service *server = service_of("s", 1);
    struct kin_request request;
    pid_t caller = test_child(call_once, scene);
    test_asleep(caller);
    test_kill(caller); /* it waits */
    check_is(kin_service_take(server, KIN_NOW, &request), -ETIMEDOUT);
    caller = test_child(call_once, scene);
    check_is(kin_service_take(server, SOON, &request), 0);
    test_asleep(caller);
    test_kill(caller); /* it is in hand */
    check_is(kin_service_reply(server, &request, 0, "x", 1), 0);
    check_empty("s", 1);
    caller = test_child(call_once, scene);
    check_is(kin_service_take(server, SOON, &request), 0);
    test_asleep(caller);
    kill(caller, SIGSTOP);
    check_is(kin_service_reply(server, &request, 0, "x", 1), 0);
    test_kill(caller); /* its reply is there: the next reply drops it */
    struct kin_call call;
    check_is(kin_service_start(server, "y", 1, NULL, SOON, &call), 0);
    check_is(kin_service_take(server, KIN_NOW, &request), 0);
    check_is(kin_service_reply(server, &request, 0, "y", 1), 0);
    char back[8];
    check_is(kin_service_finish(server, &call, back, sizeof back, KIN_NOW, NULL), 0);
    check_empty("s", 1);
    kin_service_close(server);
}

static void many_calls_are_under_way(void **state)
{
    (void)state;
    kin_service *server = service_of("s", 1), *caller = service_of("s", 0);
    struct kin_call calls[8], more;
    struct kin_request requests[8];
    char back[8];
    for (unsigned i = 0; i < 8; i++)
        check_is(kin_service_start(caller, &i, sizeof i, NULL, SOON, &calls[i]), 0);
    check_is(kin_service_start(caller, "x", 1, NULL, KIN_NOW, &more), -ETIMEDOUT);
    for (unsigned i = 0; i < 8; i++)
        check_is(kin_service_take(server, KIN_NOW, &requests[i]), 0);
    for (unsigned i = 8; i-- > 0;)
        check_is(kin_service_reply(server, &requests[i], 0, requests[i].data, requests[i].length), 0);
    for (unsigned i = 0; i < 8; i++) {
        unsigned k = i * 3 % 8, number;
        check_is(kin_service_finish(caller, &calls[k], back, sizeof back, KIN_NOW, NULL), 0);
        memcpy(&number, back, sizeof number);
        check_is(number, k);
    }
    kin_service_close(caller);
    kin_service_close(server);
}

static int serve_in_child(void *service)
{
    struct kin_request request;
    check_is(kin_service_take(service, SOON, &request), 0);
    check_is(kin_service_reply(service, &request, 3, "child", 5), 0);
    return 0;
}

static void a_child_of_fork_serves_in_its_own_name(void **state)
{
    (void)state;
    kin_service *server = service_of("s", 1);
    struct kin_reply reply;
    char back[8];
    pid_t child = test_child(serve_in_child, server);
    kin_queue *replies = queue_of("s.replies", 0, 0, 0);
    test_until(status_of(replies).loaned == 2);
    kin_service *caller = service_of("s", 0);
    check_is(kin_service_call(caller, "x", 1, back, sizeof back, NULL, SOON, &reply), 0);
    check(reply.status == 3 && reply.length == 5);
    check_is(test_end(child), 0);
    kin_queue_close(replies);
    kin_service_close(caller);
    kin_service_close(server);
}

#define CALLERS 3
#define ROUNDS 300

static int call_many(void *context)
{
    struct scene *scene = context;
    kin_service *service = service_of(scene->name, 0);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t number = (uint64_t)getpid() << 20 | (i + 1);
        int64_t result = call_number(service, number, KIN_CALL(.tries = 1000, .wait = 1), SOON);
        check_is(result, number + 1);
    }
    kin_service_close(service);
    return 0;
}

static void servers_are_killed_and_no_reply_is_lost(void **state)
{
    (void)state;
    struct scene *scene = scene_of("s");
    struct dice dice = dice_new();
    pid_t callers[CALLERS], servers[2];
    for (unsigned i = 0; i < 2; i++)
        servers[i] = test_child(serve_numbers, (void *)scene->name);
    for (unsigned i = 0; i < CALLERS; i++)
        callers[i] = test_child(call_many, scene);
    for (unsigned i = 0; i < 40; i++) {
        unsigned which = (unsigned)dice_roll(&dice, 2);
        usleep((useconds_t)dice_roll(&dice, 3000));
        test_kill(servers[which]);
        servers[which] = test_child(serve_numbers, (void *)scene->name);
    }
    for (unsigned i = 0; i < CALLERS; i++)
        check_is(test_end(callers[i]), 0);
    for (unsigned i = 0; i < 2; i++)
        test_kill(servers[i]);
    check_empty("s", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_brings_its_reply),
        TEST(lengths_and_status_come_as_they_were_given),
        TEST(what_cannot_be_is_refused),
        TEST(a_caller_learns_that_the_server_died_with_his_request),
        TEST(a_request_that_may_be_tried_again_goes_to_another_server),
        TEST(a_server_returns_what_was_tried_often_enough),
        TEST(the_last_server_closes),
        TEST(the_last_server_dies_before_he_took_it),
        TEST(a_caller_may_wait_for_a_server),
        TEST(a_late_reply_is_no_reply_to_another_call),
        TEST(the_dead_callers_calls_are_dropped),
        TEST(many_calls_are_under_way),
        TEST(a_child_of_fork_serves_in_its_own_name),
        TEST(servers_are_killed_and_no_reply_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
