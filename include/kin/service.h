/* kin/service.h - calls: a request to whoever serves, and the one reply to it.
 *
 * Any number of processes serve a service, any number call it, and each may be killed at any instruction:
 *
 *   a server dies with a request in hand   the caller learns it at once (-ECONNRESET); or another server gets it, if
 *                                          the caller says how many may try (`tries`)
 *   nobody serves                          the caller learns it at once (-ECONNREFUSED), or waits for a server (`wait`)
 *   a caller dies, or his time is over     his request is not served any more, and what is replied is dropped. A late
 *                                          reply is never taken for the reply to another call
 *
 * The request is finished and its reply is there in one step: a caller who has no reply knows that no server has
 * finished his request. What a server did for it outside kin before he died may have been done.
 *
 * A service is a pair of queues (kin/queue.h), NAME.requests and NAME.replies. Each server has an empty loan among the
 * replies, his seat: that is how callers see that somebody serves. Remove both queues to remove a service.
 *
 *     kin_service *service;                                               a server
 *     struct kin_request request;
 *     kin_service_open(NULL, "sum", KIN_SERVICE(.serve = 1), &service);
 *     while (kin_service_take(service, KIN_FOREVER, &request) == 0)
 *         kin_service_reply(service, &request, 0, answer, sizeof answer);
 *
 *     struct kin_reply reply;                                             a caller
 *     kin_service_open(NULL, "sum", NULL, &service);
 *     kin_service_call(service, "1 2 3", 5, buffer, sizeof buffer, NULL, kin_after(1000000000), &reply);
 */
#ifndef KIN_SERVICE_H
#define KIN_SERVICE_H

#include <kin/queue.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_service kin_service;

struct kin_service_options {
    size_t size;
    unsigned flags;       /* of enum kin_open */
    unsigned mode;        /* default 0600 */
    int serve;            /* 1: this handle takes requests, and callers see a server as long as it is open */
    uint32_t calls;       /* of a new service: how many requests may wait or be served at a time; default 1024 */
    uint64_t request_max; /* of a new service: the longest request in bytes; default 64 KiB */
    uint64_t reply_max;   /* of a new service: the longest reply in bytes; default 64 KiB */
};
#define KIN_SERVICE(...) (&(struct kin_service_options){.size = sizeof(struct kin_service_options), __VA_ARGS__})

/* Opens or makes a service. An old one keeps the limits that it was made with. */
int kin_service_open(kin_domain *domain, const char *name, const struct kin_service_options *options,
                     kin_service **out);
/* A server's requests in hand are given up, as by his death. Replies to calls that were started and not finished are
 * dropped when the call's time is over, or the process ends. */
void kin_service_close(kin_service *service);

struct kin_call_options {
    size_t size;
    uint32_t tries; /* how many servers may have it in turn, if one after the other dies; default 1 */
    int wait;       /* 1: while nobody serves, wait for a server */
};
#define KIN_CALL(...) (&(struct kin_call_options){.size = sizeof(struct kin_call_options), __VA_ARGS__})

struct kin_reply {
    uint64_t length; /* bytes */
    int status;      /* as the server gave it: 0 or above */
};

/* Sends the request, waits for its reply, which goes into buffer. `out` may be NULL. -ECONNREFUSED: nobody serves;
 * -ECONNRESET: the server died with the request in hand, or gave it up; -ETIMEDOUT; -EMSGSIZE: the request is longer
 * than request_max; -E2BIG: the reply is longer than the buffer, out->length tells, and it is dropped; -EIDRM.
 * Death: the request is withdrawn, or its reply dropped. */
int kin_service_call(kin_service *service, const void *request, uint64_t length, void *buffer, uint64_t capacity,
                     const struct kin_call_options *how, kin_time until, struct kin_reply *out);

/* A call under way. */
struct kin_call {
    int64_t number; /* unlike that of any other call */
    kin_time until; /* nobody wants the reply later */
    uint32_t tries; /* kin's own */
    uint32_t slot;  /* kin's own */
    int wait;
};
/* The same in two steps, so that many calls may be under way. `until` limits the whole call.
 * Death: as of kin_service_call. */
int kin_service_start(kin_service *service, const void *request, uint64_t length, const struct kin_call_options *how,
                      kin_time until, struct kin_call *out);
/* Any thread of the process that started it. -ETIMEDOUT: the reply is not there; where the call's own time is not over,
 * finish it later. -E2BIG: likewise, with a larger buffer. Any other result ends the call. */
int kin_service_finish(kin_service *service, struct kin_call *call, void *buffer, uint64_t capacity, kin_time until,
                       struct kin_reply *out);

/* A request in a server's hand. */
struct kin_request {
    void *data;        /* aligned to 64; read it in place, until the reply */
    uint64_t length;   /* bytes */
    uint32_t attempts; /* how many servers had it before */
    kin_time until;    /* nobody wants the reply later */
    struct kin_message message; /* kin's own */
};

/* Takes the oldest request. One whose caller is dead, or whose time is over, is passed over and dropped; one that as
 * many servers had as may try goes back to its caller. -EBADF: this handle does not serve; -ETIMEDOUT; -EIDRM.
 * Death: the caller is told, or the request is there for another server. */
int kin_service_take(kin_service *service, kin_time until, struct kin_request *out);
/* The request is finished and the reply is there, in one step. `status` is 0 or above. Waits for room only while there
 * are callers who do not fetch their replies. A reply that nobody waits for any more is dropped. -EMSGSIZE: longer than
 * reply_max, the request is still in hand.
 * Death: both or neither. */
int kin_service_reply(kin_service *service, struct kin_request *request, int status, const void *data, uint64_t length);
/* Gives it up: as if this server had died. */
int kin_service_put_back(kin_service *service, struct kin_request *request);

struct kin_service_status {
    uint64_t waiting;               /* requests that nobody has taken */
    uint64_t served;                /* requests in servers' hands */
    uint64_t request_max, reply_max; /* what it was made with */
    uint32_t calls;
};
int kin_service_status(kin_service *service, struct kin_service_status *out);

/* A descriptor that is readable when kin_service_take (KIN_NOW) is worth a try, as kin_queue_fd. */
int kin_service_fd(kin_service *service);
int kin_service_clear(kin_service *service);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
