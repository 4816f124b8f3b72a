/* Calls: the first process calls, the second one serves. */
#include "ours/ours.h"
#include "common/require.h"
#include <stdlib.h>

struct calls {
    kin_domain *domain;
    kin_service *caller, *server; /* one of them in each process */
    struct kin_call call;
    struct kin_request request;
};

static void *create(void)
{
    struct calls *calls = calloc(1, sizeof *calls);
    require(calls);
    calls->domain = domain_fresh();
    return calls;
}

static void join(void *self, unsigned number)
{
    struct calls *calls = self;
    must(kin_service_open(calls->domain, "service", KIN_SERVICE(.serve = number == 1),
                          number == 1 ? &calls->server : &calls->caller));
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    struct calls *calls = self;
    if (channel == 0)
        must(kin_service_start(calls->caller, data, length, KIN_CALL(.wait = 1), KIN_FOREVER, &calls->call));
    else
        must(kin_service_reply(calls->server, &calls->request, 0, data, length));
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    struct calls *calls = self;
    if (channel == 0) {
        must(kin_service_take(calls->server, KIN_FOREVER, &calls->request));
        *(uint64_t *)data = *(const uint64_t *)calls->request.data;
    } else {
        must(kin_service_finish(calls->caller, &calls->call, data, length, KIN_FOREVER, NULL));
    }
}

static void leave(void *self)
{
    struct calls *calls = self;
    kin_service_close(calls->server);
    kin_service_close(calls->caller);
}

static void destroy(void *self)
{
    struct calls *calls = self;
    kin_domain_close(calls->domain);
    free(calls);
}

const struct transport service_transport = {
    .create = create, .join = join, .send = send, .receive = receive, .leave = leave, .destroy = destroy};
