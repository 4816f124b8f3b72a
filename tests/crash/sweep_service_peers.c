/* Calls, with real kills beside somebody who sleeps: a server is killed at each instruction of what it does for a
 * caller who waits, or a caller while a server waits. Who waits must go on by himself, and no backstop helps him.
 *
 *     sweep_service_peers [NAME]; KIN_LONG=1 sweeps every moment, else a sample whose seed is printed. */
#include "aid.h"
#include "channel/service.h"
#include "sys/plant.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0)                                                                                                \
            return kin_crash_fail("%s: %s", #call, kin_reason());                                                      \
    } while (0)

struct play {
    const char *name;
    int (*arrive)(void);  /* the victim */
    int (*operate)(void); /* the victim */
    int (*wait)(void);    /* the peer */
    int (*due)(void);     /* NULL: always */
    int (*feed)(void);
    int tries;
};

static const struct play *play;
static kin_service *server, *caller;
static char path[64];

static int open_as(int serve, kin_service **out)
{
    if (!*out)
        OK(kin_service_open(NULL, "s", KIN_SERVICE(.serve = serve, .calls = 4), out));
    return 0;
}

static int arrive_to_serve(void)
{
    return open_as(1, &server);
}

static int arrive_to_call(void)
{
    return open_as(0, &caller);
}

static int take_one(struct kin_request *request)
{
    OK(kin_service_take(server, KIN_FOREVER, request));
    return request->length == 1 ? 0 : kin_crash_fail("the request is torn");
}

static int serve_one(void)
{
    struct kin_request request;
    if (take_one(&request) < 0)
        return -1;
    OK(kin_service_reply(server, &request, 0, "reply", 5));
    return 0;
}

static int give_up_one(void)
{
    struct kin_request request;
    if (take_one(&request) < 0)
        return -1;
    OK(kin_service_put_back(server, &request));
    return 0;
}

static int leave(void)
{
    kin_service_close(server);
    return 0;
}

static int take_and_leave(void)
{
    struct kin_request request;
    return take_one(&request) < 0 ? -1 : leave();
}

static int call(int tries, bool may_fail)
{
    char back[8];
    struct kin_reply reply;
    int result =
        kin_service_call(caller, "?", 1, back, sizeof back, KIN_CALL(.tries = (uint32_t)tries), KIN_FOREVER, &reply);
    if (result == 0)
        return reply.length == 5 && memcmp(back, "reply", 5) == 0 ? 0 : kin_crash_fail("the reply is torn");
    if (may_fail && (result == -ECONNREFUSED || result == -ECONNRESET))
        return 0;
    return kin_crash_fail("the call: %s", kin_reason());
}

static int call_once(void)
{
    return call(play->tries, true);
}

static int call_in_vain(void)
{
    char back[8];
    struct kin_call started;
    OK(kin_service_start(caller, "?", 1, NULL, KIN_FOREVER, &started));
    int result = kin_service_finish(caller, &started, back, sizeof back, KIN_NOW, NULL);
    return result == 0 || result == -ETIMEDOUT ? 0 : kin_crash_fail("the call: %s", kin_reason());
}

static int never(void)
{
    return 0;
}

static int feed_server(void)
{
    return arrive_to_call() < 0 ? -1 : call_once();
}

static const struct play plays[] = {
    {"kin_service_take and kin_service_reply, the caller sleeps", arrive_to_serve, serve_one, call_once, NULL, NULL, 1},
    {"kin_service_take and kin_service_put_back, the caller sleeps", arrive_to_serve, give_up_one, call_once, NULL,
     NULL, 1},
    {"kin_service_take and kin_service_reply, nobody else may try", arrive_to_serve, serve_one, call_once, NULL, NULL,
     5},
    {"kin_service_close, the caller sleeps", arrive_to_serve, leave, call_once, NULL, NULL, 1},
    {"kin_service_close, with his request in hand", arrive_to_serve, take_and_leave, call_once, NULL, NULL, 1},
    {"kin_service_start, a server sleeps", arrive_to_call, call_in_vain, serve_one, never, feed_server, 1},
};

static int prepare(void *context)
{
    (void)context;
    int status;
    if (remove_directory(path) != 0)
        return kin_crash_fail("cannot remove %s", path);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        exit(arrive_to_call() < 0);
    waitpid(child, &status, 0);
    return status == 0 ? 0 : kin_crash_fail("the service cannot be made");
}

static int arrive(void *context)
{
    (void)context;
    return play->arrive();
}

static int operate(void *context)
{
    (void)context;
    return play->operate();
}

static int peer_arrive(void *context)
{
    (void)context;
    return play->arrive == arrive_to_serve ? arrive_to_call() : arrive_to_serve();
}

static int peer_wait(void *context)
{
    (void)context;
    return play->wait();
}

static int due(void *context, const struct kin_crash_point *point)
{
    (void)context;
    return point->finished || !play->due || play->due();
}

static int feed(void *context)
{
    (void)context;
    return play->feed ? play->feed() : 0;
}

/* Everything works, and nothing is left but a seat. */
static int check(void *context, const struct kin_crash_point *point)
{
    struct kin_queue_status requests, replies;
    struct kin_call started;
    char back[8];
    (void)context;
    (void)point;
    if (arrive_to_serve() < 0 || arrive_to_call() < 0)
        return -1;
    OK(kin_service_start(caller, "?", 1, NULL, KIN_FOREVER, &started));
    if (serve_one() < 0)
        return -1;
    OK(kin_service_finish(caller, &started, back, sizeof back, KIN_NOW, NULL));
    OK(kin_queue_status(server->requests, &requests));
    OK(kin_queue_status(server->replies, &replies));
    if (requests.queued + requests.leased + requests.loaned + replies.queued + replies.leased || replies.loaned != 1)
        return kin_crash_fail("something of the dead is left");
    return 0;
}

static int sweep(struct kin_crash_result *result)
{
    strcpy(path, "/dev/shm/kin-calls-XXXXXX");
    if (!mkdtemp(path) || setenv("KIN_DOMAIN", path, 1) < 0)
        return -1;
    int found = kin_crash_run(KIN_CRASH(.prepare = prepare, .victim = {arrive, operate},
                                        .peer = {peer_arrive, peer_wait}, .due = due, .feed = feed, .check = check,
                                        .limit = sweep_limit(30), .seed = sweep_seed()),
                              KIN_CRASH_KILL, result);
    return remove_directory(path) == 0 ? found : -1;
}

int main(int argc, char **argv)
{
    (void)argc;
    kin_backstop = INT64_C(1000) * 1000 * 1000 * 1000; /* nothing mends a lost wake here */
    if (!tap_begin())
        return TAP_SKIP;
    for (unsigned i = 0; i < sizeof plays / sizeof *plays; i++) {
        struct kin_crash_result result;
        play = &plays[i];
        if (tap_wants(argv[1], play->name))
            tap_sweep(sweep(&result) == 0, play->name, &result, "%s", play->name);
    }
    return tap_end();
}
