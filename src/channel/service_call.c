/* A service: the caller's side. The six headings are in channel/queue.h. */
#include "channel/service.h"
#include "sys/clock.h"
#include "sys/cpu.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <sched.h>

/* Where a request is. */
struct sight {
    bool waits, served; /* in its queue, or in a server's hand; neither: it is ended */
    bool ending;        /* the server is about to end */
    uint32_t attempts;
    uint32_t server; /* the process that serves it, or could; 0: none */
    uint32_t value;  /* of the record's event, to sleep on */
    unsigned lives;
    uint32_t life[WAIT_LIVES_MAX];
};

static bool is_request(const struct record *record, enum tag tag, int64_t number)
{
    return STATE_TAG(LOAD(record->state)) == tag && LOAD(record->type) == number;
}

/* Whose death would matter. */
static void depend_on(kin_queue *queue, struct sight *sight, enum verdict verdict)
{
    sight->ending = verdict == VERDICT_ENDING;
    if (verdict == VERDICT_ALIVE && sight->server != LOAD(*queue->object.domain->own))
        sight->lives = wait_for_process(queue->object.domain, sight->server, sight->life, 0);
}

/* Looks at the request, and arms the event of its record before that. What a dead server held is settled first. */
static int look(kin_queue *queue, const struct kin_call *call, bool slow, struct sight *sight)
{
    struct seat *seat;
    struct standing standing;
    int result = queue_enter(queue, &seat, KIN_FOREVER);
    if (result < 0)
        return result;
    struct record *record = record_at(queue, call->slot);
    *sight = (struct sight){.value = event_arm(&record->caller, EVENT_BITS)};
    if (is_request(record, TAG_LEASED, call->number)) {
        sight->server = STATE_OWNER(LOAD(record->state));
        enum verdict verdict = VERDICT_ALIVE;
        if (sight->server != seat->process && !PLANTED(NO_SERVER))
            verdict = process_verdict(queue->object.domain, sight->server, slow);
        if (verdict_is_gone(verdict))
            queue_settle(queue, seat, slow, &standing);
        else
            depend_on(queue, sight, verdict);
    }
    sight->waits = is_request(record, TAG_FULL, call->number);
    sight->served = is_request(record, TAG_LEASED, call->number);
    sight->attempts = STATE_ATTEMPTS(LOAD(record->state));
    queue_unlock(queue, seat);
    return 0;
}

/* Finds somebody who serves: only servers have loans among the replies. */
static int look_for_server(kin_queue *queue, bool slow, struct sight *sight)
{
    struct seat *seat;
    struct standing standing;
    int result = queue_enter(queue, &seat, KIN_FOREVER);
    if (result < 0)
        return result;
    queue_settle(queue, seat, slow, &standing);
    uint32_t slot = LOAD(queue->hot->held);
    sight->server = 0;
    for (uint32_t i = 0; slot && i <= queue->messages && (!sight->server || sight->ending); i++) {
        struct record *record = record_at(queue, slot);
        uint64_t state = record ? LOAD(record->state) : 0;
        if (STATE_TAG(state) == TAG_LOANED) {
            sight->server = STATE_OWNER(state);
            depend_on(queue, sight, process_verdict(queue->object.domain, sight->server, slow));
        }
        slot = record ? LOAD(record->next) : 0;
    }
    queue_unlock(queue, seat);
    return 0;
}

/* Takes the request back. False: a server has it, or has ended it. */
static bool withdraw(kin_service *service, const struct kin_call *call)
{
    struct kin_receive mine = {.size = sizeof mine, .type = call->number, .flags = KIN_SHORTEN};
    return kin_queue_receive(service->requests, NULL, 0, &mine, KIN_NOW, NULL) == 0;
}

static int no_server(const kin_service *service)
{
    return reason(-ECONNREFUSED, "nobody serves %s: start a server, or ask to wait for one", service->name);
}

static int server_died(const kin_service *service)
{
    return reason(-ECONNRESET,
                  "the server of %s died with the request in hand, or gave it up: part of the work may be done",
                  service->name);
}

static int too_late(kin_service *service, const struct sight *sight)
{
    const struct process *process = sight->served ? process_at(service->requests->object.domain, sight->server) : NULL;
    if (!process)
        return reason(-ETIMEDOUT, "no server of %s had time for the request", service->name);
    return reason(-ETIMEDOUT, "no reply of %s came in time: process %u has the request", service->name,
                  LOAD(process->pid));
}

int kin_service_start(kin_service *service, const void *request, uint64_t length, const struct kin_call_options *how,
                      kin_time until, struct kin_call *out)
{
    static uint32_t calls; /* numbers them */
    kin_queue *queue = service->requests;
    struct kin_message message;
    struct kin_call call = {.until = until, .tries = how && how->tries ? how->tries : 1, .wait = how && how->wait};
    struct note note = {.until = until, .tries = call.tries};
    uint64_t most = queue->message_max - sizeof note;
    if (length > most)
        return reason(-EMSGSIZE,
                      "a request of %llu bytes is too long for %s, which takes %llu: make it with a larger "
                      "request_max",
                      (unsigned long long)length, service->name, (unsigned long long)most);
    int result;
    while ((result = service_room(queue, length, until, &message)) == -EAGAIN) {
        struct sight sight = {0};
        result = call.wait ? 0 : look_for_server(service->replies, true, &sight);
        if (result < 0 || (!call.wait && !sight.server))
            return result < 0 ? result : no_server(service);
    }
    if (result < 0)
        return result;
    if (length)
        memcpy(message.data, request, length);
    note_write(message.data, length, &note);
    call.slot = message.slot;
    call.number = CALL_NUMBER(message.owner, FETCH_ADD(calls, 1));
    result = kin_queue_send_loan(queue, &message, KIN_SEND(.type = call.number));
    if (result == 0)
        *out = call;
    return result;
}

