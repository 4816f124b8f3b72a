/* kin/topic.h - one log, many subscribers: each of them gets every message, each at its own pace.
 *
 * Publishers append, any number of them. The log keeps the last so many messages; each message has a position, counted
 * from 0, that never changes. A subscriber has a place in the log, and takes no lock to read on. When the log is full
 * the topic's policy says what gives way:
 *
 *   KIN_TOPIC_DROP_OLDEST   the oldest message. No subscriber, slow or stopped, ever stops a publisher; who was too
 *                           slow is told exactly how many messages it missed
 *   KIN_TOPIC_BLOCK         the publisher: it waits for the slowest subscriber that lives. The dead are struck off; one
 *                           that is stopped holds it up
 *
 * A newcomer chooses where it begins: with what comes next, with the oldest that is kept, with the last n (the last
 * value is n = 1), or at a position that it has noted down, for instance before it was killed.
 *
 *     kin_topic *prices;
 *     kin_topic_open(NULL, "prices", KIN_TOPIC(.messages = 1000), &prices);
 *     kin_topic_publish(prices, &price, sizeof price, NULL, KIN_FOREVER, NULL);
 *
 *     kin_subscriber *subscriber;
 *     struct kin_sample sample;
 *     kin_topic_subscribe(prices, KIN_SUBSCRIBE(.from = KIN_FROM_LAST, .position = 1), &subscriber);
 *     while (kin_subscriber_next(subscriber, &price, sizeof price, KIN_FOREVER, &sample) == 0)
 *         if (sample.missed)
 *             printf("too slow, %llu prices were dropped\n", (unsigned long long)sample.missed);
 *
 * kin_topic_loan gives aligned room in this process to fill, which kin_topic_publish_loan copies into the log;
 * kin_subscriber_borrow makes room for the message that it reads. Nothing of either is in shared memory. */
#ifndef KIN_TOPIC_H
#define KIN_TOPIC_H

#include <kin/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_topic kin_topic;
typedef struct kin_subscriber kin_subscriber;

enum kin_topic_policy { KIN_TOPIC_DROP_OLDEST, KIN_TOPIC_BLOCK };

struct kin_topic_options {
    size_t size;
    unsigned flags;       /* of enum kin_open */
    unsigned mode;        /* default 0600 */
    uint32_t messages;    /* of a new topic: how many it keeps, up to a power of two, at least 8; default 1024 */
    uint32_t message_max; /* of a new topic: the longest in bytes; default 1024, at most 1 GiB. Room for all of that
                             size is reserved at once */
    uint32_t policy;      /* of a new topic, enum kin_topic_policy */
    uint32_t times;       /* of a new topic: 1: each message tells when it was published */
};
#define KIN_TOPIC(...) (&(struct kin_topic_options){.size = sizeof(struct kin_topic_options), __VA_ARGS__})

/* Opens or makes a topic. An old one keeps what it was made with. */
int kin_topic_open(kin_domain *domain, const char *name, const struct kin_topic_options *options, kin_topic **out);
/* Close its subscribers first, and give back its loans. */
void kin_topic_close(kin_topic *topic);

struct kin_publish {
    size_t size;
    int64_t type; /* a number of your own, that subscribers are told */
};
#define KIN_PUBLISH(...) (&(struct kin_publish){.size = sizeof(struct kin_publish), __VA_ARGS__})

/* Publishes a copy, and tells its position unless that is NULL. -EMSGSIZE: longer than message_max; -ETIMEDOUT: with
 * KIN_TOPIC_BLOCK the log is full, or a publisher was stopped in the middle; -EIDRM.
 * Death: it is in the log whole, or not at all. */
int kin_topic_publish(kin_topic *topic, const void *data, uint64_t length, const struct kin_publish *how,
                      kin_time until, uint64_t *position);

/* The position that the next message gets, or one less. Who notes it down before it publishes finds from there on
 * whether it had done so, after a death: subscribe from that position. */
uint64_t kin_topic_position(const kin_topic *topic);

/* A message: read, borrowed, or on loan to be filled. */
struct kin_sample {
    void *data;        /* on loan, or borrowed (then only to be read): aligned to 64; else NULL */
    uint64_t length;   /* bytes */
    int64_t type;      /* as it was published */
    uint64_t position; /* in the log */
    uint64_t missed;   /* how many messages right before this one were dropped before this subscriber came to them */
    int64_t time;      /* when it was published, ns of CLOCK_REALTIME; 0: the topic has no times */
};

