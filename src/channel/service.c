/* A service: opening, its messages, the server's side. The six headings are in channel/queue.h. */
#include "channel/service.h"
#include "channel/move.h"
#include "sys/clock.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CALLS_DEFAULT 1024u
#define SERVERS_MAX 1024u
#define BYTES_DEFAULT (UINT64_C(64) << 10)

/* Each reply looks at so many of the oldest: a reply that came too late stays for as long as calls are made, not for
 * ever. */
#define LOOKED_AT 4u

bool service_wants(const kin_queue *queue, int64_t number, kin_time until)
{
    return clock_left(until) > 0 &&
           !verdict_is_gone(process_verdict(queue->object.domain, CALL_PROCESS(number), false));
}

static bool is_wanted(kin_queue *queue, const struct record *record)
{
    struct note note;
    uint32_t length = LOAD(record->length);
    const unsigned char *bytes = payload_of(queue, (struct record *)record, length);
    return bytes && note_read(bytes, length, &note) && service_wants(queue, LOAD(record->type), note.until);
}

/* The lock is held, and the record is in lane 0. */
static bool drop(kin_queue *queue, struct seat *seat, uint32_t slot, struct record *record)
{
    struct move move = {.slot = slot, .record = record, .after = STATE_MAKE(TAG_FREE, 0, 0)};
    if (!move_from(queue, &move, LIST_OF_PRIORITY(0)) || !move_to(queue, &move, LIST_FREE))
        return false;
    move_prepare(seat, &move);
    return move_commit(queue, seat, &move);
}

unsigned service_discard(kin_queue *queue, uint32_t most)
{
    struct seat *seat;
    unsigned dropped = 0;
    uint32_t ring = 0, bits = 0;
    if (LOAD(queue->hot->depth) == 0 || queue_enter(queue, &seat, KIN_FOREVER) < 0)
        return 0;
    uint32_t slot = LOAD(queue->hot->first.head);
    for (uint32_t i = 0; slot && i < most && i <= queue->messages; i++) {
        struct record *record = record_at(queue, slot);
        uint32_t next = record ? LOAD(record->next) : 0;
        bool sound = record && STATE_TAG(LOAD(record->state)) == TAG_FULL;
        if (sound && !is_wanted(queue, record)) {
            uint32_t more;
            bits |= queue_fire(queue, KIN_CAN_SEND, &more);
            ring |= more;
            sound = drop(queue, seat, slot, record);
            dropped++;
        }
        if (!sound) {
            queue_repair_own(queue, seat);
            break;
        }
        slot = next;
    }
    queue_unlock(queue, seat);
    queue_wake(queue, &queue->hot->writable, bits, ring);
    return dropped;
}

int service_room(kin_queue *queue, uint64_t length, kin_time until, struct kin_message *out)
{
    length += sizeof(struct note);
    int result = kin_queue_loan(queue, length, KIN_NOW, out);
    if (result != -ETIMEDOUT)
        return result;
    if (service_discard(queue, UINT32_MAX) > 0)
        return -EAGAIN;
    int64_t left = clock_left(until);
    if (left <= 0)
        return result;
    result = kin_queue_loan(queue, length, left < WAIT_BACKSTOP ? until : kin_after(WAIT_BACKSTOP), out);
    return result == -ETIMEDOUT ? -EAGAIN : result;
}

/* Everybody may see that this process serves, until it closes or dies. */
static int sit_down(kin_service *service)
{
    uint32_t own = LOAD(*service->replies->object.domain->own);
    if (service->seat.owner && service->seat.owner == own)
        return 0;
    int result;
    do /* the first time, or in a child of fork */
        result = service_room(service->replies, 0, KIN_NOW, &service->seat);
    while (result == -EAGAIN);
    return result == -ETIMEDOUT ? reason(-EBUSY, "%s has as many servers as it can: one must end", service->name)
                                : result;
}

/* Callers whose request waits see for themselves whether anybody is left to serve it. */
static void wake_callers(kin_queue *queue)
{
    struct seat *seat;
    if (queue_enter(queue, &seat, KIN_FOREVER) < 0)
        return; /* removed: they know it */
    uint32_t slot = LOAD(queue->hot->first.head);
    for (uint32_t i = 0; slot && i <= queue->messages; i++) {
        struct record *record = record_at(queue, slot);
        if (!record)
            break;
        event_wake(&record->caller, event_fire(&record->caller));
        slot = LOAD(record->next);
    }
    queue_unlock(queue, seat);
}

static int open_queues(kin_domain *domain, kin_service *service, const struct kin_service_options *options)
{
    char name[KIN_NAME_MAX + 16];
    uint32_t calls = options && options->calls ? options->calls : CALLS_DEFAULT;
    uint64_t request = options && options->request_max ? options->request_max : BYTES_DEFAULT;
    uint64_t reply = options && options->reply_max ? options->reply_max : BYTES_DEFAULT;
    struct kin_queue_options limits = {
        .size = sizeof limits,
        .flags = options ? options->flags & ~(unsigned)KIN_MUST_CREATE : 0,
        .mode = options ? options->mode : 0,
        .messages = calls + SERVERS_MAX,
        .message_max = reply + sizeof(struct note),
    };
    /* The requests come last: a service is there when they are. */
    snprintf(name, sizeof name, "%s.replies", service->name);
    int result = kin_queue_open(domain, name, &limits, &service->replies);
    if (result < 0)
        return result;
    limits.flags = options ? options->flags : 0;
    limits.messages = calls;
    limits.message_max = request + sizeof(struct note);
    snprintf(name, sizeof name, "%s.requests", service->name);
    return kin_queue_open(domain, name, &limits, &service->requests);
}