/* The reply, if it is there: else -ETIMEDOUT. */
static int fetch(kin_service *service, const struct kin_call *call, void *buffer, uint64_t capacity,
                 struct kin_reply *out)
{
    struct kin_receive mine = {.size = sizeof mine, .type = call->number};
    struct kin_message message;
    struct note note;
    int result = kin_queue_take(service->replies, &mine, KIN_NOW, &message);
    if (result < 0)
        return result;
    bool sound = note_read(message.data, message.length, &note);
    uint64_t length = sound ? message.length - sizeof note : 0;
    if (out)
        *out = (struct kin_reply){.length = length, .status = sound ? note.status : 0};
    if (length > capacity) {
        kin_queue_put_back(service->replies, &message);
        return reason(-E2BIG, "the reply of %s has %llu bytes, the buffer %llu", service->name,
                      (unsigned long long)length, (unsigned long long)capacity);
    }
    if (length)
        memcpy(buffer, message.data, length);
    result = kin_queue_done(service->replies, &message);
    if (result < 0 || !sound)
        return result < 0 ? result : reason(-EBADMSG, "a reply of %s was not made by a server", service->name);
    return note.status < 0 ? server_died(service) : 0;
}

/* A short while awake: a server on another processor may be at it. */
static void look_a_while(kin_service *service, const struct kin_call *call)
{
    const struct record *record = record_at(service->requests, call->slot);
    bool elsewhere = service->replies->peer_cpu[0] != cpu_now();
    for (unsigned i = 0; i < (elsewhere ? WAIT_LOOKS : 0) + WAIT_YIELDS; i++) {
        if (!is_request(record, TAG_FULL, call->number) && !is_request(record, TAG_LEASED, call->number))
            return;
        if (elsewhere && i < WAIT_LOOKS)
            for (unsigned pause = 0; pause < WAIT_PAUSES; pause++)
                relax();
        else
            sched_yield();
    }
}

/* 0: there is reason to sleep; 1: look for the reply again; else the call is over. */
static int stand(kin_service *service, const struct kin_call *call, bool slow, struct sight *sight)
{
    int result = look(service->requests, call, slow, sight);
    if (result < 0)
        return result;
    if (!sight->waits)
        return !sight->served;
    if (sight->attempts >= call->tries)
        return withdraw(service, call) ? server_died(service) : 1;
    result = look_for_server(service->replies, slow, sight);
    if (result < 0 || sight->server || call->wait)
        return result;
    if (!withdraw(service, call))
        return 1;
    return sight->attempts ? server_died(service) : no_server(service);
}

static enum woken sleep_on(kin_queue *queue, const struct kin_call *call, const struct sight *sight, int64_t longest,
                           kin_time until)
{
    int result;
    struct wait wait = {
        .seat = life_enter(queue->object.domain, &result),
        .object = queue->object.id,
        .word = &record_at(queue, call->slot)->caller,
        .value = sight->value,
        .until = until,
        .longest = longest,
        .lives = sight->lives,
    };
    memcpy(wait.life, sight->life, sizeof wait.life);
    return wait.seat ? wait_sleep(&wait) : WOKEN_LOOK;
}

int kin_service_finish(kin_service *service, struct kin_call *call, void *buffer, uint64_t capacity, kin_time until,
                       struct kin_reply *out)
{
    int64_t longest = 0;
    bool ended = false;
    if (!record_at(service->requests, call->slot))
        return reason(-EINVAL, "this is no call of %s", service->name);
    if (clock_left(call->until) < clock_left(until))
        until = call->until;
    enum woken woken = clock_left(until) <= 0 ? WOKEN_LATE : WOKEN_LOOK;
    if (woken != WOKEN_LATE)
        look_a_while(service, call);
    for (;;) {
        struct sight sight = {0};
        int result = fetch(service, call, buffer, capacity, out);
        if (result != -ETIMEDOUT)
            return result;
        if (ended)
            return reason(-ECONNRESET, "the request to %s, or its reply, was taken by somebody who is no party to it",
                          service->name);
        result = stand(service, call, woken == WOKEN_BACKSTOP, &sight);
        if (result < 0)
            return result;
        ended = result > 0 && !sight.waits;
        if (result > 0)
            continue;
        if (woken == WOKEN_LATE) {
            if (clock_left(call->until) <= 0)
                withdraw(service, call);
            return too_late(service, &sight);
        }
        longest = wait_pace(longest, sight.ending);
        woken = sleep_on(service->requests, call, &sight, longest, until);
    }
}

int kin_service_call(kin_service *service, const void *request, uint64_t length, void *buffer, uint64_t capacity,
                     const struct kin_call_options *how, kin_time until, struct kin_reply *out)
{
    struct kin_call call;
    int result = kin_service_start(service, request, length, how, until, &call);
    if (result == 0)
        result = kin_service_finish(service, &call, buffer, capacity, until, out);
    if (result == -E2BIG) {
        struct kin_receive mine = {.size = sizeof mine, .type = call.number, .flags = KIN_SHORTEN};
        kin_queue_receive(service->replies, NULL, 0, &mine, KIN_NOW, NULL);
    }
    return result;
}