/* Room for a message of up to `length` bytes, to be filled. -EMSGSIZE; -ENOMEM.
 * Death: nothing was published, and its room goes with the process. */
int kin_topic_loan(kin_topic *topic, uint64_t length, kin_time until, struct kin_sample *out);
/* Publishes it; sample->length may have been made smaller. It is no longer in hand when that is 0. -EINVAL: it is not
 * on loan to this process. Death: published whole, or not at all. */
int kin_topic_publish_loan(kin_topic *topic, struct kin_sample *sample, const struct kin_publish *how, kin_time until,
                           uint64_t *position);
/* Gives back a loan that is not to be published. */
int kin_topic_release(kin_topic *topic, struct kin_sample *sample);

enum kin_from {
    KIN_FROM_NOW,     /* with what is published from now on */
    KIN_FROM_OLDEST,  /* with the oldest that is kept */
    KIN_FROM_LAST,    /* with the last `position` messages, or as many as there are */
    KIN_FROM_POSITION /* with that position: what is no longer kept counts as missed */
};

struct kin_subscribe {
    size_t size;
    uint32_t from; /* enum kin_from */
    uint64_t position;
};
#define KIN_SUBSCRIBE(...) (&(struct kin_subscribe){.size = sizeof(struct kin_subscribe), __VA_ARGS__})

/* A subscriber belongs to the process; one thread at a time uses it. -ENOSPC: 8191 live already; -ERANGE: the position
 * lies behind the end of the log: it was another topic's; -ETIMEDOUT: a publisher was stopped in the middle.
 * Fork: the child makes one of its own. */
int kin_topic_subscribe(kin_topic *topic, const struct kin_subscribe *how, kin_subscriber **out);
/* Gives back what it borrowed. */
void kin_subscriber_close(kin_subscriber *subscriber);

/* Reads the next message into buffer. `out`, unless NULL, tells the rest. -ETIMEDOUT: there is none yet; -E2BIG: the
 * buffer is too short, out->length says what it needs, and the message stays the next; -EPERM: the subscriber is the
 * parent's; -EIDRM: the topic was removed, and all that was in it has been read.
 * Death: nobody waits for the subscriber any longer. */
int kin_subscriber_next(kin_subscriber *subscriber, void *buffer, uint64_t capacity, kin_time until,
                        struct kin_sample *out);

/* The same into room that is made for it, until it is released. The message may be dropped from the log meanwhile; any
 * number may be borrowed at a time, and none holds up a publisher. -ENOMEM. */
int kin_subscriber_borrow(kin_subscriber *subscriber, kin_time until, struct kin_sample *out);
int kin_subscriber_release(kin_subscriber *subscriber, struct kin_sample *sample);

/* The position of the next message that it will read. Note it down, and another process can go on from there. */
uint64_t kin_subscriber_position(const kin_subscriber *subscriber);

/* A descriptor for poll, epoll or an event loop, that is readable when it is worth while to try (KIN_NOW), as
 * kin_queue_fd: kin_subscriber_clear() empties it before the tries. It stays the subscriber's. */
int kin_subscriber_fd(kin_subscriber *subscriber);
int kin_subscriber_clear(kin_subscriber *subscriber);

struct kin_topic_status {
    uint64_t published; /* since it was made: the position of the next message */
    uint64_t oldest;    /* the position of the oldest that is kept */
    uint64_t subscribers, slowest; /* that live; how far the slowest of them is behind, in messages */
    uint32_t messages, message_max, policy, times; /* what it was made with */
};
int kin_topic_status(kin_topic *topic, struct kin_topic_status *out);

struct kin_subscriber_status {
    pid_t pid;         /* 0: not known here */
    int alive;         /* 1; 0: dead, and nobody has struck it off yet */
    uint64_t position; /* of the next message that it will read */
    uint64_t lag;      /* messages that were published since */
};
/* Calls visit with each subscriber until it returns other than 0; returns that, or 0, or an error. */
int kin_topic_each_subscriber(kin_topic *topic,
                              int (*visit)(void *context, const struct kin_subscriber_status *subscriber),
                              void *context);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