int kin_service_open(kin_domain *domain, const char *name, const struct kin_service_options *options, kin_service **out)
{
    if (options && options->size != sizeof *options)
        return reason(-EINVAL, "the options of service %s have another size: make them by KIN_SERVICE()", name);
    kin_service *service = calloc(1, sizeof *service);
    if (!service)
        return reason(-ENOMEM, "no memory left in this process");
    service->serves = options && options->serve;
    snprintf(service->name, sizeof service->name, "%s", name ? name : "");
    int result = open_queues(domain, service, options);
    if (result == 0 && service->serves)
        result = sit_down(service);
    if (result < 0) {
        kin_service_close(service);
        return result;
    }
    *out = service;
    return 0;
}

void kin_service_close(kin_service *service)
{
    if (!service)
        return;
    if (service->seat.owner && kin_queue_release(service->replies, &service->seat) == 0)
        wake_callers(service->requests);
    kin_queue_close(service->requests);
    kin_queue_close(service->replies);
    free(service);
}

static int answer(kin_service *service, struct kin_message *job, const struct note *note, const void *data,
                  uint64_t length)
{
    struct kin_message message;
    int result;
    do {
        if (!service_wants(service->requests, job->type, note->until))
            return kin_queue_done(service->requests, job);
        result = service_room(service->replies, length, note->until, &message);
    } while (result == -EAGAIN || result == -ETIMEDOUT);
    if (result < 0)
        return result;
    if (length)
        memcpy(message.data, data, length);
    note_write(message.data, length, note);
    struct kin_send how = {.size = sizeof how, .type = job->type};
    return kin_queue_done_and_send(service->requests, job, service->replies, &message, &how);
}

/* Whether the message is a request to be served; else it is dropped, or goes back to its caller. */
static int accept(kin_service *service, struct kin_message *message, struct kin_request *out)
{
    struct note note;
    if (!note_read(message->data, message->length, &note) ||
        !service_wants(service->requests, message->type, note.until)) {
        int result = kin_queue_done(service->requests, message);
        return result < 0 ? result : 0;
    }
    if (message->attempts >= note.tries) {
        note.status = -ECONNRESET;
        int result = answer(service, message, &note, NULL, 0);
        return result < 0 ? result : 0;
    }
    *out = (struct kin_request){
        .data = message->data,
        .length = message->length - sizeof note,
        .attempts = message->attempts,
        .until = note.until,
        .message = *message,
    };
    return 1;
}

int kin_service_take(kin_service *service, kin_time until, struct kin_request *out)
{
    if (!service->serves)
        return reason(-EBADF, "this handle of %s was not opened to serve: open it with KIN_SERVICE(.serve = 1)",
                      service->name);
    for (;;) {
        struct kin_message message;
        int result = sit_down(service);
        if (result == 0)
            result = kin_queue_take(service->requests, NULL, until, &message);
        if (result == 0)
            result = accept(service, &message, out);
        if (result != 0)
            return result < 0 ? result : 0;
    }
}

int kin_service_reply(kin_service *service, struct kin_request *request, int status, const void *data, uint64_t length)
{
    struct note note = {.until = request->until, .status = status};
    uint64_t most = service->replies->message_max - sizeof note;
    if (status < 0)
        return reason(-EINVAL, "the status %d of a reply cannot be: it is 0 or above", status);
    if (length > most)
        return reason(-EMSGSIZE,
                      "a reply of %llu bytes is too long for %s, which takes %llu: make it with a larger "
                      "reply_max",
                      (unsigned long long)length, service->name, (unsigned long long)most);
    service_discard(service->replies, LOOKED_AT);
    return answer(service, &request->message, &note, data, length);
}

int kin_service_put_back(kin_service *service, struct kin_request *request)
{
    return kin_queue_put_back(service->requests, &request->message);
}

int kin_service_status(kin_service *service, struct kin_service_status *out)
{
    struct kin_queue_status requests;
    int result = kin_queue_status(service->requests, &requests);
    if (result < 0)
        return result;
    *out = (struct kin_service_status){
        .waiting = requests.queued,
        .served = requests.leased,
        .request_max = requests.message_max - sizeof(struct note),
        .reply_max = service->replies->message_max - sizeof(struct note),
        .calls = (uint32_t)requests.messages,
    };
    return 0;
}

int kin_service_fd(kin_service *service)
{
    return kin_queue_fd(service->requests, KIN_CAN_RECEIVE);
}

int kin_service_clear(kin_service *service)
{
    return kin_queue_clear(service->requests, KIN_CAN_RECEIVE);
}
