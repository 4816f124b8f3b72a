/* kin/queue.h - a queue of messages, many to many, that no death can tear, empty or stop.
 *
 * A message is in the queue until a receive has returned it. Order: highest priority first (0..32767), oldest first
 * within a priority. Each message has a type, a number above 0, by which receivers may choose as System V's msgrcv
 * does.
 *
 * Five ways to take part:
 *   send, receive             copies, in one step
 *   loan, send_loan           fill the message in place, then send it: no copy
 *   borrow, release           read it in place. The message is consumed when it is borrowed
 *   take, done or put_back    a job: it stays in the queue, leased, until the work is done. If the taker dies, it goes
 *                             back to its place, with one more attempt counted
 *   done_and_send             the job is finished and its result is in the other queue, in one step: in a pipeline of
 *                             workers that get killed, every result counts exactly once
 *
 * Leases, loans and borrows belong to the process: any of its threads may give them back.
 *
 *     kin_queue *jobs;
 *     kin_queue_open(NULL, "jobs", KIN_QUEUE(.messages = 1000), &jobs);
 *     kin_queue_send(jobs, "hello", 5, NULL, KIN_FOREVER);
 *
 *     struct kin_message job;
 *     while (kin_queue_take(jobs, NULL, KIN_FOREVER, &job) == 0) {
 *         work(job.data, job.length);
 *         kin_queue_done(jobs, &job);
 *     }
 */
#ifndef KIN_QUEUE_H
#define KIN_QUEUE_H

#include <kin/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_queue kin_queue;

#define KIN_PRIORITY_MAX 32767
#define KIN_MESSAGE_MAX (UINT64_C(1) << 30)

struct kin_queue_options {
    size_t size;
    unsigned flags;       /* of enum kin_open */
    unsigned mode;        /* default 0600 */
    uint32_t messages;    /* of a new queue: how many it holds at most; default 1024, at most 16 Mi */
    uint64_t message_max; /* of a new queue: the longest message in bytes; default 64 KiB, at most 1 GiB */
    uint64_t bytes;       /* of a new queue: room for messages over 64 bytes; default and most: messages * message_max,
                             so that a queue which is not full always has room. It is reserved as it is needed */
};
#define KIN_QUEUE(...) (&(struct kin_queue_options){.size = sizeof(struct kin_queue_options), __VA_ARGS__})

/* Opens or makes a queue. An old one keeps the limits that it was made with. */
int kin_queue_open(kin_domain *domain, const char *name, const struct kin_queue_options *options, kin_queue **out);
/* Puts back what was leased through this handle, and gives back its loans and borrows. */
void kin_queue_close(kin_queue *queue);

/* A message in hand: loaned, borrowed or leased, or (with data NULL) received. */
struct kin_message {
    void *data;        /* aligned to 64 */
    uint64_t length;   /* bytes */
    int64_t type;      /* above 0; 1 by default */
    uint32_t priority; /* 0..32767 */
    uint32_t attempts; /* how often it was taken before and came back */
    uint64_t sequence; /* its place in the order of sending */
    uint32_t slot;     /* kin's own */
    uint32_t owner;    /* kin's own */
};

struct kin_send {
    size_t size;
    int64_t type; /* 0: 1 */
    uint32_t priority;
};
#define KIN_SEND(...) (&(struct kin_send){.size = sizeof(struct kin_send), __VA_ARGS__})

enum kin_receive_flag {
    KIN_EXCEPT = 1,  /* the first whose type is not `type` */
    KIN_SHORTEN = 2, /* cut a message that is longer than the buffer, as MSG_NOERROR does, in place of -E2BIG */
    KIN_PEEK = 4     /* kin_queue_receive only: copy it and leave it in the queue */
};
struct kin_receive {
    size_t size;
    int64_t type;   /* 0: the first; n: the first of type n; -n: the first of the lowest type up to n */
    unsigned flags; /* of enum kin_receive_flag */
    /* kin_queue_take only: a message that came back this often (0: any) goes to the dead-letter queue instead; when
     * that is full it is set aside until there is room. */
    uint32_t attempts;
    kin_queue *dead_letter;
};
#define KIN_RECEIVE(...) (&(struct kin_receive){.size = sizeof(struct kin_receive), __VA_ARGS__})

/* Sends a copy. Waits while the queue is full. -EMSGSIZE: longer than message_max; -ETIMEDOUT; -EIDRM: removed;
 * -ENOSPC: the tmpfs is full, nothing was sent.
 * Death: the message is in the queue whole, or not at all. */
int kin_queue_send(kin_queue *queue, const void *data, uint64_t length, const struct kin_send *how, kin_time until);

/* Receives a copy into buffer. `out`, unless NULL, tells length, type, priority, attempts; its data is NULL.
 * -E2BIG: the buffer is too short, the message stays and out->length says what it needs; -ETIMEDOUT; -EIDRM.
 * Death: the message is still in the queue, or it had been received: never both, never neither. */
int kin_queue_receive(kin_queue *queue, void *buffer, uint64_t capacity, const struct kin_receive *how, kin_time until,
                      struct kin_message *out);

/* A message of `length` bytes to be filled in place. Takes its place in the order when it is sent.
 * Death: the place is free again. */
int kin_queue_loan(kin_queue *queue, uint64_t length, kin_time until, struct kin_message *out);
/* Sends it; message->length may have been made smaller. The message is no longer in hand. Never waits for room. */
int kin_queue_send_loan(kin_queue *queue, struct kin_message *message, const struct kin_send *how);

/* Takes a message out to be read in place, until release. Death: the message is consumed. */
int kin_queue_borrow(kin_queue *queue, const struct kin_receive *how, kin_time until, struct kin_message *out);
/* Gives back a borrowed message, or a loan that is not to be sent. */
int kin_queue_release(kin_queue *queue, struct kin_message *message);

/* Takes a message on lease. Death: it goes back to its place, attempts + 1. */
int kin_queue_take(kin_queue *queue, const struct kin_receive *how, kin_time until, struct kin_message *out);
/* The work is done, the message is gone. */
int kin_queue_done(kin_queue *queue, struct kin_message *message);
/* Back to its place, attempts + 1. */
int kin_queue_put_back(kin_queue *queue, struct kin_message *message);

/* The job is done and the loaned result is sent, in one step.
 * Death: both or neither. -EINVAL: the same queue for both is allowed; job must be leased, result loaned. */
int kin_queue_done_and_send(kin_queue *jobs, struct kin_message *job, kin_queue *results, struct kin_message *result,
                            const struct kin_send *how);

struct kin_queue_status {
    uint64_t queued; /* messages that can be received */
    uint64_t leased, loaned, borrowed, aside;
    uint64_t sent;                         /* since it was made */
    uint64_t messages, message_max, bytes; /* limits */
    uint64_t reserved;                     /* bytes of memory that it has now */
};
int kin_queue_status(kin_queue *queue, struct kin_queue_status *out);

/* A descriptor for poll, epoll or an event loop, that is readable when it is worth while to try (KIN_NOW): after one
 * try that found nothing, it becomes readable again with the next change, a death included. One a handle and direction;
 * it stays the queue's: do not close it. kin_queue_clear() empties it before the tries. */
int kin_queue_fd(kin_queue *queue, enum kin_ready what);
int kin_queue_clear(kin_queue *queue, enum kin_ready what);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
