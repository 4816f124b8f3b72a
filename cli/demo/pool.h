/* The worker processes of kin demo: started, killed, started again. */
#pragma once
#include "command.h"
#include <poll.h>

enum { WORKERS_MOST = 256 };

struct worker {
    kin_process *process; /* NULL: none */
    bool killed;
};

struct pool {
    const struct call *call;
    kin_queue *pieces, *counts;
    struct worker workers[WORKERS_MOST];
    size_t count;
    uint64_t kills, restarts;
    unsigned random;
};

/* What a worker sends in front of its packed count. */
struct count_head {
    uint64_t number;   /* of the piece */
    uint32_t attempts; /* how often others had begun it */
    uint32_t spare;
};
/* In front of each piece. */
struct piece_head {
    uint64_t number;
};

int pool_start(struct pool *pool);
/* SIGKILL to one that lives; nothing when none does. */
void pool_kill_one(struct pool *pool);
/* Buries those that ended, and starts others in their places. The exit code is not 0 when one ended by itself. */
int pool_replace(struct pool *pool);
/* Fills `watched` with what becomes readable when a worker ends; returns how many. */
size_t pool_watch(const struct pool *pool, struct pollfd *watched);
/* Waits for all to end; they do when their queues are removed. */
void pool_stop(struct pool *pool);
