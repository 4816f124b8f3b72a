/* The snapshot sweep of calls: an operation of a server or a caller, the victim dead after each instruction. A survivor
 * serves what is to be served, exactly once, and nothing else is left.
 *
 *     sweep_service [NAME] */
#include "aid.h"
#include "audit.h"
#include "channel/service.h"
#include "twin.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS 4
#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0)                                                                                                \
            return kin_crash_fail("%s: %s", #call, kin_reason());                                                      \
    } while (0)

/* Who takes part, in his own process. */
struct party {
    kin_service *server, *caller;
    struct kin_request request;
    struct kin_call call;
};

static int open_at(const char *path, int serve, kin_service **out)
{
    kin_domain *domain;
    OK(kin_domain_open(path, NULL, &domain));
    OK(kin_service_open(domain, "s", KIN_SERVICE(.serve = serve, .calls = CALLS, .request_max = 1024), out));
    kin_domain_close(domain);
    return 0;
}

/* ---- what is swept ---- */

static char answer[64];

static int start(struct party *party)
{
    OK(kin_service_start(party->caller, "question", 8, KIN_CALL(.tries = 9), KIN_FOREVER, &party->call));
    return 0;
}

static int finish(struct party *party)
{
    OK(kin_service_finish(party->caller, &party->call, answer, sizeof answer, KIN_NOW, NULL));
    return 0;
}

static int take(struct party *party)
{
    OK(kin_service_take(party->server, KIN_NOW, &party->request));
    return 0;
}

static int reply(struct party *party)
{
    OK(kin_service_reply(party->server, &party->request, 0, "answer", 6));
    return 0;
}

static int put_back(struct party *party)
{
    OK(kin_service_put_back(party->server, &party->request));
    return 0;
}

static int close_server(struct party *party)
{
    kin_service_close(party->server);
    return 0;
}

static int open_server(struct party *party)
{
    kin_service *another;
    (void)party;
    OK(kin_service_open(NULL, "s", KIN_SERVICE(.serve = 1), &another));
    return 0;
}

static int call_in_vain(struct party *party)
{
    int result = kin_service_call(party->caller, "question", 8, answer, sizeof answer, NULL, KIN_NOW, NULL);
    return result == -ETIMEDOUT ? 0 : kin_crash_fail("a call that may not wait: %d", result);
}

static int start_and_take(struct party *party)
{
    return start(party) < 0 ? -1 : take(party);
}

static int until_reply(struct party *party)
{
    return start_and_take(party) < 0 ? -1 : reply(party);
}

static int with_none(struct party *party)
{
    (void)party;
    return 0;
}

/* Takes what was tried too often, which sends it back. */
static int take_in_vain(struct party *party)
{
    int result = kin_service_take(party->server, KIN_NOW, &party->request);
    return result == -ETIMEDOUT ? 0 : kin_crash_fail("a request that was given up was taken: %d", result);
}

/* The reply to a call of somebody long gone is there already. */
static int take_beside_unwanted(struct party *party)
{
    struct note note = {.until = KIN_FOREVER};
    OK(kin_queue_send(party->server->replies, &note, sizeof note, KIN_SEND(.type = CALL_NUMBER(12345, 1)), KIN_NOW));
    return take(party);
}

static int put_back_last(struct party *party)
{
    OK(kin_service_start(party->caller, "question", 8, NULL, KIN_FOREVER, &party->call));
    return take(party) < 0 ? -1 : put_back(party);
}

static const struct scene {
    const char *name;
    bool living;    /* somebody who lives on has started a call, and waits */
    unsigned stale; /* so many requests of the dead are there as well */
    int (*arrive)(struct party *party);
    int (*operate)(struct party *party);
    bool answered; /* once it had returned, the living one's reply is there */
} scenes[] = {
    {"kin_service_start", false, 0, with_none, start, false},
    {"kin_service_start, full of the requests of the dead", false, CALLS, with_none, start, false},
    {"kin_service_finish", false, 0, until_reply, finish, false},
    {"kin_service_call, too late", false, 0, with_none, call_in_vain, false},
    {"kin_service_take", true, 0, with_none, take, false},
    {"kin_service_take, requests of the dead before it", true, 2, with_none, take, false},
    {"kin_service_take, tried often enough", false, 0, put_back_last, take_in_vain, false},
    {"kin_service_reply", true, 0, take, reply, true},
    {"kin_service_reply, the caller dies with us", false, 0, start_and_take, reply, false},
    {"kin_service_reply, an unwanted one before it", true, 0, take_beside_unwanted, reply, true},
    {"kin_service_put_back", true, 0, take, put_back, false},
    {"kin_service_open, to serve", true, 0, with_none, open_server, false},
    {"kin_service_close, with a request in hand", true, 0, take, close_server, false},
};

/* ---- snapshot ---- */

struct run {
    const struct scene *scene;
    struct twin twin;
    struct party victim;
    pid_t living;
};

static int64_t *number; /* of the living one's call; shared */

static int call_and_wait(const char *path)
{
    struct party party = {0};
    if (open_at(path, 0, &party.caller) < 0 || start(&party) < 0)
        return 1;
    __atomic_store_n(number, party.call.number, __ATOMIC_RELEASE);
    for (;;)
        pause();
}

static int call_and_die(const char *path, unsigned calls)
{
    struct party party = {0};
    if (open_at(path, 0, &party.caller) < 0)
        return 1;
    for (unsigned i = 0; i < calls; i++)
        if (start(&party) < 0)
            return 1;
    raise(SIGKILL);
    return 1;
}

static pid_t child_of(void)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child;
}

