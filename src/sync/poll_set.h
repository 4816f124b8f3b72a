/* The inside of kin_poll: a set of things that are waited for together. Private memory: what it shares are its entries
 * in the tables of sync/poll.h.
 *
 * A set of things of one domain sleeps on the bell of its thread's life, as all sleepers do. With descriptors in it,
 * with things of several domains, or when it is a descriptor itself, it has FIFOs for bells, one a domain. */
#ifndef SYNC_POLL_SET_H
#define SYNC_POLL_SET_H

#include "sync/poll.h"
#include "sys/ready.h"

#define SET_BELLS_MAX 8u

struct set_bell {
    kin_domain *domain;
    bell_id id;       /* 0: to be made */
    uint32_t process; /* whose it is: a child of fork has a copy of the set */
    int fd;           /* -1: of a life */
    uint32_t deaths;  /* in the domain, when all was looked at */
};

enum member_kind { MEMBER_FREE, MEMBER_THING, MEMBER_FD };

#define RANG_ANY (-1)
#define RANG_NONE (-2)

struct member {
    enum member_kind kind;
    bool armed;            /* and was found not ready since: unless the arm is off, there is nothing to look at */
    int sort;              /* of its bell: things of one object have the same */
    struct pollable thing;
    unsigned bell;
    struct poller *poller; /* its entry; things of one object share it */
    int fd;
    short events;
    bool ready; /* the descriptor */
};

struct kin_poll {
    unsigned size, used, descriptors;
    struct member *members;
    struct pollfd *fds; /* size + SET_BELLS_MAX */
    unsigned cursor;
    unsigned bell_count;
    struct set_bell bells[SET_BELLS_MAX];
    uint32_t rung;    /* the life's bell when the arms were last looked at: what it did not ring for since, is armed */
    int rang;         /* members of that sort, or RANG_... */
    bool eager;       /* it rings often: a sleep is not worth while */
    bool ending;      /* who is in somebody's way is about to end: */
    int64_t longest;  /* so short is the sleep; 0: the backstop */
    bool exported;    /* it is a descriptor itself: */
    int epoll, timer; /* over bells, descriptors and the timer */
    uint32_t process; /* who made these */
    struct kin_poll *next; /* of a handle's (struct poll_fds) */
};

/* What the member's entry is to name. */
static inline bell_id bell_of(const struct kin_poll *set, const struct member *member)
{
    bell_id id = set->bells[member->bell].id;
    return id & BELL_OF_LIFE && id >> 32 == 0 ? id | (uint64_t)member->sort << 32 : id;
}

/* Makes what the set needs and has not, in this process and thread. */
int set_prepare(kin_poll *set);
/* Joins and arms. -EBUSY. */
int set_arm(kin_poll *set, struct member *member);
/* Empties the bells and the timer. True: the timer had come. */
bool set_drain(kin_poll *set);
/* The number of a member that is worth a try, the next in turn; -EAGAIN: there is none, and all are armed. */
int set_look(kin_poll *set, bool slow);

#endif
