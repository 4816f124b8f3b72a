/* The operations of a topic and the states they are swept in. The message of position p is made of bytes p + 1, so a
 * survivor sees what is torn, lost, doubled or out of order. */
#ifndef TOPIC_ACTS_H
#define TOPIC_ACTS_H

#include "channel/topic.h"
#include <kin/crash.h>

#define KEPT 8u
#define DROP KIN_TOPIC_DROP_OLDEST
#define BLOCK KIN_TOPIC_BLOCK

/* What is done in a process of its own, which has opened the topic. */
typedef int topic_act(kin_topic *topic);

struct play {
    const char *name;
    uint32_t policy;
    unsigned filled;    /* messages that were published before */
    topic_act *build;   /* optional: more of the state before, by a process that is killed behind it */
    topic_act *arrive;  /* optional, not swept */
    topic_act *operate;
    unsigned adds;      /* messages that arrive and the operation publish */
    topic_act *wait;    /* a peer's; NULL: there is none */
    bool twice;         /* two crashers as well */
};
extern const struct play plays[];
extern const unsigned play_count;

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0)                                                                                                \
            return kin_crash_fail("%s: %s", #call, kin_reason());                                                      \
    } while (0)

int open_topic(kin_domain *domain, uint32_t policy, kin_topic **out);
/* Reads one and checks it: its position, and how many were missed; or the negative error. */
int read_one(kin_subscriber *reader, kin_time until, uint64_t *missed);

extern topic_act publish_next, publish_waiting, publish_two, publish_around, read_the_oldest, wait_for_message,
    sweep_domain;

#endif