static int prepare(void *context)
{
    struct run *run = context;
    int status;
    *number = 0;
    pid_t child = child_of();
    if (child == 0)
        _exit(run->scene->stale ? call_and_die(run->twin.live, run->scene->stale)
                                : open_at(run->twin.live, 0, &run->victim.caller) < 0);
    if (waitpid(child, &status, 0) != child || (run->scene->stale ? !WIFSIGNALED(status) : status != 0))
        return kin_crash_fail("the service cannot be made");
    if (!run->scene->living)
        return 0;
    run->living = child_of();
    if (run->living == 0)
        _exit(call_and_wait(run->twin.live));
    while (__atomic_load_n(number, __ATOMIC_ACQUIRE) == 0)
        if (waitpid(run->living, &status, WNOHANG) != 0)
            return kin_crash_fail("the caller cannot call");
    return 0;
}

static int arrive(void *context)
{
    struct run *run = context;
    setenv("KIN_DOMAIN", run->twin.live, 1);
    if (open_at(run->twin.live, 1, &run->victim.server) < 0 || open_at(run->twin.live, 0, &run->victim.caller) < 0)
        return -1;
    return run->scene->arrive(&run->victim);
}

static int operate(void *context)
{
    struct run *run = context;
    return run->scene->operate(&run->victim);
}

static size_t regions(void *context, const struct kin_crash_region **list)
{
    struct run *run = context;
    return twin_regions(&run->twin, list);
}

static int mark_dead(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    return twin_mark_dead(&run->twin, point->victim);
}

/* Serves all that is there. How many. */
static int serve(kin_service *server)
{
    struct kin_request request;
    int served = 0, result;
    while ((result = kin_service_take(server, KIN_NOW, &request)) == 0) {
        if (request.length != 8 || memcmp(request.data, "question", 8) != 0)
            return kin_crash_fail("a request is torn");
        OK(kin_service_reply(server, &request, 0, "answer", 6));
        served++;
    }
    return result == -ETIMEDOUT ? served : kin_crash_fail("take: %s", kin_reason());
}

/* The living one's reply is there once, whole, and no other. */
static int look_at_replies(kin_queue *replies, bool wanted)
{
    struct kin_message message;
    if (wanted) {
        struct kin_receive his = {.size = sizeof his, .type = *number};
        OK(kin_queue_receive(replies, answer, sizeof answer, &his, KIN_NOW, &message));
        if (message.length != 6 + sizeof(struct note) || memcmp(answer, "answer", 6) != 0)
            return kin_crash_fail("the reply is torn");
    }
    while (kin_queue_receive(replies, answer, sizeof answer, NULL, KIN_NOW, &message) == 0)
        if (wanted && message.type == *number)
            return kin_crash_fail("two replies to one request");
    return 0;
}

/* A call of our own, and then nothing is left but the survivor's seat. */
static int work(struct party *party)
{
    struct kin_queue_status requests, replies;
    if (start(party) < 0 || take(party) < 0 || reply(party) < 0 || finish(party) < 0)
        return -1;
    service_discard(party->server->replies, UINT32_MAX);
    OK(kin_queue_status(party->server->requests, &requests));
    OK(kin_queue_status(party->server->replies, &replies));
    if (requests.queued + requests.leased + requests.loaned + replies.queued + replies.leased || replies.loaned != 1)
        return kin_crash_fail("left: %llu requests and %llu replies, %llu and %llu leases, %llu loans",
                              (unsigned long long)requests.queued, (unsigned long long)replies.queued,
                              (unsigned long long)requests.leased, (unsigned long long)replies.leased,
                              (unsigned long long)(requests.loaned + replies.loaned));
    return 0;
}

static int look(const struct run *run, struct party *survivor, const struct kin_crash_point *point)
{
    bool living = run->scene->living;
    kin_service *server = survivor->server;
    if (audit_queue(server->requests) < 0 || audit_queue(server->replies) < 0)
        return -1;
    int served = serve(server);
    if (served < 0)
        return -1;
    if (served > (living ? 1 : 0) || (living && point->finished && served == run->scene->answered))
        return kin_crash_fail("a survivor served %d requests", served);
    if (look_at_replies(server->replies, living) < 0)
        return -1;
    return work(survivor) < 0 ? -1 : audit_queue(server->requests);
}

static int check(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    struct party survivor = {0};
    if (open_at(run->twin.copy, 1, &survivor.server) < 0 || open_at(run->twin.copy, 0, &survivor.caller) < 0)
        return -1;
    int result = look(run, &survivor, point);
    kin_service_close(survivor.caller);
    kin_service_close(survivor.server);
    return result;
}

static int sweep(const struct scene *scene, struct kin_crash_result *result)
{
    struct run run = {.scene = scene};
    if (twin_make(&run.twin, "s.requests", "s.replies") < 0)
        return -1;
    int found = kin_crash_run(KIN_CRASH(.context = &run, .prepare = prepare, .victim = {arrive, operate},
                                        .check = check, .regions = regions, .mark_dead = mark_dead),
                              KIN_CRASH_SNAPSHOT, result);
    if (run.living > 0) {
        kill(run.living, SIGKILL);
        waitpid(run.living, NULL, 0);
    }
    twin_remove(&run.twin);
    return found;
}

int main(int argc, char **argv)
{
    (void)argc;
    number = mmap(NULL, sizeof *number, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (number == MAP_FAILED || !tap_begin())
        return TAP_SKIP;
    for (unsigned i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        struct kin_crash_result result;
        if (tap_wants(argv[1], scenes[i].name))
            tap_sweep(sweep(&scenes[i], &result) == 0, scenes[i].name, &result, "%s", scenes[i].name);
    }
    return tap_end();
}
